// G05 to G07: keys, metadata and answers of a provider that is broken or taken over. mod_auth_openidc changes of 08/20/2026, 07/17/2026 and
// 08/12/2026; doyensec/oidc-ssrf, better-auth CVE-2026-53513, Dapr CVE-2026-59096; undici CVE-2026-22036 and CVE-2026-109869.
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { simulateInternet } from '../support/internet.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'
import type { Answer } from '../support/provider-call.ts'
import { publicJwk, signingKey } from '../support/signing.ts'

const keysPauseMs = 60_000
const good = () => publicJwk(signingKey(0))

describe('a key set that is', () => {
  const broken: [string, Answer][] = [
    ['a page', { headers: { 'content-type': 'text/html' }, body: '<!doctype html><title>Maintenance</title>' }],
    ['50 MB', { body: `{"keys":[],"x":"${'x'.repeat(50 << 20)}"}` }],
    ['empty', { body: { keys: [] } }],
    ['a list', { body: [] }],
    ['null', { body: 'null' }],
    ['no JSON', { body: '{' }],
    ['an error', { status: 500, body: 'x' }],
    ['a redirect', { status: 302, headers: { location: 'http://169.254.169.254/keys' } }],
    ['a gzip bomb', { headers: { 'content-encoding': 'gzip' }, body: gzipSync(Buffer.alloc(64 << 20)) }],
  ]

  test.each(broken)('%s ends no session and no login for good', async (_what, answer) => {
    const { provider, app, browser, clock } = await simulateInternet()
    const ada = browser()
    await ada.login(app)
    // Keys are fetched anew when a token names one that is not known.
    provider.rotateKeys()
    provider.override('jwks', answer)
    clock.advance(keysPauseMs)
    const grace = browser()
    provider.loginAs('grace')
    await grace.login(app)
    expect(await grace.session()).toEqual({ authenticated: false })
    expect((await ada.fetch('/api/x')).status, 'who is logged in stays').toBe(200)
    provider.override('jwks', undefined)
    clock.advance(keysPauseMs)
    await grace.login(app)
    expect(await grace.session(), 'afterwards').toMatchObject({ authenticated: true })
  })

  const odd: [string, boolean | undefined, unknown[]][] = [
    ['one bad key among good ones', undefined, [{ kty: 'RSA', kid: 'bad', n: '!', e: '' }, { kty: 'XX' }, 7, null, good()]],
    [
      'more than 2 MB of keys',
      false,
      [...Array.from({ length: 10_000 }, (_, index) => ({ ...good(), kid: `other-${index}` })), good()],
    ],
    ['a thousand keys', true, [...Array.from({ length: 1000 }, (_, index) => ({ ...good(), kid: `other-${index}` })), good()]],
    ['a kid twice', true, [{ ...good(), kid: 'twin' }, { ...good(), kid: 'twin' }, good()]],
    ['a key for encryption besides', true, [{ ...good(), use: 'enc', kid: 'enc' }, good()]],
    ['a symmetric key under the same kid', undefined, [{ kty: 'oct', kid: signingKey(0).kid, k: 'AAAA', alg: 'HS256' }, good()]],
  ]

  // Where `expected` is not said either is safe: nobody gets in by a key that is not the provider's.
  test.each(odd)('with %s: a login is %s', async (_what, expected, keys) => {
    const { provider, app, browser } = await simulateInternet()
    provider.override('jwks', { body: { keys } })
    const ada = browser()
    await ada.login(app)
    const { authenticated } = await ada.session()
    if (expected !== undefined) expect(authenticated).toBe(expected)
    provider.makeIdToken = (claims) => provider.signIdToken(claims, { key: signingKey(9).privateKey })
    const mallory = browser()
    await mallory.login(app)
    expect(await mallory.session()).toEqual({ authenticated: false })
  })
})

describe('metadata with', () => {
  test.each([
    ['a jwks_uri on plain http elsewhere', { jwks_uri: 'http://evil.test/jwks' }],
    ['a jwks_uri that is a file', { jwks_uri: 'file:///etc/passwd' }],
    ['a jwks_uri that is no address', { jwks_uri: 'jwks' }],
    ['no jwks_uri', { jwks_uri: undefined }],
    ['a jwks_uri that is a list', { jwks_uri: ['https://a', 'https://b'] }],
    ['another issuer', { issuer: 'https://evil.test' }],
    ['no issuer', { issuer: undefined }],
    ['a token endpoint that is a file', { token_endpoint: 'file:///etc/passwd' }],
    ['a token endpoint that is script', { token_endpoint: 'javascript:alert(1)' }],
    ['an authorization endpoint that is script', { authorization_endpoint: 'javascript:alert(1)' }],
    ['an authorization endpoint that is data', { authorization_endpoint: 'data:text/html,x' }],
  ])('%s: no login, and nobody is sent there', async (_what, metadata) => {
    const { provider, app, browser } = await simulateInternet({ providerDown: true, safety: {} })
    provider.settings.metadata = metadata
    await provider.start()
    const ada = browser()
    await ada.navigate(`${app.url}/bff/login`)
    expect(await ada.session()).toEqual({ authenticated: false })
    expect(ada.tab.url).not.toMatch(/^(javascript|data|file):|evil\.test/)
    expect(provider.calls.token).toEqual([])
  })

  test('a redirect is not followed', async () => {
    const target = await startRecordingUpstream()
    try {
      const { provider, app, browser } = await simulateInternet({ providerDown: true })
      provider.override('discovery', { status: 302, headers: { location: `${target.url}/metadata` } })
      await provider.start()
      const ada = browser()
      await ada.navigate(`${app.url}/bff/login`)
      expect(await ada.session()).toEqual({ authenticated: false })
      expect(target.connections()).toBe(0)
    } finally {
      await target.close()
    }
  })
})

describe('a token answer that is', () => {
  const answers: [string, Answer][] = [
    ['a list', { body: [] }],
    ['null', { body: 'null' }],
    ['a number', { body: '7' }],
    ['a text', { body: '"x"' }],
    ['no JSON', { body: 'access_token=x', headers: { 'content-type': 'application/x-www-form-urlencoded' } }],
    ['empty', { status: 200, body: '' }],
    ['a page', { body: '<html>', headers: { 'content-type': 'text/html' } }],
    ['without an access token', { body: { token_type: 'Bearer', id_token: 'x' } }],
    ['with an access token that is an object', { body: { access_token: {}, token_type: 'Bearer', expires_in: 300 } }],
    ['with line ends in its access token', { body: { access_token: 'a\r\nX-Evil: 1', token_type: 'Bearer', expires_in: 300 } }],
    ['200 MB', { body: `{"x":"${'x'.repeat(200 << 20)}"}` }],
    ['a gzip bomb', { headers: { 'content-encoding': 'gzip' }, body: gzipSync(Buffer.alloc(64 << 20)) }],
    ['coded a hundred times', { headers: { 'content-encoding': Array(100).fill('gzip').join(', ') }, body: gzipSync('{}') }],
    ['a redirect', { status: 307, headers: { location: 'http://169.254.169.254/token' } }],
  ]

  test.each(answers)('%s: no session, and the process lives', async (_what, answer) => {
    const { provider, app, browser } = await simulateInternet()
    provider.once('token', answer)
    const ada = browser()
    await ada.login(app)
    expect(ada.tab.url).toMatch(/\/bff\/error\?code=/)
    expect(await ada.session()).toEqual({ authenticated: false })
    await ada.login(app)
    expect(await ada.session()).toMatchObject({ authenticated: true })
  })
})

describe('userinfo that is', () => {
  const answers: [string, Answer][] = [
    ['of somebody else', { body: { sub: 'user-grace' } }],
    ['without a sub', { body: { name: 'Ada' } }],
    ['with a sub that is a list', { body: { sub: ['user-ada'] } }],
    ['a list', { body: [{ sub: 'user-ada' }] }],
    ['a page', { body: '<html>', headers: { 'content-type': 'text/html' } }],
    ['a gzip bomb', { headers: { 'content-encoding': 'gzip' }, body: gzipSync(Buffer.alloc(64 << 20)) }],
  ]

  test.each(answers)('%s: no session', async (_what, answer) => {
    const { provider, app, browser } = await simulateInternet()
    provider.once('userinfo', answer)
    const ada = browser()
    await ada.login(app)
    expect(await ada.session()).toEqual({ authenticated: false })
  })
})
