import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { originOf, type Places, type WeakName } from './places.ts'
import { ServerLogin } from './server-login.ts'
import { bodyOf, send } from './wire.ts'

interface Defences {
  /** The session cookie is SameSite=Strict; else None. */
  readonly sameSite: boolean
  /** Unsafe requests carry the session's CSRF token. */
  readonly csrf: boolean
  /** A login ends only in the browser that began it. */
  readonly binding: boolean
  /** Logging out ends the session on the server, and not only the cookie. */
  readonly logout: boolean
}

const whole: Defences = { sameSite: true, csrf: true, binding: true, logout: true }

const defencesOf: Readonly<Record<WeakName, Defences>> = {
  'no-samesite': { ...whole, sameSite: false },
  'no-csrf': { ...whole, csrf: false },
  'no-both': { ...whole, sameSite: false, csrf: false },
  'no-binding': { ...whole, binding: false },
  'no-logout': { ...whole, logout: false },
}

/**
 * A BFF with one defence left out, for the lab and nothing else: what such a BFF looks like when it is written by hand and
 * that part is forgotten. Coatcheck has no option for any of this. Never copy from here.
 */
export function createWeakBff(places: Places, name: WeakName, clientSecret: string) {
  const defences = defencesOf[name]
  const login = new ServerLogin(places, name, clientSecret)
  const sessions = new Map<string, { readonly token: string; readonly csrfToken: string }>()
  const attributes = `HttpOnly; Path=/; ${defences.sameSite ? 'SameSite=Strict' : 'SameSite=None; Secure'}`

  const callback = async (url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const state = url.searchParams.get('state') ?? ''
    const isOwn = !defences.binding || request.headers.cookie?.includes(`login=${state}`) === true
    const token = isOwn ? await login.finish(url.searchParams.get('code') ?? '', state) : undefined
    if (token === undefined) {
      response.writeHead(303, { Location: '/' }).end()
      return
    }
    const id = randomBytes(32).toString('base64url')
    sessions.set(id, { token, csrfToken: randomBytes(16).toString('base64url') })
    response.writeHead(303, { Location: '/', 'Set-Cookie': `session=${id}; ${attributes}` }).end()
  }

  /** Answers its own paths; `false` for all others. */
  return async (request: IncomingMessage, response: ServerResponse): Promise<boolean> => {
    const url = new URL(request.url ?? '/', originOf(places, name))
    const id = /(?:^|; )session=([\w-]+)/.exec(request.headers.cookie ?? '')?.[1] ?? ''
    const session = sessions.get(id)
    const isProved = (presented: unknown) => !defences.csrf || presented === session?.csrfToken
    if (url.pathname === '/bff/login') {
      const { state, location } = login.begin()
      response.writeHead(303, { Location: location, 'Set-Cookie': `login=${state}; HttpOnly; SameSite=Lax; Path=/` }).end()
    } else if (url.pathname === '/bff/callback') await callback(url, request, response)
    else if (url.pathname === '/bff/session') {
      response.setHeader('Cache-Control', 'no-store')
      response.end(JSON.stringify({ csrfToken: session?.csrfToken }))
    } else if (url.pathname === '/bff/logout' && request.method === 'POST') {
      const form = new URLSearchParams(await bodyOf(request))
      const isAllowed = isProved(form.get('_csrf'))
      if (isAllowed && defences.logout) sessions.delete(id)
      response.writeHead(
        isAllowed ? 303 : 403,
        isAllowed ? { Location: '/', 'Set-Cookie': `session=; Max-Age=0; ${attributes}` } : {},
      )
      response.end()
    } else if (url.pathname.startsWith('/api/')) {
      if (session === undefined) response.writeHead(401).end('{"error":"no session"}')
      else if (request.method !== 'GET' && !isProved(request.headers['x-csrf-token'])) {
        response.writeHead(403).end('{"error":"a forged request"}')
      } else {
        const answer = await send(`${originOf(places, 'api')}${url.pathname}`, {
          method: request.method ?? 'GET',
          headers: { authorization: `Bearer ${session.token}`, 'content-length': '0' },
        })
        response.writeHead(answer.status, { 'Content-Type': 'application/json' }).end(answer.text)
      }
    } else return false
    return true
  }
}
