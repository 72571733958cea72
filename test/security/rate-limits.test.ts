/**
 * Rate limits: L01, L02 (oauth2-proxy issues 2163 and 2383, nextjs-auth0 PR 2077: floods of logins), J02 (better-auth
 * CVE-2025-71399: a limit that another spelling of the path walked around).
 */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createBff } from '../../src/bff.ts'
import { captureLog } from '../support/captured-log.ts'
import { eventually } from '../support/eventually.ts'
import { serverSecret, simulateInternet } from '../support/internet.ts'
import { rawExchange, rawRequest } from '../support/raw-client.ts'
import { anyRedis, commandAt } from '../support/redis-server.ts'

const navigation = ['Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document', 'Sec-Fetch-Site: none']
const limit = { requests: 3, perSeconds: 600 }

test('a flood of logins from one address is 429 with Retry-After; other addresses go on', async () => {
  const config = { login: { rateLimit: limit }, trustedProxies: ['127.0.0.1'] }
  const { app } = await simulateInternet({ config })
  const login = (from: string) =>
    rawExchange(app.port, rawRequest('GET', '/bff/login', [...navigation, `X-Forwarded-For: ${from}`]))
  for (let i = 0; i < 3; i += 1) expect((await login('192.0.2.7')).status).toBe(303)
  const refused = await login('192.0.2.7')
  expect(refused.status).toBe(429)
  expect(Number(refused.header('retry-after'))).toBeGreaterThan(0)
  expect(refused.header('cache-control')).toContain('no-store')
  expect(refused.header('set-cookie')).toBeUndefined()
  // The address is the one that the proxy saw, not what the client put in front of it.
  expect((await login('198.51.100.1, 192.0.2.7')).status).toBe(429)
  expect((await login('192.0.2.8')).status).toBe(303)
  expect((await login('2001:db8::1')).status).toBe(303)
  for (let i = 2; i < 4; i += 1) await login(`2001:db8::${i}`)
  expect((await login('2001:db8::4')).status).toBe(429)
})

test('X-Forwarded-For of a stranger makes no new client', async () => {
  const { app } = await simulateInternet({ config: { login: { rateLimit: limit } } })
  const statuses: number[] = []
  for (let i = 0; i < 5; i += 1) {
    const headers = [...navigation, `X-Forwarded-For: 192.0.2.${i}`, `Forwarded: for=192.0.2.${i}`]
    statuses.push((await rawExchange(app.port, rawRequest('GET', '/bff/login', headers))).status)
  }
  expect(statuses).toEqual([303, 303, 303, 429, 429])
})

test('a callback over the limit is a redirect too, and the transaction stays', async () => {
  const { app } = await simulateInternet({ config: { login: { rateLimit: limit } } })
  const ask = (target: string) => rawExchange(app.port, rawRequest('GET', target, navigation))
  for (let i = 0; i < 3; i += 1) expect((await ask('/bff/callback?state=x&code=y')).status).toBe(303)
  const refused = await ask('/bff/callback?state=x&code=y')
  expect(refused.status).toBe(303)
  expect(refused.header('location')).toBe('/bff/error?code=too_many_requests')
  expect(refused.header('retry-after')).toMatch(/^\d+$/)
  expect(refused.header('content-security-policy')).toBe('sandbox')
  expect(refused.header('set-cookie')).toBeUndefined()
  const page = await ask('/bff/error?code=too_many_requests')
  expect(page.status).toBe(429)
  expect(page.header('retry-after')).toMatch(/^\d+$/)
})

test('a JSON client gets a problem with its code', async () => {
  const { browser } = await simulateInternet({ config: { login: { rateLimit: { requests: 1, perSeconds: 600 } } } })
  const ada = browser()
  await ada.fetch('/bff/login')
  const refused = await ada.fetch('/bff/login')
  expect(refused.status).toBe(429)
  expect(refused.header('content-type')).toMatch(/^application\/problem\+json/)
  expect(refused.object()).toMatchObject({ code: 'too_many_requests', status: 429 })
})

test('logins are limited by default, generously', async () => {
  const { nodes } = await simulateInternet()
  expect(nodes[0]?.gateway.bff.config.login.rateLimit).toEqual({ requests: 6000, perSeconds: 60 })
})

test.each(['address', 'session', 'route'] as const)('a route is limited by %s, and another one is not', async (by) => {
  const internet = await simulateInternet({
    config: {
      routes: [
        { path: '/api/', upstream: 'http://127.0.0.1:9/', rateLimits: [{ ...limit, by }] },
        { path: '/other/', upstream: 'http://127.0.0.1:9/' },
      ],
    },
  })
  const [ada, grace] = [internet.browser(), internet.browser()]
  await ada.login(internet.app)
  await grace.login(internet.app)
  const statuses: number[] = []
  for (let i = 0; i < 4; i += 1) statuses.push((await ada.fetch('/api/a')).status)
  expect(statuses).toEqual([502, 502, 502, 429])
  expect((await ada.fetch('/other/a')).status).toBe(502)
  expect((await grace.fetch('/api/a')).status).toBe(by === 'session' ? 502 : 429)
  // Other spellings of the path are refused before, and never forwarded past the count.
  for (const target of ['//api/a', '/api//a', '/./api/a', '/%61pi/../api/a', '/api/%2e/a']) {
    const { status } = await rawExchange(internet.app.port, rawRequest('GET', target))
    expect([400, 404, 429]).toContain(status)
  }
  // Neither do made-up sessions make new clients.
  const cookie = `Cookie: ${internet.app.sessionCookie}=${'A'.repeat(43)}`
  const forged = [cookie, 'Sec-Fetch-Site: same-origin']
  const answers: number[] = []
  for (let i = 0; i < 4; i += 1) answers.push((await rawExchange(internet.app.port, rawRequest('GET', '/api/a', forged))).status)
  expect(answers.at(-1)).toBe(429)
})

test('a WebSocket handshake counts as a call', async () => {
  const internet = await simulateInternet({
    config: {
      routes: [{ path: '/api/', upstream: 'http://127.0.0.1:9/', auth: 'none', rateLimits: [{ ...limit, by: 'route' }] }],
    },
  })
  const handshake = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    `Origin: ${internet.app.url}`,
  ]
  const statuses: number[] = []
  for (let i = 0; i < 4; i += 1)
    statuses.push((await rawExchange(internet.app.port, rawRequest('GET', '/api/a', handshake))).status)
  expect(statuses.at(-1)).toBe(429)
})

test('the window ends, and calls go through again', async () => {
  const rateLimits = [{ requests: 1, perSeconds: 1, by: 'route' as const }]
  const internet = await simulateInternet({
    config: { routes: [{ path: '/api/', upstream: 'http://127.0.0.1:9/', auth: 'none', rateLimits }] },
  })
  const ask = async () => (await rawExchange(internet.app.port, rawRequest('GET', '/api/a'))).status
  expect(await ask()).toBe(502)
  expect(await ask()).toBe(429)
  await eventually(async () => expect(await ask()).toBe(502))
})

let redis: Awaited<ReturnType<typeof anyRedis>>
beforeAll(async () => {
  redis = await anyRedis()
})
afterAll(() => redis.stop())

function node(url: string, keyPrefix: string, requests = 3) {
  const bff = createBff({
    origin: 'https://app.test',
    provider: { issuer: 'https://id.test', clientId: 'a', clientSecret: 'b' },
    session: { secrets: [serverSecret], store: { type: 'redis', url, keyPrefix } },
    login: { rateLimit: { requests, perSeconds: 600 } },
    routes: [{ path: '/api/', upstream: 'http://127.0.0.1:9/' }],
    logger: captureLog().logger,
    fetch: () => Promise.reject(new Error('no provider')),
  })
  onTestFinished(() => bff.close())
  const login = async () => {
    const request = new Request('https://app.test/bff/login', { headers: { 'sec-fetch-mode': 'navigate' } })
    return (await bff.fetch(request, { clientAddress: '192.0.2.7' })).status
  }
  return { login }
}

test('nodes count together where the session store is Redis', async () => {
  const keyPrefix = `test-${randomUUID()}:`
  const [one, other] = [node(redis.url, keyPrefix, 1000), node(redis.url, keyPrefix, 1000)]
  // Until its connection stands a node counts by itself.
  const key = await eventually(async () => {
    expect(await one.login()).toBe(503)
    const found = await commandAt(redis.url, 'keys', `${keyPrefix}rate:*`)
    expect(found).toHaveLength(1)
    return String((found as unknown[])[0])
  })
  expect(key).not.toContain('192.0.2.7')
  expect(Number(await commandAt(redis.url, 'ttl', key))).toBeGreaterThan(0)
  await commandAt(redis.url, 'incrby', key, 5000)
  await eventually(async () => expect(await other.login()).toBe(429))
  expect(await one.login()).toBe(429)
})

test('while Redis is down the limit of the process holds', async () => {
  const down = node('redis://127.0.0.1:9', 'x:')
  const statuses: number[] = []
  for (let i = 0; i < 5; i += 1) statuses.push(await down.login())
  expect(statuses).toEqual([503, 503, 503, 429, 429])
})
