import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { apiResource, callbackOf, originOf, scope, type Places } from './places.ts'
import { send } from './wire.ts'

/**
 * A token-mediating backend (RFC 10017 section 6.2), as apps have them: the login and the refresh token are on the
 * server, and `GET /token` gives the page an access token for its cookie.
 */
export function createMediator(places: Places, clientSecret: string) {
  const logins = new Map<string, string>()
  const sessions = new Map<string, string>()
  const redirectUri = callbackOf(places, 'tmb')
  const idp = originOf(places, 'idp')

  const redeem = async (code: string, verifier: string): Promise<string | undefined> => {
    const answer = await send(`${idp}/token`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Basic ${Buffer.from(`tmb:${clientSecret}`).toString('base64')}`,
      },
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        code_verifier: verifier,
        resource: apiResource,
      }).toString(),
    })
    const { access_token: token } = JSON.parse(answer.text) as { access_token?: string }
    return token
  }

  /** Answers its own paths; `false` for all others. */
  return async (request: IncomingMessage, response: ServerResponse): Promise<boolean> => {
    const url = new URL(request.url ?? '/', originOf(places, 'tmb'))
    const id = /(?:^|; )tmb=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1] ?? ''
    if (url.pathname === '/login') {
      const [state, verifier] = [randomBytes(16).toString('base64url'), randomBytes(32).toString('base64url')]
      logins.set(state, verifier)
      const query = new URLSearchParams({
        response_type: 'code',
        client_id: 'tmb',
        redirect_uri: redirectUri,
        scope,
        resource: apiResource,
        state,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
      })
      response
        .writeHead(303, {
          Location: `${idp}/auth?${query.toString()}`,
          'Set-Cookie': `login=${state}; HttpOnly; SameSite=Lax; Path=/`,
        })
        .end()
      return true
    }
    if (url.pathname === '/callback') {
      const state = url.searchParams.get('state') ?? ''
      const verifier = request.headers.cookie?.includes(`login=${state}`) === true ? logins.get(state) : undefined
      logins.delete(state)
      const token = verifier === undefined ? undefined : await redeem(url.searchParams.get('code') ?? '', verifier)
      if (token === undefined) {
        response.writeHead(400, { 'Content-Type': 'text/html' }).end('<!doctype html><title>Error</title><p>The login failed.')
        return true
      }
      const session = randomBytes(32).toString('base64url')
      sessions.set(session, token)
      response.writeHead(303, { Location: '/', 'Set-Cookie': `tmb=${session}; HttpOnly; SameSite=Strict; Path=/` }).end()
      return true
    }
    if (url.pathname === '/token') {
      const token = sessions.get(id)
      response.writeHead(token === undefined ? 401 : 200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
      response.end(JSON.stringify({ access_token: token }))
      return true
    }
    if (url.pathname === '/logout' && request.method === 'POST') {
      sessions.delete(id)
      response.writeHead(204, { 'Set-Cookie': 'tmb=; Max-Age=0; Path=/' }).end()
      return true
    }
    return false
  }
}
