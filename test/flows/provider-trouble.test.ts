import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { simulateInternet } from '../support/internet.ts'
import type { Endpoint, Script } from '../support/provider-call.ts'
import { publicJwk, signingKey } from '../support/signing.ts'

const retryMs = 60_000

test('with the provider down at the start the app serves, a login is 503, and later works without a restart', async () => {
  const { app, provider, clock, browser } = await simulateInternet({ providerDown: true })
  const ada = browser()
  expect(await ada.session()).toEqual({ authenticated: false })
  expect((await ada.navigate(app.url)).text).toContain('The app')
  const refused = await ada.login(app)
  expect(refused.status).toBe(503)
  expect(refused.header('retry-after')).toMatch(/^\d+$/)
  expect(refused.header('content-type')).toMatch(/^text\/html/)
  expect(refused.text).toContain('provider_unavailable')
  expect(refused.setCookies).toEqual([])
  await provider.start()
  clock.advance(retryMs)
  await ada.login(app, '/x')
  expect(await ada.session()).toMatchObject({ authenticated: true })
})

test('live sessions go on while the provider is down', async () => {
  const { app, provider, browser } = await simulateInternet()
  const ada = browser()
  await ada.login(app)
  await provider.stop()
  expect((await ada.fetch('/api/a')).status).toBe(200)
  expect(await ada.session()).toMatchObject({ authenticated: true })
})

const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024, ' '))
const bad: [string, Script][] = [
  ['500', { status: 500, body: { error: 'server_error' } }],
  ['502 with a page', { status: 502, headers: { 'content-type': 'text/html' }, body: '<h1>Bad Gateway</h1>' }],
  ['200 with a page', { status: 200, headers: { 'content-type': 'text/html' }, body: '<h1>Maintenance</h1>' }],
  ['200 with cut JSON', { status: 200, headers: { 'content-type': 'application/json' }, body: '{"a":' }],
  ['200 with a list', { status: 200, body: [] }],
  ['200 with null', { status: 200, headers: { 'content-type': 'application/json' }, body: 'null' }],
  ['429 with Retry-After', { status: 429, headers: { 'retry-after': '3' }, body: '' }],
  ['a reset', { reset: 'before' }],
  ['silence', { hang: true }],
  ['20 MB', { status: 200, headers: { 'content-type': 'application/json' }, body: `{"a":"${'x'.repeat(20 * 1024 * 1024)}"}` }],
  ['a gzip bomb', { status: 200, headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' }, body: bomb }],
  ['a redirect elsewhere', { status: 302, headers: { location: 'http://127.0.0.1:9/latest/meta-data' }, body: '' }],
]

test.each(
  (['discovery', 'jwks', 'token', 'userinfo'] as const).flatMap((endpoint) =>
    bad.map(([what, script]): [string, Endpoint, Script] => [what, endpoint, script]),
  ),
)('%s from %s: a clean page in time, no session, and the next login works', async (_what, endpoint, script) => {
  const { app, provider, clock, logs, browser } = await simulateInternet({ config: { provider: { timeoutSeconds: 1 } } })
  provider.override(endpoint, script)
  const ada = browser()
  const startedMs = performance.now()
  const response = await ada.login(app, '/x')
  expect(performance.now() - startedMs).toBeLessThan(6_000)
  expect([400, 502, 503]).toContain(response.status)
  if (response.status === 503) expect(response.header('retry-after')).toMatch(/^\d+$/)
  expect(response.header('content-type')).toMatch(/^text\/html/)
  expect(response.header('x-request-id')).toBeTruthy()
  expect(response.text).not.toMatch(/Maintenance|Bad Gateway|server_error|    at /)
  expect(ada.jar.get(app.sessionCookie)).toBeUndefined()
  expect(await ada.session()).toEqual({ authenticated: false })
  expect(logs.events('login')).toEqual([])
  provider.override(endpoint, undefined)
  clock.advance(retryMs)
  await ada.login(app, '/x')
  expect(await ada.session(), 'the next login').toMatchObject({ authenticated: true })
})

test.each([
  ['a list', '[]'],
  ['null', 'null'],
  ['a text', '"token"'],
  ['a number', '7'],
])('%s as the answer of the token endpoint comes from something in front of the provider: 503', async (_what, body) => {
  const { app, provider, browser } = await simulateInternet()
  provider.override('token', { status: 200, headers: { 'content-type': 'application/json' }, body })
  const refused = await browser().login(app)
  expect([refused.status, refused.text.includes('provider_unavailable')]).toEqual([503, true])
})

test.each([
  ['another issuer', { issuer: 'https://evil.test' }],
  ['a slash more in the issuer', 'slash'],
  ['no issuer', { issuer: undefined }],
  ['no authorization endpoint', { authorization_endpoint: undefined }],
  ['no token endpoint', { token_endpoint: undefined }],
  ['no jwks_uri', { jwks_uri: undefined }],
  ['a file as jwks_uri', { jwks_uri: 'file:///etc/passwd' }],
  ['a script as authorization endpoint', { authorization_endpoint: 'javascript:alert(1)' }],
  ['a token endpoint on plain http elsewhere', { token_endpoint: 'http://evil.test/token' }],
])('a discovery document with %s logs nobody in', async (_what, change) => {
  const { app, provider, browser } = await simulateInternet({ providerDown: true })
  provider.settings.metadata = change === 'slash' ? { issuer: `${provider.issuer}/` } : Object(change)
  await provider.start()
  const ada = browser()
  const response = await ada.login(app)
  expect(response.url).not.toContain('evil')
  expect([400, 502, 503]).toContain(response.status)
  expect(await ada.session()).toEqual({ authenticated: false })
  expect(provider.calls.token).toEqual([])
})

test.each([
  ['with overlap', true],
  ['without overlap', false],
])('after a key rotation %s the next login works without a restart', async (_what, keepOld) => {
  const { app, provider, browser } = await simulateInternet()
  await browser().login(app)
  for (let round = 0; round < 2; round += 1) {
    provider.rotateKeys({ keepOld })
    const ada = browser()
    await ada.login(app)
    expect(await ada.session()).toMatchObject({ authenticated: true })
  }
})

test('a key that was withdrawn is refused later', async () => {
  const { app, provider, clock, browser } = await simulateInternet()
  await browser().login(app)
  provider.rotateKeys({ keepOld: false })
  await browser().login(app)
  clock.advance(3_600_000)
  provider.makeIdToken = (claims) => provider.signIdToken(claims, { kid: 'key-0', key: signingKey(0).privateKey })
  const late = browser()
  await late.login(app)
  expect(await late.session()).toEqual({ authenticated: false })
})

test('tokens with unknown key ids cause few fetches of keys', async () => {
  const { app, provider, browser } = await simulateInternet()
  await browser().login(app)
  const before = provider.calls.jwks.length
  let made = 0
  provider.makeIdToken = (claims) => provider.signIdToken(claims, { kid: `unknown-${made++}` })
  for (let round = 0; round < 30; round += 1) await browser().login(app)
  expect(made).toBe(30)
  expect(provider.calls.jwks.length - before).toBeLessThanOrEqual(5)
})

test.each([
  ['one that is broken', () => [{ kty: 'RSA', kid: 'broken', n: '!', e: 'AQAB' }, publicJwk(signingKey(0))]],
  ['one of an unknown kind', () => [{ kty: 'odd' }, publicJwk(signingKey(0))]],
  [
    'one for encryption with the same kid',
    () => [{ ...publicJwk(signingKey(8)), kid: 'key-0', use: 'enc', alg: 'RSA-OAEP' }, publicJwk(signingKey(0))],
  ],
  ['another with the same kid', () => [{ ...publicJwk(signingKey(8)), kid: 'key-0' }, publicJwk(signingKey(0))]],
  [
    'hundreds more',
    () => [
      ...Array.from({ length: 300 }, (_, index) => ({ ...publicJwk(signingKey(8)), kid: `k-${index}` })),
      publicJwk(signingKey(0)),
    ],
  ],
])('beside the good key %s does no harm', async (_what, keys) => {
  const { app, provider, browser } = await simulateInternet()
  provider.override('jwks', { body: { keys: keys() } })
  const ada = browser()
  await ada.login(app)
  expect(await ada.session()).toMatchObject({ authenticated: true })
})

test('when the keys cannot be had again the old ones stay in use', async () => {
  const { app, provider, clock, browser } = await simulateInternet()
  await browser().login(app)
  provider.override('jwks', { status: 500, body: 'x' })
  clock.advance(1_200_000)
  for (let round = 0; round < 3; round += 1) {
    const ada = browser()
    await ada.login(app)
    expect(await ada.session(), `round ${round}`).toMatchObject({ authenticated: true })
  }
})
