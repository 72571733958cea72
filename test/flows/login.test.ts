import { expect, test } from 'vitest'
import { simulateInternet } from '../support/internet.ts'

test('a login is one line: code flow with PKCE, a session, and a clean address', async () => {
  const { app, provider, browser } = await simulateInternet()
  const ada = browser()
  const landed = await ada.login(app, '/orders?a=1&a=2#top')
  expect(landed.status).toBe(200)
  expect(ada.tab.url).toBe(`${app.url}/orders?a=1&a=2#top`)
  const session = await ada.session()
  expect(session).toMatchObject({ authenticated: true, user: { sub: 'user-ada', name: 'Ada Lovelace' } })
  expect(provider.calls.token).toHaveLength(1)
  expect(provider.calls.token[0]?.client.method).toBe('client_secret_basic')
  expect(provider.calls.token[0]?.form.get('redirect_uri')).toBe(`${app.url}/bff/callback`)
})

test('the authorization request holds each parameter once, with values of our own that are fresh', async () => {
  const { app, provider, browser } = await simulateInternet()
  const hostile =
    'scope=admin&client_id=x&redirect_uri=https://evil.test&response_type=token&request_uri=http://evil.test/r&nonce=1&state=2&resource=x&max_age=0'
  await browser().navigate(`${app.url}/bff/login?${hostile}`)
  await browser().navigate(`${app.url}/bff/login`)
  const [first, second] = provider.calls.authorize.map((call) => call.form)
  const names = [...(first?.keys() ?? [])]
  expect(names.toSorted()).toEqual([...new Set(names)].toSorted())
  expect(Object.fromEntries(first ?? [])).toMatchObject({
    client_id: 'web-bff',
    response_type: 'code',
    redirect_uri: `${app.url}/bff/callback`,
    scope: 'openid profile offline_access',
    code_challenge_method: 'S256',
  })
  expect(names).not.toContain('request_uri')
  expect(names).not.toContain('max_age')
  for (const name of ['state', 'nonce', 'code_challenge']) {
    // 128 bits are 22 characters of base64url.
    expect(first?.get(name)?.length, name).toBeGreaterThanOrEqual(22)
    expect(first?.get(name), name).not.toBe(second?.get(name))
  }
})

test('a link may set prompt and loginHint', async () => {
  const { app, provider, browser } = await simulateInternet()
  await browser().navigate(`${app.url}/bff/login?prompt=login&loginHint=ada%40example.com&acrValues=high`)
  const [call] = provider.calls.authorize
  expect(call?.form.get('prompt')).toBe('login')
  expect(call?.form.get('login_hint')).toBe('ada@example.com')
  expect(call?.form.has('acr_values')).toBe(false)
})

test.each(['fetch', 'image', 'iframe', 'prefetch'] as const)('a %s does not start a login', async (kind) => {
  const { app, provider, browser } = await simulateInternet()
  const { tab, jar } = browser()
  for (const from of [app.url, 'https://evil.test']) {
    const response =
      kind === 'fetch'
        ? await tab.fetch('/bff/login', { from, mode: 'no-cors', credentials: 'include' })
        : await tab.load('/bff/login', kind, from)
    expect(response.status).toBe(400)
    expect(response.header('content-type')).toMatch(/^application\/problem\+json|^text\/html/)
    expect(response.text).toContain('login_needs_navigation')
    expect(response.setCookies).toEqual([])
  }
  expect(jar.all()).toEqual([])
  expect(provider.calls.authorize).toEqual([])
})

test('a browser without Fetch Metadata can log in', async () => {
  const { app, browser } = await simulateInternet()
  const old = browser({ fetchMetadata: false })
  await old.login(app, '/x')
  expect(old.tab.url).toBe(`${app.url}/x`)
  expect(await old.session()).toMatchObject({ authenticated: true })
})

test('two tabs log in at once, each to its own page', async () => {
  const { app, provider, browser } = await simulateInternet()
  provider.settings.interactive = true
  const ada = browser()
  const [left, right] = [ada.newTab(), ada.newTab()]
  await left.click('/bff/login?returnTo=/left')
  await right.click('/bff/login?returnTo=/right')
  await right.submitForm()
  await left.submitForm()
  expect([left.url, right.url]).toEqual([`${app.url}/left`, `${app.url}/right`])
  expect(await ada.session()).toMatchObject({ authenticated: true })
  expect(ada.jar.all().map(({ name }) => name)).toEqual([app.sessionCookie])
})

test('many begun logins leave at most five cookies, and the last one still works', async () => {
  const { app, provider, browser } = await simulateInternet()
  provider.settings.interactive = true
  const ada = browser()
  const tabs = Array.from({ length: 12 }, () => ada.newTab())
  for (const [index, tab] of tabs.entries()) {
    await tab.click(`/bff/login?returnTo=/${index}`)
    expect(ada.jar.all().length).toBeLessThanOrEqual(5)
  }
  const header = ada.jar
    .all()
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ')
  expect(header.length).toBeLessThan(8192)
  await tabs.at(-1)?.submitForm()
  expect(tabs.at(-1)?.url).toBe(`${app.url}/11`)
  const oldest = await tabs[0]?.submitForm()
  expect(oldest?.status, 'the oldest login is gone, but the browser is logged in').toBe(200)
  expect(await ada.session()).toMatchObject({ authenticated: true })
})

test('a login must be done within fifteen minutes', async () => {
  const { app, provider, clock, browser } = await simulateInternet()
  provider.settings.interactive = true
  const ada = browser()
  await ada.login(app)
  clock.advance(15 * 60_000 + 1_000)
  await ada.tab.submitForm()
  expect(ada.tab.url).toMatch(/\/bff\/error\?code=login_failed/)
  expect(provider.calls.token).toEqual([])
  expect(await ada.session()).toEqual({ authenticated: false })
})

test('cookies carry every attribute, and no Domain', async () => {
  const { app, browser } = await simulateInternet()
  const ada = browser()
  const response = await ada.login(app)
  const [login] = response.at('/bff/login').setCookies
  expect(login).toMatch(/^__Host-Http-coatcheck-login-\w+=[\w-]+/)
  expect(attributes(login)).toEqual(['httponly', 'max-age=900', 'path=/', 'samesite=lax', 'secure'])
  const [session, cleared] = response.at('/bff/callback').setCookies
  expect(session).toMatch(/^__Host-Http-coatcheck=[\w-]{43};/)
  expect(attributes(session)).toEqual(['httponly', 'path=/', 'samesite=strict', 'secure'])
  expect(attributes(cleared)).toEqual(['httponly', 'max-age=0', 'path=/', 'samesite=lax', 'secure'])
  expect(ada.jar.refused).toEqual([])
})

test('on a loopback http origin the names lose their prefix and everything works', async () => {
  const { app, browser, upstream } = await simulateInternet({ scheme: 'http' })
  const ada = browser()
  await ada.login(app, '/x')
  expect(ada.jar.refused).toEqual([])
  expect(ada.jar.all().map(({ name }) => name)).toEqual(['coatcheck'])
  expect((await ada.fetch('/api/a')).status).toBe(200)
  expect(upstream.requests).toHaveLength(1)
})

test('a login that begins at one node ends at another', async () => {
  const internet = await simulateInternet({ nodes: 2 })
  internet.provider.settings.interactive = true
  const ada = internet.browser()
  await ada.login(internet.app, '/x')
  internet.reachBy(ada, 1)
  await ada.tab.submitForm()
  expect(ada.tab.url).toBe(`${internet.app.url}/x`)
  internet.reachBy(ada, 0)
  expect(await ada.session()).toMatchObject({ authenticated: true })
})

test('every login gives a new session and ends the one before', async () => {
  const { app, provider, browser } = await simulateInternet()
  const ada = browser()
  ada.jar.plant({ name: app.sessionCookie, value: 'A'.repeat(43), domain: 'app.test', sameSite: 'strict' })
  await ada.login(app)
  const first = ada.jar.get(app.sessionCookie)?.value
  const thief = ada.copy()
  expect(first).not.toBe('A'.repeat(43))
  provider.loginAs('grace')
  await ada.login(app)
  expect(ada.jar.get(app.sessionCookie)?.value).not.toBe(first)
  expect(await ada.session()).toMatchObject({ user: { sub: 'user-grace' } })
  expect(await thief.session(), 'the former cookie').toEqual({ authenticated: false })
  thief.close()
})

function attributes(header: string | undefined): string[] {
  return (header ?? '')
    .split(';')
    .slice(1)
    .map((part) => part.trim().toLowerCase())
    .toSorted()
}
