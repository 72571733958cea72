import { expect, test } from 'vitest'
import { simulateInternet, type Internet } from '../support/internet.ts'
import { createMemoryStore } from '../../src/stores/memory.ts'
import { rawExchange, rawRequest } from '../support/raw-client.ts'
import { eventually } from '../support/eventually.ts'

const post = { method: 'POST', csrf: true } as const

async function loggedIn(internet: Internet) {
  const ada = internet.browser()
  await ada.login(internet.app)
  const thief = ada.copy()
  return { ada, thief }
}

test('a fetch gets the address of the provider to go to, without any token in it', async () => {
  const internet = await simulateInternet()
  const { app, provider, upstream, logs } = internet
  const { ada, thief } = await loggedIn(internet)
  const response = await ada.fetch('/bff/logout', post)
  expect(response.status).toBe(200)
  expect(Object.keys(response.object())).toEqual(['logoutUrl'])
  const url = new URL(String(response.object()['logoutUrl']))
  expect(url.origin + url.pathname).toBe(`${provider.issuer}/end_session`)
  expect(url.searchParams.get('client_id')).toBe('web-bff')
  expect(url.searchParams.get('post_logout_redirect_uri')).toBe(`${app.url}/`)
  expect(url.searchParams.get('logout_hint')).toBeTruthy()
  expect(url.searchParams.has('id_token_hint')).toBe(false)
  expect(response.header('cache-control')).toMatch(/no-store/)
  expect(response.header('clear-site-data')).toContain('"cache"')
  expect(ada.jar.all()).toEqual([])
  expect(await thief.session(), 'a copied cookie').toEqual({ authenticated: false })
  expect((await thief.fetch('/api/a')).status).toBe(401)
  expect(upstream.requests).toEqual([])
  expect(logs.events('logout')).toHaveLength(1)
  await ada.navigate(url.href)
  expect(ada.tab.url).toBe(`${app.url}/`)
})

test('the deletion of the cookie carries the attributes of the cookie', async () => {
  const internet = await simulateInternet()
  const { ada } = await loggedIn(internet)
  const [cleared] = (await ada.fetch('/bff/logout', post)).setCookies
  expect(cleared).toMatch(/^__Host-Http-coatcheck=;/)
  for (const attribute of ['Secure', 'HttpOnly', 'Path=/', 'SameSite=Strict', 'Max-Age=0']) expect(cleared).toContain(attribute)
})

test('the refresh token is revoked, with client authentication', async () => {
  const internet = await simulateInternet()
  const { ada } = await loggedIn(internet)
  await ada.fetch('/bff/logout', post)
  await eventually(() => expect(internet.provider.calls.revoke).toHaveLength(1))
  const [call] = internet.provider.calls.revoke
  expect(call?.client.method).toBe('client_secret_basic')
  expect(call?.form.get('token_type_hint')).toBe('refresh_token')
  expect(internet.provider.issued.get(call?.form.get('token') ?? '')).toBe('refresh_token')
  expect(internet.provider.grants.isLive(call?.form.get('token') ?? '')).toBe(false)
})

test.each([
  ['500', { status: 500, body: 'broken' }],
  ['a reset', { reset: 'before' }],
  ['503 with Retry-After', { status: 503, headers: { 'retry-after': '1' }, body: '' }],
] as const)('a revocation that meets %s is tried again', async (_what, trouble) => {
  const internet = await simulateInternet()
  const { ada, thief } = await loggedIn(internet)
  internet.provider.once('revoke', trouble)
  expect((await ada.fetch('/bff/logout', post)).status).toBe(200)
  expect(await thief.session()).toEqual({ authenticated: false })
  await eventually(() => expect(internet.provider.calls.revoke.length).toBeGreaterThanOrEqual(2), 20_000)
  await eventually(() =>
    expect(internet.provider.grants.isLive(internet.provider.calls.revoke[0]?.form.get('token') ?? '')).toBe(false),
  )
})

test('with the provider down a logout is a logout all the same', async () => {
  const internet = await simulateInternet()
  const { ada, thief } = await loggedIn(internet)
  await internet.provider.stop()
  const response = await ada.fetch('/bff/logout', post)
  expect(response.status).toBe(200)
  expect(String(response.object()['logoutUrl'])).toContain('/end_session')
  expect(ada.jar.all()).toEqual([])
  expect(await thief.session()).toEqual({ authenticated: false })
})

test('with a provider that never answers a revocation the logout does not hang', async () => {
  const internet = await simulateInternet()
  const { ada, thief } = await loggedIn(internet)
  internet.provider.override('revoke', { hang: true })
  const startedMs = performance.now()
  expect((await ada.fetch('/bff/logout', post)).status).toBe(200)
  expect(performance.now() - startedMs).toBeLessThan(4_000)
  expect(await thief.session()).toEqual({ authenticated: false })
})

test('the session is closed before the provider is asked', async () => {
  const internet = await simulateInternet()
  const { ada, thief } = await loggedIn(internet)
  const held = internet.provider.hold('revoke')
  const answer = ada.fetch('/bff/logout', post)
  await held.arrived
  expect(await thief.session()).toEqual({ authenticated: false })
  held.release()
  expect((await answer).status).toBe(200)
})

test('a form post is sent on with 303', async () => {
  const internet = await simulateInternet()
  const { ada } = await loggedIn(internet)
  const { csrfToken } = await ada.session()
  const response = await ada.tab.submit('/bff/logout', { _csrf: String(csrfToken) })
  expect(response.hop(0).status).toBe(303)
  expect(response.hop(0).header('location')).toMatch(new RegExp(`^${internet.provider.issuer}/end_session\\?`))
  expect(ada.tab.url).toBe(`${internet.app.url}/`)
  expect(await ada.session()).toEqual({ authenticated: false })
})

test('a provider without end_session sends the browser to the app', async () => {
  const internet = await simulateInternet()
  internet.provider.settings.metadata = { end_session_endpoint: undefined, revocation_endpoint: undefined }
  const { ada, thief } = await loggedIn(internet)
  const response = await ada.fetch('/bff/logout', post)
  expect(new URL(String(response.object()['logoutUrl']), internet.app.url).href).toBe(`${internet.app.url}/`)
  expect(await thief.session()).toEqual({ authenticated: false })
})

test('the ID token goes along only where the config says so', async () => {
  const internet = await simulateInternet({ config: { logout: { idTokenHint: true } }, safety: { idTokenHint: true } })
  const { ada } = await loggedIn(internet)
  const url = new URL(String((await ada.fetch('/bff/logout', post)).object()['logoutUrl']))
  expect(internet.provider.issued.get(url.searchParams.get('id_token_hint') ?? '')).toBe('id_token')
})

test('postLogoutPath is where the provider sends the browser', async () => {
  const internet = await simulateInternet({ config: { logout: { postLogoutPath: '/bye' } } })
  const { ada } = await loggedIn(internet)
  await ada.navigate(String((await ada.fetch('/bff/logout', post)).object()['logoutUrl']))
  expect(ada.tab.url).toBe(`${internet.app.url}/bye`)
})

test.each(['?post_logout_redirect_uri=https://evil.test', '?returnTo=//evil.test', '?ret=https://evil.test'])(
  '%s changes nothing',
  async (query) => {
    const internet = await simulateInternet()
    const { ada } = await loggedIn(internet)
    const response = await ada.fetch(`/bff/logout${query}`, post)
    expect(response.text).not.toContain('evil')
  },
)

test('a GET does not log out, from wherever it comes', async () => {
  const internet = await simulateInternet()
  const { ada } = await loggedIn(internet)
  for (const from of [internet.app.url, 'https://evil.test']) {
    expect([403, 405]).toContain((await ada.tab.click('/bff/logout', from)).status)
    expect([403, 405]).toContain((await ada.tab.load('/bff/logout', 'image', from)).status)
  }
  expect(await ada.session()).toMatchObject({ authenticated: true })
})

test('a form of another site neither logs out nor takes the cookie away', async () => {
  const internet = await simulateInternet()
  const { ada } = await loggedIn(internet)
  for (const from of ['https://evil.test', 'https://sub.app.test', 'http://app.test']) {
    const response = await ada.tab.submit('/bff/logout', { _csrf: 'x' }, { from })
    // It comes without the Strict cookie; where it went on to the provider's logout, the user would be logged out there.
    expect.soft(response.hop(0).status, from).toBe(403)
    expect.soft(response.hop(0).setCookies, from).toEqual([])
    expect.soft(response.hop(0).header('clear-site-data'), from).toBeUndefined()
  }
  expect(await ada.session()).toMatchObject({ authenticated: true })
})

test('the second logout, and one without a session, do no harm', async () => {
  const internet = await simulateInternet()
  const { ada } = await loggedIn(internet)
  const token = String((await ada.session())['csrfToken'])
  await ada.fetch('/bff/logout', { method: 'POST', headers: { 'X-CSRF-Token': token } })
  const again = await ada.fetch('/bff/logout', { method: 'POST', headers: { 'X-CSRF-Token': token } })
  expect(again.status).toBe(200)
  await eventually(() => expect(internet.provider.calls.revoke).toHaveLength(1))
})

test('a logout ends the session on every node at once', async () => {
  const internet = await simulateInternet({ nodes: 3 })
  const { ada } = await loggedIn(internet)
  const cookie = `Cookie: ${internet.app.sessionCookie}=${ada.jar.get(internet.app.sessionCookie)?.value ?? ''}`
  const call = rawRequest('GET', '/api/a', [cookie, 'Sec-Fetch-Site: same-origin'])
  for (const { port } of internet.nodes) expect((await rawExchange(port, call)).status).toBe(200)
  await ada.fetch('/bff/logout', post)
  for (const { port } of internet.nodes) expect((await rawExchange(port, call)).status).toBe(401)
  expect(internet.upstream.requests).toHaveLength(3)
})

test('a store that cannot close the session makes the logout a 503, and the cookie stays', async () => {
  const store = createMemoryStore()
  const internet = await simulateInternet({ store })
  const { ada } = await loggedIn(internet)
  const token = String((await ada.session())['csrfToken'])
  const { delete: remove } = store
  store.delete = () => Promise.reject(new Error('the disk is full'))
  const response = await ada.fetch('/bff/logout', { method: 'POST', headers: { 'X-CSRF-Token': token } })
  expect(response.status).toBe(503)
  expect(response.object()).toMatchObject({ code: 'store_unavailable' })
  expect(response.header('retry-after')).toMatch(/^\d+$/)
  expect(response.setCookies).toEqual([])
  expect(internet.provider.calls.revoke).toEqual([])
  store.delete = remove
  expect(await ada.session()).toMatchObject({ authenticated: true })
})
