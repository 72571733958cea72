import type { KeyObject } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { jwtVerify } from 'jose'
import { apiResource } from './places.ts'

/** The API behind all five apps: an account and transfers. It takes a bearer token and nothing else. */
export function createApi(issuer: string, publicKey: KeyObject) {
  const balances = new Map<string, number>()
  const ownerOf = async (request: IncomingMessage): Promise<string | undefined> => {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]
    if (token === undefined) return undefined
    const verified = await jwtVerify(token, publicKey, { issuer, audience: apiResource, typ: 'at+jwt' }).catch(() => undefined)
    return verified?.payload.sub
  }
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // Apps that hold their tokens in the browser call this API from another origin.
    response.setHeader('Access-Control-Allow-Origin', '*')
    response.setHeader('Access-Control-Allow-Headers', 'authorization')
    response.setHeader('Content-Type', 'application/json')
    response.setHeader('Cache-Control', 'no-store')
    if (request.method === 'OPTIONS') {
      response.writeHead(204).end()
      return
    }
    const owner = await ownerOf(request)
    if (owner === undefined) {
      response.writeHead(401, { 'WWW-Authenticate': 'Bearer' }).end('{"error":"no valid access token"}')
      return
    }
    if (request.method === 'POST') balances.set(owner, (balances.get(owner) ?? 1000) - 10)
    response.end(JSON.stringify({ owner, balance: balances.get(owner) ?? 1000 }))
  }
}
