import type { IncomingHttpHeaders } from 'node:http'
import { BffError } from './errors.ts'
import { guard, type GuardRules } from './guard.ts'
import type { Audit } from './log.ts'
import { judgePath, pathTo, targetOf } from './proxy/target.ts'
import type { RouteTable } from './routes.ts'
import type { SessionCookie } from './session/cookies.ts'
import { sessionView, type SessionView } from './session/session-view.ts'
import type { Sessions } from './session/sessions.ts'
import { parseUrl } from './config/url-reading.ts'

/** Headers of any kind: a web `Headers`, what Next.js gives, or Node's `req.headers`. */
export type HeadersLike = GettableHeaders | IncomingHttpHeaders

export interface GettableHeaders {
  get(name: string): string | null | undefined
}

/** A request of any kind, or its headers alone. */
export type RequestLike = { readonly method?: string | undefined; readonly headers: HeadersLike } | HeadersLike

export interface ServerSideOptions {
  readonly origin: string
  readonly guardRules: GuardRules
  readonly routes: RouteTable
  readonly sessions: Sessions
  readonly sessionCookie: SessionCookie
  readonly csrfTokenOf: (sessionId: string) => string
  readonly isCsrfToken: (sessionId: string, presented: string) => boolean
  readonly audit: Audit
}

/** What code of the server may ask: whose request it is, and whether the app made it. Never gives a token. */
export class ServerSide {
  readonly #options: ServerSideOptions

  constructor(options: ServerSideOptions) {
    this.#options = options
  }

  /** Rejects with `store_unavailable`: that is no answer. */
  async session(request: RequestLike): Promise<SessionView | undefined> {
    const { sessions, sessionCookie, csrfTokenOf } = this.#options
    const presented = sessionCookie.read(readHeader(request, 'cookie'))
    const session = presented.kind === 'one' ? await sessions.find(presented.id) : undefined
    return session === undefined ? undefined : sessionView(session, csrfTokenOf(session.id))
  }

  /** Throws `csrf_failed` for a request with a session cookie that does not prove that the app made it. */
  guard(request: RequestLike, csrfToken: string | undefined): void {
    const { guardRules, sessionCookie, isCsrfToken, audit } = this.#options
    const presented = sessionCookie.read(readHeader(request, 'cookie'))
    if (presented.kind === 'none') return
    // Headers alone do not tell the method; then it is one that changes something.
    const method = (isWhole(request) ? request.method : undefined) ?? 'POST'
    const refused = guard(
      { method, zone: 'endpoint', isUpgrade: false, header: (name) => readHeader(request, name), formToken: csrfToken },
      guardRules,
      (token) => presented.kind === 'one' && isCsrfToken(presented.id, token),
    )
    if (refused === undefined) return
    audit('csrf_refused', { method, reason: refused })
    throw new BffError('csrf_failed', { reason: refused })
  }

  /**
   * The path and query of ours that lead to what is asked for: a path of a proxied route, or an address of its upstream.
   * Throws `not_found` for everything else, so that no token goes to an address that is not configured.
   */
  target(routeOrUrl: string | URL): string {
    const { origin, routes } = this.#options
    const text = String(routeOrUrl)
    const url = parseUrl(text, origin)
    if (url === undefined) throw new BffError('bad_request', { reason: 'neither a path nor an address' })
    const isOwn = url.origin === origin
    const candidates = isOwn ? [url.pathname + url.search] : this.#pathsTo(url)
    for (const local of candidates) {
      const judged = judgePath(local, origin)
      if ('refused' in judged) throw new BffError(judged.code, { reason: judged.refused })
      const route = routes.match(judged)
      if (route === undefined || route === 'ambiguous' || route.kind !== 'proxy') continue
      // A path that leads elsewhere on its way back, because a longer route covers it, is not the way.
      if (isOwn || (route.upstreamOrigin === url.origin && targetOf(route, judged) === url.pathname + url.search)) return local
    }
    throw new BffError('not_found', { reason: `no proxied route leads to ${url.origin}${url.pathname}` })
  }

  /** The nearest route first. */
  #pathsTo(url: URL): string[] {
    const proxied = this.#options.routes.routes.filter((route) => route.kind === 'proxy')
    const near = proxied.toSorted((a, b) => b.upstreamBase.length - a.upstreamBase.length)
    return near.flatMap((route) => pathTo(route, url) ?? [])
  }
}

/** A header of either kind of request; repeated ones joined, so that they equal nothing. */
export function readHeader(request: RequestLike, name: string): string | undefined {
  const headers = isWhole(request) ? request.headers : request
  if (isGettable(headers)) return headers.get(name) ?? undefined
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

/** Told by the type and not by the name: a client may send a field `headers` or `get` too. */
function isWhole(request: RequestLike): request is Extract<RequestLike, { readonly headers: HeadersLike }> {
  return 'headers' in request && typeof request.headers === 'object' && !Array.isArray(request.headers)
}

function isGettable(headers: HeadersLike): headers is GettableHeaders {
  return 'get' in headers && typeof headers.get === 'function'
}
