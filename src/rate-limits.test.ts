import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { networkOf, RateLimits, type RouteRateLimit, type SharedCounters } from './rate-limits.ts'

const hash = (text: string) => createHash('sha256').update(text).digest()

function limitsOf(rateLimits: RouteRateLimit[], login = { requests: 2, perSeconds: 60 }, shared?: SharedCounters) {
  return new RateLimits({ login, routes: [{ path: '/api/', rateLimits }], hash, shared })
}

const refused = { code: 'too_many_requests', status: 429 }

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8:0:0:ffff::9', '2001:db8:0:0::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::', 'fe80:0:0:0::/64'],
])('%s counts as %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})

test('logins are counted by address, and each address by itself', async () => {
  const limits = limitsOf([])
  for (let i = 0; i < 2; i += 1) await limits.login('192.0.2.7')
  await expect(limits.login('192.0.2.7')).rejects.toMatchObject(refused)
  await limits.login('192.0.2.8')
})

test('a /64 is one client, and the next is another', async () => {
  const limits = limitsOf([])
  await limits.login('2001:db8::1')
  await limits.login('2001:db8::2')
  await expect(limits.login('2001:db8:0:0:9::3')).rejects.toMatchObject(refused)
  await limits.login('2001:db8:0:1::1')
})

test('a refusal says when to come again', async () => {
  const limits = limitsOf([], { requests: 1, perSeconds: 30 })
  await limits.login('192.0.2.7')
  const error = await limits.login('192.0.2.7').catch((thrown: unknown) => thrown)
  expect(error).toMatchObject(refused)
  const { retryAfterSeconds = 0 } = error as { retryAfterSeconds?: number }
  expect(retryAfterSeconds).toBeGreaterThan(0)
  expect(retryAfterSeconds).toBeLessThanOrEqual(30)
})

test('0 is no limit, and an unknown address is not counted with others like it', async () => {
  const unlimited = limitsOf([], { requests: 0, perSeconds: 60 })
  for (let i = 0; i < 50; i += 1) await unlimited.login('192.0.2.7')
  const limits = limitsOf([])
  for (let i = 0; i < 50; i += 1) await limits.login('')
})

test('a route counts everybody, each address or each session', async () => {
  const perSeconds = 60
  const limits = limitsOf([
    { requests: 5, perSeconds, by: 'route' },
    { requests: 3, perSeconds, by: 'address' },
    { requests: 2, perSeconds, by: 'session' },
  ])
  await limits.session('/api/', 'one', '192.0.2.7')
  await limits.session('/api/', 'one', '192.0.2.8')
  await expect(limits.session('/api/', 'one', '192.0.2.9')).rejects.toMatchObject(refused)
  await limits.session('/api/', 'two', '192.0.2.7')
  for (let i = 0; i < 3; i += 1) await limits.call('/api/', '192.0.2.7')
  await expect(limits.call('/api/', '192.0.2.7')).rejects.toMatchObject({ message: 'more than 3 in 60 s: address 60 /api/' })
  await limits.call('/api/', '192.0.2.8')
  await expect(limits.call('/api/', '192.0.2.8')).rejects.toMatchObject({ message: 'more than 5 in 60 s: route 60 /api/' })
})

test('a call without a session counts by its address where sessions are counted', async () => {
  const limits = limitsOf([{ requests: 1, perSeconds: 60, by: 'session' }])
  await limits.session('/api/', undefined, '192.0.2.7')
  await expect(limits.session('/api/', undefined, '192.0.2.7')).rejects.toMatchObject(refused)
  await limits.session('/api/', undefined, '192.0.2.8')
})

test('shared counters that are out of reach, or fail, lift no limit and refuse nobody', async () => {
  for (const isReady of [false, true]) {
    const shared = { keyPrefix: 'x:', isReady, run: () => Promise.reject(new Error('down')) }
    const limits = limitsOf([], { requests: 2, perSeconds: 60 }, shared)
    for (let i = 0; i < 2; i += 1) await limits.login('192.0.2.7')
    await expect(limits.login('192.0.2.7')).rejects.toMatchObject(refused)
  }
})
