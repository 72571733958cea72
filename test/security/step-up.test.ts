// SU-01 to SU-03, ID-08: who asks for a stronger or fresher login must get it, or none (RFC 9470; OIDC Core 3.1.3.7, 12 and 13).
import { expect, test } from 'vitest'
import { simulateInternet } from '../support/internet.ts'
import type { Claims } from '../support/signing.ts'

const config = { login: { parameters: ['prompt', 'acrValues', 'maxAge'] as ('prompt' | 'acrValues' | 'maxAge')[] } }
const agoSeconds = (nowMs: number, seconds: number) => Math.floor(nowMs / 1000) - seconds

test.each<[string, string, (nowMs: number) => Claims]>([
  ['no acr', 'acrValues=gold', () => ({ acr: undefined })],
  ['another acr', 'acrValues=gold', () => ({ acr: 'bronze' })],
  ['an acr that holds the asked one', 'acrValues=gold', () => ({ acr: 'gold bronze' })],
  ['an acr that is a list', 'acrValues=gold', () => ({ acr: ['gold'] })],
  ['an acr in another case', 'acrValues=gold', () => ({ acr: 'Gold' })],
  ['no auth_time', 'maxAge=60', () => ({ auth_time: undefined })],
  ['an auth_time of an hour ago', 'maxAge=60', (now) => ({ auth_time: agoSeconds(now, 3600) })],
  ['an auth_time that is text', 'maxAge=60', (now) => ({ auth_time: String(agoSeconds(now, 1)) })],
  ['a negative auth_time', 'maxAge=60', () => ({ auth_time: -1 })],
])('a login that asked for more than the provider did fails: %s', async (_what, query, changes) => {
  const { app, provider, browser, clock } = await simulateInternet({ config })
  provider.makeIdToken = (claims) => provider.signIdToken({ ...claims, ...changes(clock.now()) })
  const ada = browser()
  await ada.navigate(`${app.url}/bff/login?${query}`)
  // One error page and no second round: a provider that does not do what it is asked would send users in circles.
  expect(ada.tab.url).toMatch(/\/bff\/error\?code=login_failed/)
  expect(provider.calls.authorize).toHaveLength(1)
  expect(await ada.session()).toEqual({ authenticated: false })
})

test('what was asked for and done gives a new session, and the one before is over', async () => {
  const { app, provider, browser, clock } = await simulateInternet({ config })
  const ada = browser()
  await ada.login(app)
  const before = ada.jar.get(app.sessionCookie)?.value
  const thief = ada.copy()
  provider.makeIdToken = (claims) => provider.signIdToken({ ...claims, acr: 'gold', auth_time: agoSeconds(clock.now(), 5) })
  await ada.navigate(`${app.url}/bff/login?acrValues=silver%20gold&maxAge=60`)
  expect(provider.calls.authorize.at(-1)?.form.get('acr_values')).toBe('silver gold')
  expect(provider.calls.authorize.at(-1)?.form.get('max_age')).toBe('60')
  expect(await ada.session()).toMatchObject({ authenticated: true })
  expect(ada.jar.get(app.sessionCookie)?.value).not.toBe(before)
  expect(await thief.session()).toEqual({ authenticated: false })
})

test('a step up that fails leaves the session as it was', async () => {
  const { app, provider, browser } = await simulateInternet({ config })
  const ada = browser()
  await ada.login(app)
  provider.makeIdToken = (claims) => provider.signIdToken({ ...claims, acr: 'bronze' })
  await ada.navigate(`${app.url}/bff/login?acrValues=gold`)
  expect(await ada.session()).toMatchObject({ authenticated: true, user: { sub: 'user-ada' } })
})

test('only what the config lists may be asked for', async () => {
  const { app, provider, browser } = await simulateInternet()
  await browser().navigate(`${app.url}/bff/login?acrValues=gold&maxAge=0`)
  const form = provider.calls.authorize[0]?.form
  expect([form?.has('acr_values'), form?.has('max_age')]).toEqual([false, false])
})

test.each(['-1', '1.5', '1e3', '', 'x', '99999999999999999999', '60; x'])(
  'a maxAge of "%s" is refused or left out',
  async (maxAge) => {
    const { app, provider, browser } = await simulateInternet({ config })
    await browser().navigate(`${app.url}/bff/login?maxAge=${encodeURIComponent(maxAge)}`)
    for (const { form } of provider.calls.authorize) expect(form.get('max_age') ?? '60').toMatch(/^\d{1,10}$/)
  },
)

test('an API’s own challenge passes to the page, which can start the login that it asks for', async () => {
  const { app, upstream, browser } = await simulateInternet({ config })
  const challenge = 'Bearer error="insufficient_user_authentication", acr_values="gold", max_age="60"'
  upstream.answer({ status: 401, headers: [['WWW-Authenticate', challenge]], body: 'more' })
  const ada = browser()
  await ada.login(app)
  const response = await ada.fetch('/api/transfer')
  expect(response.status).toBe(401)
  expect(response.header('www-authenticate')).toBe(challenge)
  expect(await ada.session()).toMatchObject({ authenticated: true })
})
