import { createPublicKey, createSecretKey } from 'node:crypto'
import { expect, test } from 'vitest'
import { simulateInternet } from '../support/internet.ts'
import type { ScriptedProvider } from '../support/scripted-provider.ts'
import { makeEcKey, publicJwk, signingKey, type Claims } from '../support/signing.ts'

type Make = (provider: ScriptedProvider, claims: Claims) => string

const change =
  (changes: Claims): Make =>
  (provider, claims) =>
    provider.signIdToken({ ...claims, ...changes })
const without =
  (name: string): Make =>
  (provider, { [name]: _gone, ...claims }) =>
    provider.signIdToken(claims)
const seconds = (provider: ScriptedProvider, offset: number) => Math.floor(provider.clock.now() / 1000) + offset
const publicPem = (provider: ScriptedProvider) =>
  (provider.jwksKeys[0] ?? signingKey(0)).publicKey.export({ type: 'spki', format: 'pem' })

async function loginWith(make: Make, prepare: (provider: ScriptedProvider) => void = () => {}) {
  const internet = await simulateInternet({ safety: {} })
  const { app, provider } = internet
  prepare(provider)
  provider.makeIdToken = (claims) => make(provider, claims)
  const ada = internet.browser()
  await ada.login(app, '/x')
  return { ...internet, ada, isLoggedIn: (await ada.session())['authenticated'] === true }
}

const refused: [string, Make][] = [
  ['another iss', change({ iss: 'https://evil.test' })],
  ['a slash more in iss', (provider, claims) => provider.signIdToken({ ...claims, iss: `${provider.issuer}/` })],
  ['no iss', without('iss')],
  ['another aud', change({ aud: 'another-client' })],
  ['no aud', without('aud')],
  ['an aud list without us', change({ aud: ['a', 'b'] })],
  ['an aud list with us and a foreign azp', change({ aud: ['web-bff', 'other'], azp: 'other' })],
  ['an untrusted further audience without azp', change({ aud: ['web-bff', 'other'] })],
  ['a foreign azp', change({ azp: 'other' })],
  ['no sub', without('sub')],
  ['an empty sub', change({ sub: '' })],
  ['a sub that is a number', change({ sub: 7 })],
  ['no exp', without('exp')],
  ['no iat', without('iat')],
  ['an exp ten minutes ago', (provider, claims) => provider.signIdToken({ ...claims, exp: seconds(provider, -600) })],
  ['an iat in ten minutes', (provider, claims) => provider.signIdToken({ ...claims, iat: seconds(provider, 600) })],
  ['an iat ten minutes ago', (provider, claims) => provider.signIdToken({ ...claims, iat: seconds(provider, -600) })],
  ['an nbf in ten minutes', (provider, claims) => provider.signIdToken({ ...claims, nbf: seconds(provider, 600) })],
  ['an exp that is text', (provider, claims) => provider.signIdToken({ ...claims, exp: String(seconds(provider, 600)) })],
  ['no nonce', without('nonce')],
  ['another nonce', change({ nonce: 'other' })],
  ['alg none', (provider, claims) => provider.signIdToken(claims, { alg: 'none' })],
  ['alg None', (provider, claims) => provider.signIdToken(claims, { alg: 'None' })],
  ['alg nOnE', (provider, claims) => provider.signIdToken(claims, { alg: 'nOnE' })],
  ['an empty signature', (provider, claims) => provider.signIdToken(claims).replace(/[^.]+$/, '')],
  ['a bad signature', (provider, claims) => provider.signIdToken(claims).replace(/.{8}$/, 'AAAAAAAA')],
  [
    'claims that were changed after signing',
    (provider, claims) => swapPayload(provider.signIdToken(claims), { ...claims, sub: 'user-mallory' }),
  ],
  [
    'HS256 keyed with the public key as PEM',
    (provider, claims) => provider.signIdToken(claims, { alg: 'HS256', key: Buffer.from(publicPem(provider)) }),
  ],
  [
    'HS256 keyed with the public key as JWK',
    (provider, claims) =>
      provider.signIdToken(claims, { alg: 'HS256', key: Buffer.from(JSON.stringify(publicJwk(signingKey(0)))) }),
  ],
  [
    'HS256 keyed with the client secret',
    (provider, claims) => provider.signIdToken(claims, { alg: 'HS256', key: Buffer.from(provider.client.secret) }),
  ],
  [
    'HS256 keyed with nothing',
    (provider, claims) => provider.signIdToken(claims, { alg: 'HS256', key: createSecretKey(Buffer.alloc(0)) }),
  ],
  ['an algorithm that is not accepted', (provider, claims) => provider.signIdToken(claims, { alg: 'RS384' })],
  ['a foreign key under a known kid', (provider, claims) => provider.signIdToken(claims, { key: signingKey(9).privateKey })],
  [
    'a foreign key that the header brings along',
    (provider, claims) =>
      provider.signIdToken(claims, { kid: 'mine', key: signingKey(9).privateKey, header: { jwk: publicJwk(signingKey(9)) } }),
  ],
  [
    'a foreign key that the header points to',
    (provider, claims) =>
      provider.signIdToken(claims, { kid: 'mine', key: signingKey(9).privateKey, header: { jku: 'https://evil.test/jwks' } }),
  ],
  ['an unknown critical header', (provider, claims) => provider.signIdToken(claims, { header: { crit: ['x'], x: 1 } })],
  ['the typ of a logout token', (provider, claims) => provider.signIdToken(claims, { typ: 'logout+jwt' })],
  ['the typ of an access token', (provider, claims) => provider.signIdToken(claims, { typ: 'at+jwt' })],
  ['a wrong at_hash', change({ at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' })],
  ['a list as payload', (provider) => provider.grants.remember(provider.sign({ 0: 'x' }), 'id_token')],
  ['no JWT at all', () => 'not-a-jwt'],
  ['an empty ID token', () => ''],
]

test.each(refused)('a login with %s is refused', async (_what, make) => {
  const { app, ada, isLoggedIn, provider, logs, upstream } = await loginWith(make)
  expect(isLoggedIn).toBe(false)
  expect(ada.tab.url).toMatch(/\/bff\/error\?code=login_failed/)
  expect(ada.jar.get(app.sessionCookie)).toBeUndefined()
  expect(provider.calls.userinfo).toEqual([])
  expect(upstream.requests).toEqual([])
  expect(logs.events('login_failed')).toHaveLength(1)
})

const accepted: [string, Make][] = [
  ['an iat two seconds ahead', (provider, claims) => provider.signIdToken({ ...claims, iat: seconds(provider, 2) })],
  ['an nbf one second ahead', (provider, claims) => provider.signIdToken({ ...claims, nbf: seconds(provider, 1) })],
  [
    'an exp two seconds ago',
    (provider, claims) => provider.signIdToken({ ...claims, iat: seconds(provider, -10), exp: seconds(provider, -2) }),
  ],
  ['an aud list of one', change({ aud: ['web-bff'] })],
  ['our azp', change({ azp: 'web-bff' })],
  ['no kid and one key', (provider, claims) => provider.signIdToken(claims, { kid: null })],
  ['no typ', (provider, claims) => provider.grants.remember(provider.sign(claims), 'id_token')],
]

test.each(accepted)('a login with %s is fine', async (_what, make) => {
  const { isLoggedIn, logs } = await loginWith(make)
  expect(isLoggedIn, JSON.stringify(logs.events('login_failed'))).toBe(true)
})

test('an ES256 key is fine, and its all-zero signature is not', async () => {
  const key = makeEcKey('ec')
  const sign: Make = (provider, claims) => provider.signIdToken(claims, { alg: 'ES256', kid: 'ec', key: key.privateKey })
  const publish = (provider: ScriptedProvider) => void (provider.jwksKeys = [signingKey(0), key])
  const metadata = (provider: ScriptedProvider) => {
    publish(provider)
    provider.settings.metadata = { id_token_signing_alg_values_supported: ['RS256', 'ES256'] }
  }
  expect((await loginWith(sign, metadata)).isLoggedIn).toBe(true)
  const zero: Make = (provider, claims) =>
    provider.grants.remember(sign(provider, claims).replace(/[^.]+$/, Buffer.alloc(64).toString('base64url')), 'id_token')
  expect((await loginWith(zero, metadata)).isLoggedIn).toBe(false)
})

test('the keys in the tests are what they seem', () => {
  expect(createPublicKey(signingKey(0).privateKey).export({ format: 'jwk' })).toEqual(
    signingKey(0).publicKey.export({ format: 'jwk' }),
  )
})

test('a refused login gives its tokens back or drops them: none is ever used', async () => {
  const { provider, ada } = await loginWith(change({ nonce: 'other' }))
  expect((await ada.fetch('/api/a')).status).toBe(401)
  expect(provider.calls.userinfo).toEqual([])
  expect(provider.tokenCalls('refresh_token')).toEqual([])
})

test.each([
  ['another sub', { sub: 'user-mallory' }],
  ['no sub', {}],
])('userinfo with %s is not used', async (_what, body) => {
  const { app, provider, browser } = await simulateInternet()
  provider.override('userinfo', { body: { ...body, name: 'Mallory' } })
  const ada = browser()
  await ada.login(app)
  const session = await ada.session()
  expect(JSON.stringify(session)).not.toContain('allory')
  expect(session).toEqual({ authenticated: false })
})

test('userinfo gets its token in the header only', async () => {
  const { app, provider, browser } = await simulateInternet()
  await browser().login(app)
  const [call] = provider.calls.userinfo
  expect(call?.headers.authorization).toMatch(/^Bearer /)
  expect(call?.url.search).toBe('')
  expect(call?.body).toBe('')
})

function swapPayload(jwt: string, claims: Claims): string {
  const [header, , signature] = jwt.split('.')
  return `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`
}
