import { createHash } from 'node:crypto'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startScriptedProvider, type ScriptedProvider } from './scripted-provider.ts'

const redirectUri = 'https://app.test/bff/callback'
const verifier = 'v'.repeat(43)
let provider: ScriptedProvider

beforeEach(async () => {
  provider = await startScriptedProvider()
  provider.redirectUris.add(redirectUri)
})
afterEach(() => provider.close())

function authorizationUrl(changes: Record<string, string> = {}): string {
  const query = new URLSearchParams({
    client_id: provider.client.id,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid offline_access',
    state: 'st',
    nonce: 'no',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...changes,
  })
  return `${provider.issuer}/authorize?${query.toString()}`
}

async function authorize(changes: Record<string, string> = {}): Promise<URLSearchParams> {
  const response = await fetch(authorizationUrl(changes), { redirect: 'manual' })
  return new URL(response.headers.get('location') ?? 'about:blank').searchParams
}

async function token(fields: Record<string, string>): Promise<Record<string, string>> {
  const authorization = `Basic ${Buffer.from(`${provider.client.id}:${provider.client.secret}`).toString('base64')}`
  const response = await fetch(`${provider.issuer}/token`, {
    method: 'POST',
    headers: { authorization },
    body: new URLSearchParams(fields),
  })
  return Object.fromEntries(Object.entries(Object(await response.json())).map(([key, value]) => [key, String(value)]))
}

const redeem = (code: string, changes: Record<string, string> = {}) =>
  token({ grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier, ...changes })
const refresh = (refreshToken: string, more: Record<string, string> = {}) =>
  token({ grant_type: 'refresh_token', refresh_token: refreshToken, ...more })

test('runs the code flow and signs an ID token that holds', async () => {
  const answer = await authorize()
  expect(answer.get('iss')).toBe(provider.issuer)
  expect(answer.get('state')).toBe('st')
  const tokens = await redeem(answer.get('code') ?? '')
  const keys = createRemoteJWKSet(new URL(`${provider.issuer}/jwks`))
  const { payload } = await jwtVerify(tokens['id_token'] ?? '', keys, { issuer: provider.issuer, audience: provider.client.id })
  expect(payload).toMatchObject({ sub: 'user-ada', nonce: 'no' })
  expect(provider.issued.get(tokens['access_token'] ?? '')).toBe('access_token')
  expect([...provider.issued.values()]).toEqual(
    expect.arrayContaining(['code', 'code_verifier', 'client_secret', 'refresh_token', 'id_token']),
  )
  const userInfo = await fetch(`${provider.issuer}/userinfo`, { headers: { authorization: `Bearer ${tokens['access_token']}` } })
  expect(await userInfo.json()).toMatchObject({ sub: 'user-ada', name: 'Ada Lovelace' })
})

test.each([
  ['another redirect_uri', { redirect_uri: 'https://evil.test/' }],
  ['another verifier', { code_verifier: 'w'.repeat(43) }],
])('refuses a code with %s', async (_what, changes) => {
  const answer = await authorize()
  expect(await redeem(answer.get('code') ?? '', changes)).toMatchObject({ error: 'invalid_grant' })
})

test('takes a code once, and takes back what came of it when it is shown again', async () => {
  const code = (await authorize()).get('code') ?? ''
  const tokens = await redeem(code)
  expect(await redeem(code)).toMatchObject({ error: 'invalid_grant' })
  expect(provider.grants.activeAccessToken(tokens['access_token'] ?? '')).toBeUndefined()
})

test('asks for PKCE with S256', async () => {
  expect((await authorize({ code_challenge_method: 'plain' })).get('error')).toBe('invalid_request')
})

test('rotates refresh tokens and kills the family on reuse', async () => {
  const first = await redeem((await authorize()).get('code') ?? '')
  const second = await refresh(first['refresh_token'] ?? '')
  expect(second['refresh_token']).not.toBe(first['refresh_token'])
  expect(await refresh(first['refresh_token'] ?? '')).toMatchObject({ error: 'invalid_grant' })
  expect(provider.reuseDetected).toBe(1)
  expect(await refresh(second['refresh_token'] ?? '')).toMatchObject({ error: 'invalid_grant' })
})

test('gives a token for a resource, by refresh and by exchange', async () => {
  const first = await redeem((await authorize()).get('code') ?? '')
  const second = await refresh(first['refresh_token'] ?? '', { resource: 'https://orders.test' })
  expect(provider.grants.accessTokens.get(second['access_token'] ?? '')?.audience).toBe('https://orders.test')
  const third = await token({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: second['access_token'] ?? '',
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    resource: 'https://stock.test',
  })
  expect(provider.grants.accessTokens.get(third['access_token'] ?? '')?.audience).toBe('https://stock.test')
})

test('answers by script: once, until told otherwise, held, and reset after the work', async () => {
  provider.once('jwks', { status: 500, body: 'broken' })
  expect((await fetch(`${provider.issuer}/jwks`)).status).toBe(500)
  expect((await fetch(`${provider.issuer}/jwks`)).status).toBe(200)
  provider.override('jwks', async (_call, byDefault) => ({ ...(await byDefault()), status: 203 }))
  expect((await fetch(`${provider.issuer}/jwks`)).status).toBe(203)
  const held = provider.hold('jwks')
  const answer = fetch(`${provider.issuer}/jwks`)
  await held.arrived
  expect(held.count()).toBe(1)
  held.release()
  expect((await answer).status).toBe(200)
  const tokens = await redeem((await authorize()).get('code') ?? '')
  provider.once('token', { reset: 'after' })
  await expect(refresh(tokens['refresh_token'] ?? '')).rejects.toThrow()
  expect(provider.grants.isLive(tokens['refresh_token'] ?? '')).toBe(false)
  expect(provider.calls.jwks).toHaveLength(4)
})

test('goes away and comes back on the same port', async () => {
  await provider.stop()
  await expect(fetch(`${provider.issuer}/jwks`)).rejects.toThrow()
  await provider.start()
  expect((await fetch(`${provider.issuer}/jwks`)).status).toBe(200)
})
