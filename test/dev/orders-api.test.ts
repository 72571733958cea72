import { createServer } from 'node:http'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { CryptoKey } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startOrdersApi } from '../../demo/orders-api/server.ts'
import { listenOnLoopback } from '../../src/dev/listen.ts'

const audience = 'http://localhost:9/orders'
let issuer = ''
let issuerIsUp = true
let api: { url: string; close(): Promise<void> }
let key: CryptoKey
let foreignKey: CryptoKey

const keyServer = createServer()

beforeAll(async () => {
  const pair = await generateKeyPair('RS256')
  key = pair.privateKey
  foreignKey = (await generateKeyPair('RS256')).privateKey
  const jwk = { ...(await exportJWK(pair.publicKey)), alg: 'RS256', kid: 'one', use: 'sig' }
  keyServer.on('request', (request, response) => {
    if (!issuerIsUp) response.statusCode = 500
    response.end(JSON.stringify(request.url === '/jwks' ? { keys: [jwk] } : { issuer, jwks_uri: `${issuer}/jwks` }))
  })
  issuer = `http://127.0.0.1:${await listenOnLoopback(keyServer, 0, 'the test')}`
  api = await startOrdersApi({ issuer, audience })
})

afterAll(async () => {
  await api.close()
  keyServer.closeAllConnections()
  await new Promise((resolve) => keyServer.close(resolve))
})

interface ApiCall extends RequestInit {
  readonly headers?: Record<string, string>
}

interface TokenChanges {
  readonly typ?: string
  readonly kid?: string
  readonly signedWith?: CryptoKey
  readonly [claim: string]: unknown
}

function makeToken({ typ = 'at+jwt', kid = 'one', signedWith = key, ...claims }: TokenChanges = {}): Promise<string> {
  const nowSeconds = Math.floor(Date.now() / 1000)
  return new SignJWT({
    iss: issuer,
    aud: audience,
    sub: 'ada',
    client_id: 'bff',
    scope: 'orders.read orders.write',
    iat: nowSeconds,
    exp: nowSeconds + 60,
    ...claims,
  })
    .setProtectedHeader({ alg: 'RS256', typ, kid })
    .sign(signedWith)
}

function call(path: string, token: string | undefined, init: ApiCall = {}) {
  return fetch(`${api.url}${path}`, {
    ...init,
    headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...init.headers },
  })
}

const order = (body: unknown): ApiCall => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

async function listIds(token: string): Promise<string[]> {
  const { orders } = (await (await call('/orders', token)).json()) as { orders: { id: string }[] }
  return orders.map(({ id }) => id)
}

describe('tokens that are refused', () => {
  const past = Math.floor(Date.now() / 1000) - 600
  const cases: [string, () => Promise<string>][] = [
    ["signed with a key that is not the issuer's", () => makeToken({ signedWith: foreignKey })],
    ['naming a key the issuer does not have', () => makeToken({ kid: 'two' })],
    ['for another API', () => makeToken({ aud: 'http://localhost:9/payments' })],
    ['from another issuer', () => makeToken({ iss: 'http://127.0.0.1:1' })],
    ['that have expired', () => makeToken({ iat: past, exp: past + 60 })],
    ['without an expiry', () => makeToken({ exp: undefined })],
    ['without a subject', () => makeToken({ sub: undefined })],
    ['that are ID tokens', () => makeToken({ typ: 'JWT' })],
    [
      'that were changed',
      async () => {
        const [header, , signature] = (await makeToken()).split('.')
        return `${header}.${Buffer.from(JSON.stringify({ iss: issuer, aud: audience, sub: 'ben', client_id: 'bff', exp: 9e9 })).toString('base64url')}.${signature}`
      },
    ],
    [
      'with the algorithm none',
      async () => `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${(await makeToken()).split('.')[1]}.`,
    ],
    ['that are no JWTs', async () => 'abc'],
  ]
  it.each(cases)('%s', async (_name, make) => {
    const response = await call('/orders', await make())
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
    expect(response.headers.get('content-type')).toBe('application/problem+json')
  })

  it('and no token at all', async () => {
    const response = await call('/orders', undefined)
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe('Bearer')
  })
})

describe('scopes', () => {
  it('reading needs orders.read', async () => {
    const response = await call('/orders', await makeToken({ scope: 'orders.write' }))
    expect(response.status).toBe(403)
    expect(response.headers.get('www-authenticate')).toBe('Bearer error="insufficient_scope", scope="orders.read"')
    expect((await call('/orders', await makeToken({ scope: 'orders.read' }))).status).toBe(200)
  })

  it('creating and deleting need orders.write, and a scope is matched whole', async () => {
    const token = await makeToken({ scope: 'orders.read xorders.write orders.writer' })
    expect((await call('/orders', token, order({ item: 'Harbour Espresso', quantity: 1 }))).status).toBe(403)
    const [id = ''] = await listIds(token)
    expect((await call(`/orders/${id}`, token, { method: 'DELETE' })).status).toBe(403)
    expect(await listIds(token)).toContain(id)
  })
})

describe('orders', () => {
  it('of somebody else cannot be seen or deleted, and look as if they did not exist', async () => {
    const ada = await makeToken()
    const ben = await makeToken({ sub: 'ben' })
    const [ofBen = ''] = await listIds(ben)
    expect(await listIds(ada)).not.toContain(ofBen)
    const foreign = await call(`/orders/${ofBen}`, ada)
    const missing = await call('/orders/999999', ada)
    expect([foreign.status, await foreign.text()]).toEqual([404, await missing.text()])
    expect((await call(`/orders/${ofBen}`, ada, { method: 'DELETE' })).status).toBe(404)
    expect(await listIds(ben)).toContain(ofBen)
  })

  it('can be created, read and deleted by their owner', async () => {
    const token = await makeToken({ sub: 'eve' })
    const created = await call('/orders', token, order({ item: 'Harbour Espresso', quantity: 2, owner: 'ada', id: '1' }))
    expect(created.status).toBe(201)
    const { id } = (await created.json()) as { id: string }
    expect(await listIds(token)).toEqual([id])
    expect(await (await call(`/orders/${id}`, token)).json()).toMatchObject({
      id,
      item: 'Harbour Espresso',
      quantity: 2,
      status: 'received',
    })
    expect((await call(`/orders/${id}`, token, { method: 'DELETE' })).status).toBe(204)
    expect(await listIds(token)).toEqual([])
  })

  it('are checked before they are taken', async () => {
    const token = await makeToken()
    expect((await call('/orders', token, order({ item: 'Tea', quantity: 1 }))).status).toBe(422)
    expect((await call('/orders', token, order({ item: 'Harbour Espresso', quantity: 0 }))).status).toBe(422)
    expect((await call('/orders', token, order(null))).status).toBe(422)
    expect((await call('/orders', token, { method: 'POST', body: '{}' })).status).toBe(415)
    expect((await call('/orders', token, { ...order(0), body: '{' })).status).toBe(400)
    expect((await call('/orders', token, order({ item: 'x'.repeat(20_000) }))).status).toBe(413)
    const wrongMethod = await call('/orders', token, { method: 'PUT' })
    expect([wrongMethod.status, wrongMethod.headers.get('allow')]).toEqual([405, 'GET, POST'])
    expect((await call('/elsewhere', token)).status).toBe(404)
  })
})

it('does not call a token bad while the issuer cannot be asked', async () => {
  issuerIsUp = false
  const fresh = await startOrdersApi({ issuer, audience })
  const headers = { authorization: `Bearer ${await makeToken()}` }
  const down = await fetch(`${fresh.url}/orders`, { headers })
  issuerIsUp = true
  const up = await fetch(`${fresh.url}/orders`, { headers })
  await fresh.close()
  expect([down.status, down.headers.get('retry-after'), up.status]).toEqual([503, '2', 200])
})
