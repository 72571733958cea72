import { expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { simulateInternet } from '../support/internet.ts'

const expiredMs = 301_000

test.each(['before', 'after'] as const)('a logout while a refresh is held %s the work stays a logout', async (when) => {
  const { user, app, provider, upstream } = await loggedInWithExpiredToken()
  const thief = user.copy()
  const token = String((await user.session())['csrfToken'])
  const held = provider.hold('token', when)
  const inFlight = user.fetch('/api/a')
  await held.arrived
  const logout = await user.fetch('/bff/logout', { method: 'POST', headers: { 'X-CSRF-Token': token } })
  expect(logout.status).toBe(200)
  held.release()
  const late = await inFlight
  expect(late.status).toBe(401)
  expect(upstream.requests).toEqual([])
  expect(await thief.session()).toEqual({ authenticated: false })
  expect((await thief.fetch('/api/a')).status).toBe(401)
  expect(user.jar.get(app.sessionCookie)).toBeUndefined()
  await eventually(() =>
    expect([...provider.issued].filter(([value, kind]) => kind === 'refresh_token' && provider.grants.isLive(value))).toEqual([]),
  )
})

test('however a logout and a refresh fall together, the logout wins', async () => {
  const internet = await simulateInternet()
  const { app, provider, clock } = internet
  for (let round = 0; round < 30; round += 1) {
    const user = internet.browser()
    await user.login(app)
    const thief = user.copy()
    const token = String((await user.session())['csrfToken'])
    clock.advance(expiredMs)
    provider.override('token', { delayMs: round % 6 })
    const calls = [user.fetch('/api/a'), user.fetch('/api/b')]
    await new Promise((resolve) => setTimeout(resolve, round % 5))
    expect((await user.fetch('/bff/logout', { method: 'POST', headers: { 'X-CSRF-Token': token } })).status).toBe(200)
    await Promise.all(calls)
    expect(await thief.session(), `round ${round}`).toEqual({ authenticated: false })
    expect(user.jar.get(app.sessionCookie), `round ${round}`).toBeUndefined()
    provider.override('token', undefined)
    thief.close()
  }
  await eventually(() =>
    expect([...provider.issued].filter(([value, kind]) => kind === 'refresh_token' && provider.grants.isLive(value))).toEqual([]),
  )
})

async function loggedInWithExpiredToken() {
  const internet = await simulateInternet()
  const user = internet.browser()
  await user.login(internet.app)
  internet.clock.advance(expiredMs)
  return { user, ...internet }
}
