import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { originOf, type Places } from './places.ts'
import { ServerLogin } from './server-login.ts'

/**
 * A token-mediating backend (RFC 10017 section 6.2), as apps have them: the login and the refresh token are on the
 * server, and `GET /token` gives the page an access token for its cookie.
 */
export function createMediator(places: Places, clientSecret: string) {
  const login = new ServerLogin(places, 'tmb', clientSecret)
  const sessions = new Map<string, string>()

  /** Answers its own paths; `false` for all others. */
  return async (request: IncomingMessage, response: ServerResponse): Promise<boolean> => {
    const url = new URL(request.url ?? '/', originOf(places, 'tmb'))
    const id = /(?:^|; )tmb=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1] ?? ''
    if (url.pathname === '/login') {
      const { state, location } = login.begin()
      response.writeHead(303, { Location: location, 'Set-Cookie': `login=${state}; HttpOnly; SameSite=Lax; Path=/` }).end()
      return true
    }
    if (url.pathname === '/callback') {
      const state = url.searchParams.get('state') ?? ''
      const isOwn = request.headers.cookie?.includes(`login=${state}`) === true
      const token = isOwn ? await login.finish(url.searchParams.get('code') ?? '', state) : undefined
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
