// The modules of the RP-Initiated, Back-Channel and Front-Channel Logout plans; names are those of the OpenID conformance suite,
// without `oidcc-client-test-`.
import { expect, test } from 'vitest'
import { rawExchange, rawRequest } from '../support/raw-client.ts'
import { simulateInternet, type Internet } from '../support/internet.ts'
import type { Claims, SignOptions } from '../support/signing.ts'
import { expectAccepted } from './module.ts'

async function logOut(internet: Internet) {
  const user = await expectAccepted(internet)
  const response = await user.fetch('/bff/logout', { method: 'POST', csrf: true })
  return { user, url: new URL(String(response.object()['logoutUrl'])) }
}

test('rp-init-logout', async () => {
  const internet = await simulateInternet()
  const { user, url } = await logOut(internet)
  await user.navigate(url.href)
  expect(internet.provider.calls.end_session).toHaveLength(1)
  expect(user.tab.url.split('?')[0]).toBe(`${internet.app.url}/`)
  expect(await user.session()).toEqual({ authenticated: false })
})

test.each([
  ['rp-init-logout-other-state', '?state=another'],
  ['rp-init-logout-no-state', ''],
])('%s', async (_module, query) => {
  const internet = await simulateInternet()
  const { user, url } = await logOut(internet)
  internet.provider.once('end_session', { status: 303, headers: { location: `${internet.app.url}/${query}` }, body: '' })
  const response = await user.navigate(url.href)
  expect(response.status).toBe(200)
  expect(await user.session(), 'the session stays ended').toEqual({ authenticated: false })
})

const backChannel = (internet: Internet, token: string) =>
  rawExchange(
    internet.app.port,
    rawRequest('POST', '/bff/backchannel-logout', ['Content-Type: application/x-www-form-urlencoded'], `logout_token=${token}`),
    'POST',
  )

test('rp-backchannel-rpinitlogout', async () => {
  const internet = await simulateInternet()
  const user = await expectAccepted(internet)
  const answer = await backChannel(internet, internet.provider.signLogoutToken({ sub: 'user-ada' }))
  expect([answer.status, answer.header('cache-control')]).toEqual([200, 'no-store'])
  expect(await user.session()).toEqual({ authenticated: false })
})

const event = 'http://schemas.openid.net/event/backchannel-logout'
const refused: [string, Claims, SignOptions][] = [
  ['rp-backchannel-rpinitlogout-alg-none', {}, { alg: 'none' }],
  ['rp-backchannel-rpinitlogout-no-event', { events: undefined }, {}],
  ['rp-backchannel-rpinitlogout-with-nonce', { nonce: 'n' }, {}],
  ['rp-backchannel-rpinitlogout-wrong-alg', {}, { alg: 'HS256', key: Buffer.from('a key of 32 bytes for the HMAC..') }],
  ['rp-backchannel-rpinitlogout-wrong-aud', { aud: 'another' }, {}],
  ['rp-backchannel-rpinitlogout-wrong-event', { events: { [`${event}x`]: {} } }, {}],
  ['rp-backchannel-rpinitlogout-wrong-iss', { iss: 'https://evil.test' }, {}],
]
test.each(refused)('%s', async (_module, claims, signing) => {
  const internet = await simulateInternet()
  const user = await expectAccepted(internet)
  const answer = await backChannel(internet, internet.provider.signLogoutToken({ sub: 'user-ada', ...claims }, signing))
  expect(answer.status).toBe(400)
  expect(await user.session()).toMatchObject({ authenticated: true })
})

const frontChannel = (internet: Internet) => {
  const { issuer, currentUser } = internet.provider
  const query = new URLSearchParams({ iss: issuer, sid: currentUser?.sid ?? '' }).toString()
  const framed = ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: iframe']
  return rawExchange(internet.app.port, rawRequest('GET', `/bff/frontchannel-logout?${query}`, framed))
}

test('rp-frontchannel-opinitlogout', async () => {
  const internet = await simulateInternet({ config: { logout: { frontChannel: true } } })
  const user = await expectAccepted(internet)
  expect((await frontChannel(internet)).status).toBe(200)
  expect(await user.session()).toEqual({ authenticated: false })
})

test('rp-frontchannel-rpinitlogout', async () => {
  const internet = await simulateInternet({ config: { logout: { frontChannel: true } } })
  const { user, url } = await logOut(internet)
  expect((await frontChannel(internet)).status, 'nothing left to end').toBe(200)
  await user.navigate(url.href)
  expect(await user.session()).toEqual({ authenticated: false })
})
