import { expect, test } from 'vitest'
import { simulateInternet } from '../support/internet.ts'

const minuteMs = 60_000

test('without a session it says just that', async () => {
  const { browser } = await simulateInternet()
  const response = await browser().fetch('/bff/session')
  expect(response.status).toBe(200)
  expect(response.header('content-type')).toMatch(/^application\/json/)
  expect(response.header('cache-control')).toMatch(/no-store/)
  expect(response.object()).toEqual({ authenticated: false })
})

test('with a session it tells whose, the CSRF token and both ends', async () => {
  const { app, clock, browser } = await simulateInternet()
  const ada = browser()
  const startedMs = clock.now()
  await ada.login(app)
  const response = await ada.fetch('/bff/session')
  const session = response.object()
  expect(Object.keys(session).toSorted()).toEqual(['authenticated', 'csrfToken', 'expiresAt', 'idleExpiresAt', 'user'])
  expect(session['user']).toMatchObject({ sub: 'user-ada', name: 'Ada Lovelace', email: 'ada@example.com' })
  expect(String(session['csrfToken']).length).toBeGreaterThanOrEqual(22)
  const [idle, end] = [Date.parse(String(session['idleExpiresAt'])), Date.parse(String(session['expiresAt']))]
  expect(idle - startedMs).toBeGreaterThanOrEqual(30 * minuteMs - 1000)
  expect(idle - startedMs).toBeLessThan(31 * minuteMs)
  expect(end - startedMs).toBeGreaterThanOrEqual(8 * 60 * minuteMs - 1000)
  expect(end - startedMs).toBeLessThan(8 * 60 * minuteMs + minuteMs)
  expect(response.header('cache-control')).toMatch(/no-store/)
})

test('polling never keeps a session alive', async () => {
  const { app, clock, browser } = await simulateInternet()
  const ada = browser()
  await ada.login(app)
  const first = await ada.session()
  for (let round = 0; round < 2; round += 1) {
    clock.advance(14 * minuteMs)
    expect(await ada.session()).toMatchObject({ authenticated: true, idleExpiresAt: first['idleExpiresAt'] })
  }
  clock.advance(3 * minuteMs)
  expect(await ada.session()).toEqual({ authenticated: false })
  expect((await ada.fetch('/api/a')).status).toBe(401)
})

test('a proxied call slides the idle end, and nothing slides the absolute end', async () => {
  const { app, clock, provider, browser } = await simulateInternet()
  provider.settings.accessTokenLifetimeSeconds = 100_000
  const ada = browser()
  await ada.login(app)
  const first = await ada.session()
  for (let round = 0; round < 23; round += 1) {
    clock.advance(20 * minuteMs)
    expect((await ada.fetch('/api/a')).status, `after ${(round + 1) * 20} minutes`).toBe(200)
  }
  const later = await ada.session()
  expect(later['expiresAt']).toBe(first['expiresAt'])
  expect(Date.parse(String(later['idleExpiresAt']))).toBeLessThanOrEqual(Date.parse(String(later['expiresAt'])))
  clock.advance(20 * minuteMs)
  expect((await ada.fetch('/api/a')).status).toBe(401)
})

test('a session that nobody used ends, and the upstream sees nothing of it', async () => {
  const { app, clock, upstream, browser } = await simulateInternet()
  const ada = browser()
  await ada.login(app)
  clock.advance(30 * minuteMs)
  const response = await ada.fetch('/api/a')
  expect(response.status).toBe(401)
  expect(response.object()).toMatchObject({ code: 'session_required', login: '/bff/login' })
  expect(upstream.requests).toEqual([])
})

test('an id counts only in the cookie', async () => {
  const { app, browser, upstream } = await simulateInternet()
  const ada = browser()
  await ada.login(app)
  const id = ada.jar.get(app.sessionCookie)?.value ?? ''
  const stranger = browser()
  for (const path of [`/api/a?${app.sessionCookie}=${id}`, `/api/a?session=${id}`, `/bff/session?id=${id}`]) {
    const response = await stranger.fetch(path, {
      headers: { Authorization: `Bearer ${id}`, 'X-Session': id, [app.sessionCookie]: id },
    })
    expect(response.status === 401 || response.text === '{"authenticated":false}', path).toBe(true)
  }
  expect(upstream.requests).toEqual([])
})

test('session cookies that are wrong, cut, long, foreign or double are all the same to it', async () => {
  const { app, browser, upstream } = await simulateInternet()
  const ada = browser()
  await ada.login(app)
  const good = ada.jar.get(app.sessionCookie)?.value ?? ''
  const flipped = good.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'))
  const bad = [
    flipped,
    good.slice(1),
    `${good}A`,
    `${good}.1`,
    '',
    '%s%n',
    '../../x',
    'a%0d%0aDEL x',
    "'; DROP TABLE s;--",
    '*',
    '__proto__',
    'x'.repeat(4000),
  ]
  const cookies = [
    ...bad.map((value) => `${app.sessionCookie}=${value}`),
    `${app.sessionCookie}=${good}; ${app.sessionCookie}=${flipped}`,
    `${app.sessionCookie}=${flipped}; ${app.sessionCookie}=${good}`,
  ]
  const raw = browser()
  for (const cookie of cookies) {
    const [session, call] = [
      await raw.fetch('/bff/session', { headers: { Cookie: cookie } }),
      await raw.fetch('/api/a', { headers: { Cookie: cookie } }),
    ]
    expect(session.object(), cookie).toEqual({ authenticated: false })
    expect(call.status, cookie).toBe(401)
  }
  expect(upstream.requests).toEqual([])
  expect(await ada.session(), 'the real one still lives').toMatchObject({ authenticated: true })
})

test('the store and the log know no session id', async () => {
  const { app, browser, logs, store } = await simulateInternet()
  const ada = browser()
  await ada.login(app)
  const id = ada.jar.get(app.sessionCookie)?.value ?? ''
  expect(await store.get(id)).toBeUndefined()
  expect(logs.text()).not.toContain(id)
})

test('with csrf.cookie the token is in XSRF-TOKEN too', async () => {
  const { app, browser, upstream } = await simulateInternet({ config: { csrf: { cookie: true } } })
  const ada = browser()
  const response = await ada.login(app)
  const header = response.at('/bff/callback').setCookies.find((cookie) => cookie.startsWith('XSRF-TOKEN='))
  expect(header).toMatch(/; Secure/i)
  expect(header).toMatch(/; SameSite=Strict/i)
  expect(header).toMatch(/; Path=\//i)
  expect(header).not.toMatch(/HttpOnly|Domain/i)
  const token = ada.jar.get('XSRF-TOKEN')?.value ?? ''
  expect((await ada.session())['csrfToken']).toBe(token)
  expect((await ada.fetch('/api/a', { method: 'POST', headers: { 'X-XSRF-TOKEN': token } })).status).toBe(200)
  expect(upstream.requests).toHaveLength(1)
})

test('no token and no other secret of the provider is in what the user endpoint says', async () => {
  const { app, provider, browser, expectNothingSecret } = await simulateInternet()
  const ada = browser()
  await ada.login(app)
  const text = (await ada.fetch('/bff/session')).text
  expect(text).not.toMatch(/eyJ|at_hash|nonce|access_token|refresh_token|id_token/)
  expect(provider.issued.size).toBeGreaterThanOrEqual(6)
  expectNothingSecret()
})
