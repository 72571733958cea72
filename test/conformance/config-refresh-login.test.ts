// The modules of the Config RP plan, of the refresh token plan and third-party-initiated login; names are those of the OpenID
// conformance suite, without `oidcc-client-test-`.
import { expect, test } from 'vitest'
import { simulateInternet } from '../support/internet.ts'
import type { Claims } from '../support/signing.ts'
import { expectAccepted, expectRefused, logIn } from './module.ts'

test('discovery-openid-config', async () => {
  const internet = await simulateInternet()
  await expectAccepted(internet)
  expect(internet.provider.calls.discovery.length).toBeGreaterThanOrEqual(1)
})

test('discovery-jwks-uri-keys', async () => {
  const internet = await simulateInternet()
  await expectAccepted(internet)
  expect(internet.provider.calls.jwks.length).toBeGreaterThanOrEqual(1)
})

test.each([['https://evil.test'], ['slash']])('discovery-issuer-mismatch (%s)', async (issuer) => {
  const internet = await simulateInternet({ providerDown: true })
  const { provider, app } = internet
  provider.settings.metadata = { issuer: issuer === 'slash' ? `${provider.issuer}/` : issuer }
  await provider.start()
  const user = internet.browser()
  const response = await user.login(app, '/x')
  expect([400, 502, 503]).toContain(response.status)
  expect(await user.session()).toEqual({ authenticated: false })
  expect([provider.calls.authorize, provider.calls.token]).toEqual([[], []])
})

test('signing-key-rotation', async () => {
  const internet = await simulateInternet()
  await expectAccepted(internet)
  internet.provider.rotateKeys({ keepOld: true })
  await expectAccepted(internet)
})

test('signing-key-rotation-just-before-signing', async () => {
  const internet = await simulateInternet()
  const { provider } = internet
  await expectAccepted(internet)
  provider.makeIdToken = (claims) => {
    provider.rotateKeys({ keepOld: false })
    return provider.signIdToken(claims)
  }
  await expectAccepted(internet)
})

test('refresh-token', async () => {
  const internet = await simulateInternet()
  const { clock, provider, upstream } = internet
  const user = await expectAccepted(internet)
  await user.fetch('/api/a')
  clock.advance(310_000)
  expect((await user.fetch('/api/a')).status).toBe(200)
  expect(provider.tokenCalls('refresh_token')).toHaveLength(1)
  expect(upstream.requests[1]?.bearer).not.toBe(upstream.requests[0]?.bearer)
})

const changes: [string, Claims][] = [
  ['refresh-token-invalid-issuer', { iss: 'https://evil.test' }],
  ['refresh-token-invalid-sub', { sub: 'user-mallory' }],
]
test.each(changes)('%s', async (_module, change) => {
  const internet = await simulateInternet()
  const { clock, provider, upstream } = internet
  const user = await expectAccepted(internet)
  clock.advance(310_000)
  provider.makeIdToken = (claims) => provider.signIdToken({ ...claims, ...change })
  expect([401, 503]).toContain((await user.fetch('/api/a')).status)
  expect(upstream.requests).toEqual([])
})

test('3rd-party-init-login: the known provider only, and never to a foreign target', async () => {
  const internet = await simulateInternet()
  const { app, provider } = internet
  for (const iss of [provider.issuer, 'https://evil.test']) {
    const user = internet.browser()
    const query = new URLSearchParams({ iss, login_hint: 'ada', target_link_uri: 'https://evil.test/x' })
    await user.tab.click(`${app.url}/bff/login?${query.toString()}`, 'https://start.test')
    expect(user.tab.url).toBe(`${app.url}/`)
    expect(await user.session()).toMatchObject({ authenticated: true })
  }
  expect(provider.calls.authorize).toHaveLength(2)
})

test('token-endpoint-response-without-expires_in', async () => {
  const internet = await simulateInternet()
  internet.provider.settings.omitExpiresIn = true
  const user = await expectAccepted(internet)
  expect((await user.fetch('/api/a')).status).toBe(200)
})

test('valid-aud-as-array', async () => {
  const internet = await simulateInternet()
  const { provider } = internet
  provider.makeIdToken = (claims) => provider.signIdToken({ ...claims, aud: ['web-bff'] })
  await expectAccepted(internet)
})

test.each(['bearer', 'BEARER', 'bEaReR'])('token-type-case-insensitivity: %s', async (type) => {
  const internet = await simulateInternet()
  internet.provider.override('token', async (_call, work) => {
    const answer = await work()
    return { ...answer, body: { ...Object(answer.body), token_type: type } }
  })
  const user = await expectAccepted(internet)
  expect((await user.fetch('/api/a')).status).toBe(200)
})

async function expectTypeRefused(type: string | undefined): Promise<void> {
  const internet = await simulateInternet()
  internet.provider.override('token', async (_call, work) => {
    const answer = await work()
    return { ...answer, body: { ...Object(answer.body), token_type: type } }
  })
  await expectRefused(internet)
}

test.each(['mac', 'N_A', '', undefined, 'DPoP', 'dpop'])('a token_type of %j is refused', expectTypeRefused)

test('a refresh that brings a token of another type ends the session, and what came is given back', async () => {
  const internet = await simulateInternet()
  const ada = internet.browser()
  await ada.login(internet.app)
  internet.provider.override('token', async (_call, work) => {
    const answer = await work()
    return { ...answer, body: { ...Object(answer.body), token_type: 'DPoP' } }
  })
  internet.clock.advance(301_000)
  expect((await ada.fetch('/api/a')).status).toBe(401)
  expect(internet.upstream.requests).toEqual([])
  await expect.poll(() => internet.provider.calls.revoke.length).toBe(1)
})

const fapi: [string, Claims][] = [
  ['invalid-secondary-aud', { aud: ['web-bff', 'other'] }],
  ['invalid-expired-exp', { exp: 1_000_000_000 }],
  ['invalid-missing-exp', { exp: undefined }],
  ['invalid-missing-iss', { iss: undefined }],
  ['invalid-missing-nonce', { nonce: undefined }],
]
test.each(fapi)('%s', async (_module, change) => {
  const internet = await simulateInternet()
  const { provider } = internet
  provider.makeIdToken = (claims) => provider.signIdToken({ ...claims, ...change })
  await expectRefused(internet)
})

test.each([
  ['invalid-authorization-response-iss', (p: URLSearchParams) => p.set('iss', 'https://evil.test')],
  ['remove-authorization-response-iss', (p: URLSearchParams) => p.delete('iss')],
  ['ensure-authorization-response-with-invalid-state-fails', (p: URLSearchParams) => p.set('state', 'another')],
  ['ensure-authorization-response-with-invalid-missing-state-fails', (p: URLSearchParams) => p.delete('state')],
])('%s', async (_module, edit) => {
  const internet = await simulateInternet()
  internet.provider.editAuthorizationResponse = edit
  const { user, isLoggedIn } = await logIn(internet)
  expect(isLoggedIn).toBe(false)
  expect(new URL(user.tab.url).pathname).toBe('/bff/error')
  expect(internet.provider.calls.token).toEqual([])
})
