import { expect, test } from 'vitest'
import type { ProviderConfig } from '../../config/schema.ts'
import { resolveConfig } from '../../config/resolve.ts'
import type { Answer } from './ask.ts'
import type { Finding } from './finding.ts'
import { discoveryUrl, judgeDiscovery, judgeKeys } from './judge-provider.ts'

const nowMs = Date.parse('2026-01-02T03:04:05Z')
const issuer = 'https://id.example.com'

function providerWith(changes: Record<string, unknown> = {}): ProviderConfig {
  return resolveConfig({
    origin: 'https://app.example.com',
    provider: { issuer, clientId: 'web', clientSecret: 'x', ...changes },
    session: { secrets: ['qWmO0Zb1Xv9nT7rL5kJ3hG2fD8sA6pU4yE-cVxBzNiQ'] },
    routes: [{ path: '/', static: '.' }],
  }).provider
}

const metadata = {
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/jwks`,
  end_session_endpoint: `${issuer}/logout`,
  revocation_endpoint: `${issuer}/revoke`,
  response_types_supported: ['code', 'code id_token'],
  code_challenge_methods_supported: ['S256'],
  scopes_supported: ['openid', 'profile', 'offline_access'],
  id_token_signing_alg_values_supported: ['RS256'],
}

const answer = (body: unknown, changes: Partial<Extract<Answer, { status: number }>> = {}): Answer => ({
  status: 200,
  contentType: 'application/json',
  date: new Date(nowMs).toUTCString(),
  location: undefined,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  ...changes,
})

const say = ({ level, path, message, remedy }: Finding) => `${level} ${path}: ${message}; ${remedy}`

/** What is told besides what is fine. */
function told(given: Answer, provider = providerWith()): string[] {
  return judgeDiscovery(provider, given, nowMs)
    .findings.filter(({ level }) => level !== 'ok')
    .map(say)
}

test('a good provider has one good finding', () => {
  expect(judgeDiscovery(providerWith(), answer(metadata), nowMs).findings).toEqual([
    {
      step: 'provider',
      level: 'ok',
      path: 'provider.issuer',
      message: `discovery works at ${issuer}/.well-known/openid-configuration`,
    },
  ])
})

test('the metadata stand below the whole path of the issuer', () => {
  expect(discoveryUrl('https://id/realms/a').href).toBe('https://id/realms/a/.well-known/openid-configuration')
  expect(discoveryUrl('https://id/realms/a/').href).toBe('https://id/realms/a/.well-known/openid-configuration')
})

test.each<[what: string, given: Answer, words: string]>([
  [
    'a refused connection',
    { failure: 'ECONNREFUSED' },
    'cannot be reached: id.example.com refuses the connection; start the service',
  ],
  ['an unknown host', { failure: 'ENOTFOUND' }, 'the host name id.example.com does not resolve; check its spelling'],
  ['no answer', { failure: 'deadline' }, 'does not answer in time; check the port'],
  ['a self-signed certificate', { failure: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, 'name the authority in provider.tls.ca'],
  [
    'a certificate for another name',
    { failure: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    'is for another name; use the name that stands in the certificate',
  ],
  ['an expired certificate', { failure: 'CERT_HAS_EXPIRED' }, 'has expired; renew it'],
  ['TLS towards plain http', { failure: 'EPROTO' }, 'if it speaks plain http there, write http://'],
  ['something new', { failure: 'EWHATEVER' }, '(EWHATEVER)'],
  ['500', answer('', { status: 500 }), 'answers 500; look into the log of the provider'],
  ['404', answer('', { status: 404 }), 'answers 404; check the issuer: host, path (realm or tenant)'],
  [
    'a redirect',
    answer('', { status: 302, location: 'https://login.example.com/\u001B[31m' }),
    'a redirect to "https://login.example.com/\\u001b[31m", which is not followed',
  ],
  [
    'a page',
    answer('<!doctype html>', { contentType: 'text/html' }),
    'answers with an HTML page that is not JSON metadata; check the issuer',
  ],
  ['a page called JSON', answer('\n<html>'), 'an HTML page'],
  ['half of JSON', answer('{"issuer":'), 'something that is not JSON metadata'],
  ['a list', answer([]), 'something that is not JSON metadata'],
  ['null', answer('null'), 'something that is not JSON metadata'],
])('%s is the only finding', (_what, given, words) => {
  const found = told(given)
  expect(found).toHaveLength(1)
  expect(found[0]).toContain('problem provider.issuer: ')
  expect(found[0]).toContain(words)
})

test.each<[what: string, changes: Record<string, unknown>, words: string]>([
  [
    'another issuer',
    { issuer: 'https://other.example.com' },
    'problem provider.issuer: the metadata name the issuer "https://other.example.com", the config "https://id.example.com"',
  ],
  ['an issuer with a slash more', { issuer: `${issuer}/` }, 'write issuer: "https://id.example.com/"'],
  ['no issuer', { issuer: undefined }, 'the metadata name the issuer none'],
  ['no authorization endpoint', { authorization_endpoint: undefined }, 'have no authorization_endpoint'],
  ['no token endpoint', { token_endpoint: undefined }, 'have no token_endpoint'],
  ['no keys', { jwks_uri: undefined }, 'have no jwks_uri'],
  ['an endpoint that is no URL', { token_endpoint: 5 }, 'token_endpoint that is not a URL'],
  ['an endpoint on plain http', { token_endpoint: 'http://id.example.com/token' }, 'the token_endpoint is not https'],
  ['no code flow', { response_types_supported: ['id_token'] }, 'does not support the code flow'],
  [
    'PKCE without S256',
    { code_challenge_methods_supported: ['plain'] },
    'problem provider.issuer: the provider does not support PKCE with S256',
  ],
  [
    'no word on PKCE',
    { code_challenge_methods_supported: undefined },
    'warning provider.issuer: the provider does not say that it supports PKCE',
  ],
  [
    'another client authentication',
    { token_endpoint_auth_methods_supported: ['private_key_jwt', 'none'] },
    'problem provider.clientAuth: the provider does not take clientAuth client_secret_basic; set it to one that it takes: private_key_jwt, none',
  ],
  [
    'other algorithms',
    { id_token_signing_alg_values_supported: ['HS256'] },
    'problem provider.idTokenAlgorithms: the provider signs ID tokens with HS256',
  ],
  [
    'no refresh tokens',
    { scopes_supported: ['openid', 'profile'] },
    'warning provider.scope: the provider does not list the scope offline_access',
  ],
  [
    'another scope',
    { scopes_supported: ['openid', 'offline_access'] },
    'warning provider.scope: the provider does not list the scope profile',
  ],
  ['no logout', { end_session_endpoint: undefined }, 'warning provider.issuer: the provider has no end_session_endpoint'],
  ['no revocation', { revocation_endpoint: undefined }, 'warning provider.issuer: the provider has no revocation_endpoint'],
])('%s is told', (_what, changes, words) => {
  const found = told(answer({ ...metadata, ...changes }))
  expect(found).toHaveLength(1)
  expect(found[0]).toContain(words)
})

test('everything is told at once', () => {
  expect(
    told(answer({ issuer: 1, response_types_supported: [], token_endpoint_auth_methods_supported: [] })).length,
  ).toBeGreaterThanOrEqual(8)
})

test('lists of the wrong kind are not taken for empty ones', () => {
  expect(told(answer({ ...metadata, response_types_supported: 'code', scopes_supported: null }))).toEqual([])
})

test('form_post needs a provider that can', () => {
  const provider = providerWith({ responseMode: 'form_post' })
  expect(told(answer({ ...metadata, response_modes_supported: ['query'] }), provider)).toEqual([
    expect.stringContaining('problem provider.responseMode'),
  ])
  expect(told(answer(metadata), provider)).toEqual([])
})

test.each([
  [29, undefined],
  [31, '31 s ahead of'],
  [-90, '90 s behind'],
])('a clock that is %i s off', (seconds, words) => {
  const found = told(answer(metadata, { date: new Date(nowMs - seconds * 1000).toUTCString() }))
  expect(found).toEqual(words === undefined ? [] : [expect.stringContaining(words)])
  expect(told(answer(metadata, { date: 'yesterday' }))).toEqual([])
})

test('a key set needs a key for an accepted algorithm', () => {
  const url = new URL(`${issuer}/jwks`)
  const judge = (keys: unknown) => judgeKeys(providerWith(), url, answer({ keys })).map(say).join('\n')
  for (const key of [{ kty: 'RSA' }, { kty: 'EC', use: 'sig' }, { kty: 'RSA', alg: 'PS256' }, { kty: 'OKP', crv: 'Ed25519' }])
    expect(judge([key]), JSON.stringify(key)).toContain('ok provider.issuer')
  for (const keys of [
    undefined,
    null,
    [],
    [null],
    [{ kty: 'RSA', use: 'enc' }],
    [{ kty: 'RSA', alg: 'RSA-OAEP' }],
    [{ kty: 'oct' }],
  ]) {
    expect(judge(keys), JSON.stringify(keys)).toContain(
      'problem provider.issuer: the key set https://id.example.com/jwks has no key for the accepted algorithms',
    )
  }
  expect(judge([{ kty: 'RSA', d: 'AQ' }])).toContain('shows private keys to everybody')
  expect(judgeKeys(providerWith(), url, answer('', { status: 404 }))).toMatchObject([{ level: 'problem' }])
})
