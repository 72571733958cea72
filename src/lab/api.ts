import type { KeyObject } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { jwtVerify } from 'jose'
import { apiResource } from './places.ts'

/** A call that brought a valid token. */
export interface ApiCall {
  /** The client whose token it was. */
  readonly client: string
  /** Whose token it was. */
  readonly user: string
  readonly method: string
  readonly path: string
  readonly status: number
}

/**
 * The API behind all apps: accounts and transfers. It takes a bearer token and nothing else. `/api/accounts/USER` is for
 * USER alone; `/api/careless/accounts/USER` is the same with that question forgotten.
 */
export function createApi(issuer: string, publicKey: KeyObject) {
  const balances = new Map<string, number>()
  const calls: ApiCall[] = []
  const verify = async (request: IncomingMessage): Promise<{ user: string; client: string } | undefined> => {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]
    if (token === undefined) return undefined
    const verified = await jwtVerify(token, publicKey, { issuer, audience: apiResource, typ: 'at+jwt' }).catch(() => undefined)
    const { sub, client_id: client } = verified?.payload ?? {}
    return sub === undefined || typeof client !== 'string' ? undefined : { user: sub, client }
  }
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    // Apps that hold their tokens in the browser call this API from another origin.
    response.setHeader('Access-Control-Allow-Origin', '*')
    response.setHeader('Access-Control-Allow-Headers', 'authorization')
    response.setHeader('Content-Type', 'application/json')
    response.setHeader('Cache-Control', 'no-store')
    if (request.method === 'OPTIONS') {
      response.writeHead(204).end()
      return
    }
    const caller = await verify(request)
    if (caller === undefined) {
      response.writeHead(401, { 'WWW-Authenticate': 'Bearer' }).end('{"error":"no valid access token"}')
      return
    }
    const { user } = caller
    const path = request.url ?? '/'
    const [, careless, named] = /^\/api(\/careless)?\/accounts\/([a-z]+)$/.exec(path) ?? []
    const isRefused = named !== undefined && named !== user && careless === undefined
    if (isRefused) response.writeHead(403).end('{"error":"this is the account of somebody else"}')
    else {
      const owner = named ?? user
      if (request.method === 'POST') balances.set(owner, (balances.get(owner) ?? 1000) - 10)
      response.end(JSON.stringify({ owner, balance: balances.get(owner) ?? 1000 }))
    }
    calls.push({ ...caller, method: request.method ?? '', path, status: response.statusCode })
  }
  return { handle, calls }
}
