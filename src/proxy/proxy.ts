import type { IncomingMessage, ServerResponse } from 'node:http'
import { BffError } from '../errors.ts'
import { guard, type GuardRules } from '../guard.ts'
import type { Audit, Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { RateLimits } from '../rate-limits.ts'
import type { ProxyRoute, Route, StaticRoute } from '../routes.ts'
import type { PresentedSession, SessionCookie } from '../session/cookies.ts'
import { missingFor } from '../session/policy.ts'
import { tokenFor, type Session } from '../session/session.ts'
import type { Sessions } from '../session/sessions.ts'
import type { Tokens } from '../session/tokens.ts'
import type { MaybePromise } from '../stores/store.ts'
import { requestHeaders, type ResponseRules } from './headers.ts'
import type { Live } from './live.ts'
import { OpenCall } from './open-call.ts'
import { headerOf } from './request-header.ts'
import type { JudgedPath } from './target.ts'
import type { Upstreams } from './upstream.ts'

/** One request of the node lane, with what the listener knows about it. */
export interface Exchange {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly judged: JudgedPath
  readonly requestId: string
  readonly clientAddress: string
  /** Code of the server calls for the session: nobody else can have forged it. */
  readonly isServerCall: boolean
  /** Answers with an error; the head was not sent yet. */
  readonly refuse: (error: BffError) => void
}

export interface ProxyOptions {
  readonly origin: string
  readonly guardRules: GuardRules
  readonly sessionCookie: SessionCookie
  readonly isOwnCookie: (name: string) => boolean
  readonly isCsrfToken: (sessionId: string, presented: string) => boolean
  readonly sessions: Sessions
  readonly tokens: Tokens
  readonly upstreams: Upstreams
  readonly live: Live
  readonly rateLimits: RateLimits
  readonly via: string
  readonly responseRules: ResponseRules
  readonly audit: Audit
  readonly metrics: Metrics
  readonly log: Logger
}

/** What a call goes out with once it is let through. */
export interface Admitted {
  readonly session: Session | undefined
  readonly headers: string[]
}

/** Proxied calls: guard -> session -> fresh access token -> target -> headers -> stream. */
export class Proxy {
  readonly #options: ProxyOptions
  readonly #host: string
  readonly #proto: string

  constructor(options: ProxyOptions) {
    this.#options = options
    const { host, protocol } = new URL(options.origin)
    this.#host = host
    this.#proto = protocol.slice(0, -1)
  }

  /**
   * One proxied call. Cost without a refresh: one look into memory, one header list each way, no copy of a body.
   * Throws or rejects with a `BffError` where nothing was sent yet.
   */
  call(exchange: Exchange, route: ProxyRoute): MaybePromise<void> {
    return then(this.admit(exchange, route, false), ({ session, headers }) => {
      const open = new OpenCall(this.#options, exchange, route, session, headers)
      const { body } = open
      if (route.maxBodyBytes !== undefined && body !== 'none' && (body.length ?? 0) > route.maxBodyBytes) {
        throw new BffError('content_too_large', { detail: `more than ${route.maxBodyBytes} bytes` })
      }
      open.handle = this.#options.upstreams.forward(open)
      if (session !== undefined) this.#options.live.add(session, open)
    })
  }

  /**
   * Everything that is judged before a call or a WebSocket goes out, in the order that matters. Throws or rejects with a
   * `BffError`.
   */
  admit(exchange: Exchange, route: ProxyRoute, isUpgrade: boolean): MaybePromise<Admitted> {
    const { req, clientAddress } = exchange
    checkMethod(route, req.method ?? '')
    const limits = route.isLimited && !exchange.isServerCall ? this.#options.rateLimits : undefined
    return then(limits?.call(route.path, clientAddress), () => {
      const presented = this.#options.sessionCookie.read(headerOf(req, 'cookie'))
      this.#guard(exchange, route, presented, isUpgrade)
      return then(this.#find(route, presented), (found) =>
        then(limits?.session(route.path, found?.key, clientAddress), () =>
          then(this.#withFreshToken(route, found), (session) => {
            if (session === undefined && route.auth === 'required')
              throw new BffError('session_required', { reason: `session cookie: ${presented.kind}` })
            if (session !== undefined) {
              this.#checkPolicy(exchange, route, session)
              this.#options.sessions.touch(session)
            }
            return { session, headers: this.#requestHeaders(exchange, route, session) }
          }),
        ),
      )
    })
  }

  /** Files are public unless their route says otherwise; a page load without a session is then sent to the login. */
  async admitToFiles({ req }: Exchange, route: StaticRoute): Promise<void> {
    checkMethod(route, req.method ?? '')
    if (route.auth !== 'required') return
    const presented = this.#options.sessionCookie.read(headerOf(req, 'cookie'))
    const session = presented.kind === 'one' ? await this.#options.sessions.find(presented.id) : undefined
    if (session === undefined) throw new BffError('session_required', { reason: `session cookie: ${presented.kind}` })
    this.#options.sessions.touch(session)
  }

  #find({ auth }: ProxyRoute, presented: PresentedSession): MaybePromise<Session | undefined> {
    return auth === 'none' || presented.kind !== 'one' ? undefined : this.#options.sessions.find(presented.id)
  }

  #withFreshToken({ token }: ProxyRoute, session: Session | undefined): MaybePromise<Session | undefined> {
    const { tokens } = this.#options
    return session !== undefined && tokens.isDue(session, token) ? tokens.fresh(session, token) : session
  }

  #requestHeaders({ req, requestId, clientAddress }: Exchange, route: ProxyRoute, session: Session | undefined): string[] {
    const headers = requestHeaders(req.rawHeaders, {
      authorization: session === undefined ? undefined : `Bearer ${tokenFor(session, route.token)?.accessToken ?? ''}`,
      clientAddress,
      host: this.#host,
      proto: this.#proto,
      requestId,
      via: this.#options.via,
      cookies: route.cookies,
      isOwnCookie: this.#options.isOwnCookie,
    })
    if ('refused' in headers) throw new BffError('bad_request', { reason: headers.refused })
    return headers
  }

  #guard(exchange: Exchange, { auth }: ProxyRoute, presented: PresentedSession, isUpgrade: boolean): void {
    if (presented.kind === 'none' || exchange.isServerCall) return
    const { audit, guardRules, isCsrfToken } = this.#options
    const { req, judged, requestId, clientAddress } = exchange
    const refused = guard(
      { method: req.method ?? '', zone: 'proxied', isUpgrade, header: (name) => headerOf(req, name) },
      guardRules,
      (token) => presented.kind === 'one' && isCsrfToken(presented.id, token),
    )
    if (refused !== undefined) {
      audit('csrf_refused', { requestId, clientAddress, method: req.method, path: judged.path, reason: refused })
      throw new BffError('csrf_failed', { reason: refused })
    }
    // Two session cookies mean that somebody planted one; neither is looked up. Where a session is needed the 401 tells.
    if (presented.kind === 'many' && auth === 'optional')
      audit('duplicate_session_cookie', { requestId, clientAddress, path: judged.path })
  }

  #checkPolicy({ requestId, clientAddress, req, judged }: Exchange, route: ProxyRoute, session: Session): void {
    const missing = route.require === undefined ? undefined : missingFor(route.require, session)
    if (missing === undefined) return
    const { subject } = session.meta
    this.#options.audit('policy_refused', { requestId, clientAddress, method: req.method, path: judged.path, subject, missing })
    throw new BffError('forbidden', { reason: missing })
  }
}

function checkMethod(route: Route, method: string): void {
  if (!route.methods.has(method)) throw new BffError('method_not_allowed', { allow: route.allow })
}

/** Goes on at once with a value that is at hand: on a warm call nothing is waited for, and promises would cost it two microseconds. */
function then<T, R>(value: MaybePromise<T>, step: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return value instanceof Promise ? value.then(step) : step(value)
}
