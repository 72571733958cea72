import { expect, test } from 'vitest'
import type { BrowserResponse } from '../support/browser-response.ts'
import { simulateInternet, type Internet } from '../support/internet.ts'
import { rawExchange, rawRequest } from '../support/raw-client.ts'

/** Starts a login and stops at the provider's page: the callback's address, not yet visited. */
async function beginLogin(
  { app, provider }: Internet,
  browser: ReturnType<Internet['browser']>,
  returnTo = '/',
): Promise<string> {
  provider.settings.interactive = true
  await browser.login(app, returnTo)
  const action = /action="([^"]+)"/.exec(browser.tab.page?.text ?? '')?.[1] ?? ''
  const fields = [...(browser.tab.page?.text ?? '').matchAll(/name="([^"]+)" value="([^"]*)"/g)]
  return `${action}?${new URLSearchParams(fields.map(([, name = '', value = '']): [string, string] => [name, value])).toString()}`
}

function expectBareRedirect(response: BrowserResponse): void {
  expect(response.status).toBe(303)
  expect(response.text, 'a redirect is never a document').toBe('')
  expect(response.header('content-security-policy')).toMatch(/\bsandbox\b/)
  expect(response.header('cache-control')).toMatch(/no-store/)
  expect(response.header('referrer-policy')).toBe('no-referrer')
}

test('after the provider page a landing page makes the hop that shows the Strict cookie', async () => {
  const internet = await simulateInternet()
  const ada = internet.browser()
  await beginLogin(internet, ada, '/api/report?x=1#two')
  const response = await ada.tab.submitForm()
  expect(response.hops.map(({ url }) => url.pathname)).toEqual(['/bff/callback', '/bff/landing', '/api/report'])
  expectBareRedirect(response.at('/bff/callback'))
  const landing = response.at('/bff/landing')
  expect(landing.status).toBe(200)
  expect(landing.header('refresh')).toMatch(/^0;/)
  expect(landing.url).not.toMatch(/code=|state=/)
  expect(response.status, 'the proxied page is shown logged in').toBe(200)
  expect(ada.tab.url).toBe(`${internet.app.url}/api/report?x=1#two`)
})

test('with a Lax cookie the way back is direct', async () => {
  const internet = await simulateInternet({ config: { session: { cookie: { sameSite: 'lax' } } } })
  const ada = internet.browser()
  await beginLogin(internet, ada, '/api/report')
  const response = await ada.tab.submitForm()
  expect(response.hops.map(({ url }) => url.pathname)).toEqual(['/bff/callback', '/api/report'])
  expect(response.status).toBe(200)
})

test('form_post works in a real tab: the login cookie goes with a cross-site POST', async () => {
  const internet = await simulateInternet({ config: { provider: { responseMode: 'form_post' } } })
  const ada = internet.browser()
  const response = await ada.login(internet.app, '/x')
  expect(internet.provider.calls.authorize[0]?.form.get('response_mode')).toBe('form_post')
  const [login] = response.at('/bff/login').setCookies
  expect(login).toMatch(/SameSite=None/i)
  expectBareRedirect(response.at('/bff/callback'))
  expect(ada.tab.url).toBe(`${internet.app.url}/x`)
  expect(await ada.session()).toMatchObject({ authenticated: true })
})

test('a replayed callback goes to the app and makes no second token call', async () => {
  const internet = await simulateInternet()
  const ada = internet.browser()
  const callback = await beginLogin(internet, ada, '/x')
  await ada.tab.submitForm()
  const before = ada.jar.get(internet.app.sessionCookie)?.value
  const again = await ada.navigate(callback)
  expectBareRedirect(again.at('/bff/callback'))
  expect(new URL(ada.tab.url).pathname).not.toBe('/bff/error')
  expect(internet.provider.calls.token).toHaveLength(1)
  expect(ada.jar.get(internet.app.sessionCookie)?.value).toBe(before)
  expect(internet.provider.grants.codeReuseDetected).toBe(0)
})

test('a callback replayed from a page of another site goes to the app as well', async () => {
  const internet = await simulateInternet()
  const ada = internet.browser()
  const callback = await beginLogin(internet, ada, '/x')
  await ada.tab.submitForm()
  await ada.tab.click(callback, 'https://mail.test')
  expect(new URL(ada.tab.url).pathname).not.toBe('/bff/error')
  expect(internet.provider.calls.token).toHaveLength(1)
})

test('twenty callbacks at once make one token call and one session', async () => {
  const internet = await simulateInternet()
  const ada = internet.browser()
  const callback = new URL(await beginLogin(internet, ada))
  const cookie = `Cookie: ${ada.jar
    .all()
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ')}`
  const request = rawRequest('GET', callback.pathname + callback.search, [cookie])
  const responses = await Promise.all(Array.from({ length: 20 }, () => rawExchange(internet.app.port, request)))
  const sessions = responses.filter(({ head }) =>
    new RegExp(`^set-cookie: ${internet.app.sessionCookie}=[\\w-]`, 'im').test(head),
  )
  expect(responses.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 303))
  expect(sessions).toHaveLength(1)
  expect(internet.provider.calls.token).toHaveLength(1)
})

test('back after the login leads into the app', async () => {
  const internet = await simulateInternet()
  const ada = internet.browser()
  await ada.navigate('/')
  await beginLogin(internet, ada, '/x')
  await ada.tab.submitForm()
  const back = await ada.tab.back()
  // The page before is the provider's; its form leads to the used callback.
  expect(back.url).toContain(internet.provider.issuer)
  await ada.tab.submitForm()
  expect(new URL(ada.tab.url).pathname).not.toBe('/bff/error')
  expect(await ada.session()).toMatchObject({ authenticated: true })
})

test.each(['without a login of its own', 'with a login of its own'])(
  'an attacker cannot log a victim in as himself: %s',
  async (variant) => {
    const internet = await simulateInternet()
    const { provider, app } = internet
    const mallory = internet.browser()
    provider.loginAs('mallory')
    const callback = await beginLogin(internet, mallory)
    const victim = internet.browser()
    if (variant.startsWith('with a')) await beginLogin(internet, victim)
    const response = await victim.tab.click(callback, 'https://evil.test')
    expectBareRedirect(response.at('/bff/callback'))
    expect(response.at('/bff/callback').header('location')).toMatch(/^\/bff\/error\?code=login_failed/)
    expect(victim.jar.get(app.sessionCookie)).toBeUndefined()
    expect(provider.calls.token).toEqual([])
    // What was shown to a stranger is burnt: the browser that began it cannot finish it any more.
    await mallory.navigate(callback)
    expect(mallory.jar.get(app.sessionCookie)).toBeUndefined()
    expect(provider.calls.token).toEqual([])
    expect(internet.logs.events('login_transaction_burnt')).toHaveLength(1)
  },
)

test('an error of the provider ends at a plain page with a link to try again', async () => {
  const { app, provider, browser, logs } = await simulateInternet()
  const ada = browser()
  provider.denyNext('access_denied', '<script>alert(1)</script> no, thank you')
  const response = await ada.login(app, '/x')
  expectBareRedirect(response.at('/bff/callback'))
  expect(ada.tab.url).toMatch(/\/bff\/error\?code=login_failed/)
  expect(response.text).not.toContain('<script')
  expect(response.text).not.toContain('no, thank you')
  expect(response.text).toMatch(/href="\/bff\/login/)
  expect(response.header('content-security-policy')).toContain("default-src 'none'")
  expect(provider.calls.token).toEqual([])
  expect(logs.events('login_failed')).toHaveLength(1)
  await ada.tab.click('/bff/login?returnTo=/x')
  expect(await ada.session()).toMatchObject({ authenticated: true })
})

test('a failed second login leaves the first session alone and goes to the app', async () => {
  const { app, provider, browser } = await simulateInternet()
  const ada = browser()
  await ada.login(app)
  provider.denyNext('access_denied')
  await ada.login(app, '/x')
  expect(ada.tab.url).toBe(`${app.url}/x`)
  expect(await ada.session()).toMatchObject({ user: { sub: 'user-ada' } })
})

test.each([
  ['nothing at all', ''],
  ['a code without state', 'code=x'],
  ['an error without state', 'error=access_denied'],
  ['an error with markup', 'error=access_denied&error_description=%3Cscript%3E&error_uri=javascript:alert(1)&state=x'],
  ['an empty state', 'code=x&state='],
  ['a NUL in the state', 'code=x&state=%00'],
  ['a state with dots', 'code=x&state=a.b.c'],
  ['a state that is no UTF-8', 'code=x&state=%ff'],
  ['a state named like a prototype', 'code=x&state=__proto__'],
  ['a long state', `code=x&state=${'a'.repeat(8000)}`],
  ['line ends in an error', 'error=a%0d%0aSet-Cookie:x=1&state=x'],
])('a callback with %s is a redirect to the error page', async (_what, query) => {
  const { app, provider, browser } = await simulateInternet()
  const ada = browser()
  const response = await ada.navigate(`${app.url}/bff/callback?${query}`)
  expectBareRedirect(response.at('/bff/callback'))
  expect(ada.tab.url).toMatch(/\/bff\/error\?code=login_failed/)
  expect(response.text).not.toContain('<script')
  expect(ada.jar.all()).toEqual([])
  expect(provider.calls.token).toEqual([])
})

test.each([
  ['the code twice', (url: URL) => url.searchParams.append('code', 'other')],
  ['the state twice', (url: URL) => url.searchParams.append('state', 'other')],
  ['iss twice', (url: URL) => url.searchParams.append('iss', 'https://evil.test')],
  ['an access token of the front channel', (url: URL) => url.searchParams.set('access_token', 'x')],
  ['an ID token of the front channel', (url: URL) => url.searchParams.set('id_token', 'x')],
  ['a changed state', (url: URL) => url.searchParams.set('state', `${url.searchParams.get('state') ?? ''}x`)],
  ['no code', (url: URL) => url.searchParams.delete('code')],
])('a callback with %s makes no token call', async (_what, change) => {
  const internet = await simulateInternet()
  const ada = internet.browser()
  const callback = new URL(await beginLogin(internet, ada))
  change(callback)
  await ada.navigate(callback.href)
  expect(ada.tab.url).toMatch(/\/bff\/error\?code=/)
  expect(internet.provider.calls.token).toEqual([])
  expect(await ada.session()).toEqual({ authenticated: false })
})

test.each([
  ['another issuer', 'https://evil.test'],
  ['a slash more', 'slash'],
  ['no issuer though it is advertised', undefined],
])('an authorization response with %s is refused before any token call (RFC 9207)', async (_what, iss) => {
  const { app, provider, browser } = await simulateInternet()
  provider.editAuthorizationResponse = (parameters) => {
    if (iss === undefined) parameters.delete('iss')
    else parameters.set('iss', iss === 'slash' ? `${provider.issuer}/` : iss)
  }
  const ada = browser()
  await ada.login(app)
  expect(ada.tab.url).toMatch(/\/bff\/error\?code=login_failed/)
  expect(provider.calls.token).toEqual([])
})

test('a provider that neither advertises nor sends iss is fine', async () => {
  const { app, provider, browser } = await simulateInternet()
  provider.settings.advertiseIss = false
  provider.settings.sendIss = false
  const ada = browser()
  await ada.login(app)
  expect(await ada.session()).toMatchObject({ authenticated: true })
})

test.each(['HEAD', 'OPTIONS', 'PUT', 'DELETE'])('%s does not spend the code', async (method) => {
  const internet = await simulateInternet()
  const ada = internet.browser()
  const callback = new URL(await beginLogin(internet, ada))
  const cookie = `Cookie: ${ada.jar
    .all()
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ')}`
  await rawExchange(internet.app.port, rawRequest(method, callback.pathname + callback.search, [cookie]), method)
  expect(internet.provider.calls.token).toEqual([])
  await ada.tab.submitForm()
  expect(await ada.session()).toMatchObject({ authenticated: true })
})
