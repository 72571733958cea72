#!/usr/bin/env node
import { createServer } from 'node:http'
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'

/**
 * The API of the examples. It takes access tokens, as your APIs do, and has never heard of Coatcheck.
 * Each user has orders of their own: GET /orders, and POST /orders with {"item":"..."}.
 *
 *   orders-api PORT ISSUER AUDIENCE
 */
const [port, issuer, audience] = process.argv.slice(2)
const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`))
const ordersOf = new Map()

createServer((request, response) => {
  const send = (status, body, headers = {}) =>
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body))
  answer(request, send).catch((error) => {
    // What is wrong with the token is the caller's matter; keys that cannot be had are not.
    if (error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout))
      send(401, { error: 'invalid_token' }, { 'WWW-Authenticate': 'Bearer error="invalid_token"' })
    else send(503, { error: 'temporarily_unavailable' })
  })
}).listen(Number(port), '127.0.0.1')

async function answer(request, send) {
  const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1]
  if (token === undefined) return send(401, { error: 'no token' }, { 'WWW-Authenticate': 'Bearer' })
  const { payload } = await jwtVerify(token, keys, { issuer, audience, typ: 'at+jwt', algorithms: ['RS256'] })
  if (request.url !== '/orders') return send(404, { error: 'not found' })
  const orders = ordersOf.get(payload.sub) ?? []
  if (request.method !== 'POST') return send(200, { owner: payload.sub, orders })
  const order = await readJson(request)
  if (typeof order?.item !== 'string') return send(400, { error: 'an order has an item' })
  ordersOf.set(payload.sub, [...orders, { item: order.item }])
  return send(201, { item: order.item })
}

async function readJson(request) {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk
    if (text.length > 10_000) return undefined
  }
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
