import { expect, test } from 'vitest'
import { createMemoryStore } from '../../src/stores/memory.ts'
import { simulateInternet } from '../support/internet.ts'

interface Listed {
  readonly id: string
  readonly device: string
  readonly current: boolean
  readonly createdAt: string
  readonly lastSeenAt: string
  readonly expiresAt: string
}

async function twoDevices() {
  const internet = await simulateInternet({ nodes: 2, store: createMemoryStore() })
  internet.provider.loginAs('grace')
  const grace = internet.browser()
  await grace.login(internet.app)
  internet.provider.loginAs('ada')
  const laptop = internet.browser()
  await laptop.login(internet.app)
  const phone = internet.browser({ node: 1 })
  await phone.login(internet.app)
  const list = async (): Promise<Listed[]> => (await laptop.fetch('/bff/sessions')).object()['sessions'] as Listed[]
  return { internet, grace, laptop, phone, list }
}

test('a user sees the own sessions, and which is this one', async () => {
  const { list, laptop, internet } = await twoDevices()
  const sessions = await list()
  expect(sessions).toHaveLength(2)
  expect(sessions.filter((s) => s.current)).toHaveLength(1)
  expect(new Set(sessions.map((s) => s.id)).size).toBe(2)
  for (const { device, createdAt, lastSeenAt, expiresAt } of sessions) {
    expect(device).not.toBe('')
    expect(Date.parse(createdAt)).toBeLessThanOrEqual(Date.parse(lastSeenAt))
    expect(Date.parse(expiresAt) - Date.parse(createdAt)).toBe(28_800_000)
  }
  const cookie = laptop.jar.get(internet.app.sessionCookie)?.value ?? ''
  expect(JSON.stringify(sessions)).not.toContain(cookie)
})

test('another session of the own is ended, on the node where it lives, and its open stream is told', async () => {
  const { list, phone, laptop, internet } = await twoDevices()
  const events = await phone.tab.stream('/bff/events')
  await events.until('retry:')
  const other = (await list()).find((s) => !s.current)
  expect((await laptop.fetch(`/bff/sessions/${other?.id}`, { method: 'DELETE', csrf: true })).status).toBe(204)
  expect(await events.until('session-ended')).toMatch(/event: session-ended\ndata: \{"reason":"/)
  await events.ended
  expect((await phone.fetch('/api/a')).status).toBe(401)
  expect((await laptop.fetch('/api/a')).status).toBe(200)
  expect(await list()).toHaveLength(1)
  expect(internet.logs.events('session_ended')).toMatchObject([{ reason: 'ended_by_user' }])
})

test('nobody ends the session of another user, or one that does not exist', async () => {
  const { grace, laptop, list } = await twoDevices()
  const [mine] = await list()
  for (const id of [mine?.id, 'nonsense', 'A'.repeat(22)]) {
    expect((await grace.fetch(`/bff/sessions/${id}`, { method: 'DELETE', csrf: true })).status).toBe(404)
  }
  expect((await laptop.session())['authenticated']).toBe(true)
})

test('ending one needs the CSRF token; seeing them needs a session', async () => {
  const { laptop, list, internet } = await twoDevices()
  const [first] = await list()
  expect((await laptop.fetch(`/bff/sessions/${first?.id}`, { method: 'DELETE' })).status).toBe(403)
  expect(await list()).toHaveLength(2)
  const nobody = internet.browser()
  expect((await nobody.fetch('/bff/sessions')).status).toBe(401)
  expect((await nobody.fetch('/bff/events')).status).toBe(401)
  expect((await laptop.fetch('/bff/sessions', { method: 'POST', csrf: true })).status).toBe(405)
  expect((await laptop.fetch('/bff/sessions/a/b')).status).toBe(404)
})

test('a page is warned a minute before its session ends, and told when it does', async () => {
  const internet = await simulateInternet()
  const ada = internet.browser()
  await ada.login(internet.app)
  const events = await ada.tab.stream('/bff/events')
  await events.until('retry:')
  internet.clock.advance(1_740_000)
  expect(await events.until('session-expiring')).toContain('"expiresAt"')
  internet.clock.advance(60_000)
  await events.until('session-ended')
  await events.ended
  expect(await ada.session()).toEqual({ authenticated: false })
})
