// CA-01 to CA-08 of the requirements: how we prove who we are at the provider. oauth2-proxy and express-openid-connect send a
// secret at best; a key of our own, a certificate and pushed requests are tested here on what goes over the wire.
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { decodeProtectedHeader, jwtVerify } from 'jose'
import { describe, expect, test } from 'vitest'
import { resolveConfig } from '../../src/config/resolve.ts'
import { Provider } from '../../src/login/provider.ts'
import { simulateInternet } from '../support/internet.ts'
import type { ProviderCall } from '../support/provider-call.ts'

const keys: [string, { privateKey: KeyObject; publicKey: KeyObject }][] = [
  ['PS256', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ['ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
  // RFC 9864: EdDSA on this curve, by its own name.
  ['Ed25519', generateKeyPairSync('ed25519')],
]

const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString()

async function judge(call: ProviderCall, publicKey: KeyObject, issuer: string, nowMs: number) {
  expect(call.form.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
  expect(call.form.has('client_secret')).toBe(false)
  expect(call.headers.authorization).toBeUndefined()
  const assertion = call.form.get('client_assertion') ?? ''
  const { payload } = await jwtVerify(assertion, publicKey, { currentDate: new Date(nowMs) })
  // FAPI 2.0 section 5.3.3.1: the issuer as one text, at every endpoint.
  expect(payload).toMatchObject({ iss: 'web-bff', sub: 'web-bff', aud: issuer })
  expect(payload.exp ?? Infinity).toBeLessThanOrEqual(nowMs / 1000 + 300)
  expect(payload.iat).toBeTypeOf('number')
  return { jti: payload.jti, header: decodeProtectedHeader(assertion) }
}

describe('private_key_jwt', () => {
  test.each(keys)('%s: each call to the provider has an assertion of its own', async (alg, { privateKey, publicKey }) => {
    const provider = { clientAuth: 'private_key_jwt', clientKey: pem(privateKey), clientKeyId: 'k1' } as const
    const { app, provider: remote, browser, clock } = await simulateInternet({ config: { provider } })
    remote.settings.acceptAssertions = true
    const ada = browser()
    await ada.login(app)
    expect(await ada.session()).toMatchObject({ authenticated: true })
    clock.advance(300_000)
    expect((await ada.fetch('/api/x')).status).toBe(200)
    expect((await ada.fetch('/bff/logout', { method: 'POST', csrf: true })).status).toBe(200)
    const calls = [...remote.calls.token, ...remote.calls.revoke]
    expect(calls.map(({ form }) => form.get('grant_type') ?? 'revoke')).toEqual(['authorization_code', 'refresh_token', 'revoke'])
    const judged = await Promise.all(calls.map((call) => judge(call, publicKey, remote.issuer, call.atMs)))
    expect(judged.map(({ header }) => [header.alg, header.kid])).toEqual(calls.map(() => [alg, 'k1']))
    expect(new Set(judged.map(({ jti }) => jti)).size).toBe(calls.length)
  })
})

describe('a certificate', () => {
  const issuer = 'https://id.example.com'
  const { privateKey } = generateKeyPairSync('ed25519')
  const metadata = {
    issuer,
    jwks_uri: `${issuer}/jwks`,
    revocation_endpoint: `${issuer}/revoke`,
    mtls_endpoint_aliases: { revocation_endpoint: 'https://mtls.example.com/revoke' },
  }

  const { provider: resolved } = resolveConfig(
    {
      origin: 'https://app.test',
      provider: { issuer, clientId: 'web-bff', clientAuth: 'private_key_jwt', clientKey: pem(privateKey) },
      session: { secrets: ['k3S9vQ2xTz8mWb1LpR7dYc5FhJ0nGaU4eXo6iKqBtMs'], store: { type: 'memory' } },
      routes: [{ path: '/api/', upstream: 'https://api.test/' }],
    },
    { env: {} },
  )

  test.each([
    ['tls_client_auth', 'https://mtls.example.com/revoke'],
    ['private_key_jwt', `${issuer}/revoke`],
  ] as const)('%s calls %s where the provider has mtls_endpoint_aliases', async (clientAuth, expected) => {
    const asked: { url: string; body: string }[] = []
    const provider = new Provider({
      config: { ...resolved, clientAuth },
      redirectUri: 'https://app.test/bff/callback',
      postLogoutRedirectUri: 'https://app.test/',
      idTokenHint: false,
      resources: [],
      clock: Date.now,
      fetch: (url, request) => {
        asked.push({ url: String(url), body: request?.body instanceof URLSearchParams ? request.body.toString() : '' })
        return Promise.resolve(url.toString().includes('well-known') ? Response.json(metadata) : new Response(null))
      },
    })
    await provider.revoke('rt-1')
    expect(asked.at(-1)?.url).toBe(expected)
    // RFC 8705 section 2: the client says who it is, the certificate proves it.
    expect(new URLSearchParams(asked.at(-1)?.body).get('client_id') ?? 'web-bff').toBe('web-bff')
  })
})

describe('PAR', () => {
  const required = (issuer: string) => ({
    pushed_authorization_request_endpoint: `${issuer}/par`,
    require_pushed_authorization_requests: true,
  })

  test('where the provider requires it, the browser carries a request_uri and nothing else', async () => {
    const { app, provider, browser } = await simulateInternet()
    provider.settings.metadata = required(provider.issuer)
    const ada = browser()
    await ada.login(app, '/orders')
    expect(ada.tab.url).toBe(`${app.url}/orders`)
    expect(await ada.session()).toMatchObject({ authenticated: true })
    const [pushed] = provider.calls.par
    expect(pushed).toMatchObject({ method: 'POST', client: { method: 'client_secret_basic', secret: provider.client.secret } })
    expect(pushed?.form.get('code_challenge_method')).toBe('S256')
    expect([...(provider.calls.authorize[0]?.form.keys() ?? [])].toSorted()).toEqual(['client_id', 'request_uri'])
  })

  test('each login pushes a request of its own', async () => {
    const { app, provider, browser } = await simulateInternet()
    provider.settings.metadata = required(provider.issuer)
    for (let login = 0; login < 2; login++) await browser().login(app)
    const uris = provider.calls.authorize.map(({ form }) => form.get('request_uri'))
    expect(new Set(uris).size).toBe(2)
  })

  test('where pushing fails the login fails: nothing goes by the browser instead', async () => {
    const { app, provider, browser } = await simulateInternet()
    provider.settings.metadata = required(provider.issuer)
    provider.override('par', { status: 503 })
    const ada = browser()
    await ada.navigate(`${app.url}/bff/login`)
    expect(provider.calls.authorize).toEqual([])
    expect(await ada.session()).toEqual({ authenticated: false })
  })
})
