import type { IncomingMessage, ServerResponse } from 'node:http'
import { BffError } from '../errors.ts'
import { guard, type GuardRules } from '../guard.ts'
import type { Audit, Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { RateLimits } from '../rate-limits.ts'
import type { ProxyRoute, Route, StaticRoute } from '../routes.ts'
import type { PresentedSession, SessionCookie } from '../session/cookies.ts'
import type { Open } from '../session/open.ts'
import { missingFor } from '../session/policy.ts'
import { tokenFor, tokenTexts, type Session } from '../session/session.ts'
import type { Sessions } from '../session/sessions.ts'
import type { Tokens } from '../session/tokens.ts'
import { bodyOf, requestHeaders, responseHeaders, type ResponseRules } from './headers.ts'
import type { Live } from './live.ts'
import { headerOf } from './request-header.ts'
import { targetOf, type JudgedPath } from './target.ts'
import { createTokenFilter, type TokenFilter } from './token-filter.ts'
import type { CallFailure, CallOutcome } from './upstream-call.ts'
import type { CallHandle, Upstreams } from './upstream.ts'

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

const filters = new WeakMap<Session, TokenFilter>()

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
   * Rejects with a `BffError` where nothing was sent yet.
   */
  async call(exchange: Exchange, route: ProxyRoute): Promise<void> {
    const { req, res, judged } = exchange
    const { session, headers } = await this.admit(exchange, route, false)
    const body = bodyOf(req.rawHeaders)
    if (route.maxBodyBytes !== undefined && body !== 'none' && (body.length ?? 0) > route.maxBodyBytes) {
      throw new BffError('content_too_large', { detail: `more than ${route.maxBodyBytes} bytes` })
    }
    const open = new OpenCall(this.#options, exchange, route, session)
    open.handle = this.#options.upstreams.forward({
      origin: route.upstreamOrigin,
      method: req.method ?? 'GET',
      path: targetOf(route, judged),
      headers,
      req,
      res,
      body,
      // Said twice it does no harm; a host that answers `checkContinue` itself has not said it yet.
      isContinueExpected: headerOf(req, 'expect')?.toLowerCase() === '100-continue',
      headersTimeoutMs: route.timeoutMs,
      idleTimeoutMs: route.idleTimeoutMs,
      maxBodyBytes: route.maxBodyBytes,
      filter: session === undefined ? undefined : filterOf(session),
      responseHeaders: open.responseHeaders,
      onFailure: open.onFailure,
      onEnd: open.onEnd,
    })
    if (session !== undefined) this.#options.live.add(session, open)
  }

  /** Everything that is judged before a call or a WebSocket goes out, in the order that matters. */
  async admit(exchange: Exchange, route: ProxyRoute, isUpgrade: boolean): Promise<Admitted> {
    const { sessionCookie, sessions, tokens, rateLimits } = this.#options
    const { req, requestId, clientAddress } = exchange
    const method = req.method ?? ''
    checkMethod(route, method)
    const isLimited = route.isLimited && !exchange.isServerCall
    if (isLimited) await rateLimits.call(route.path, clientAddress)
    const presented = sessionCookie.read(headerOf(req, 'cookie'))
    this.#guard(exchange, route, presented, isUpgrade)
    let session: Session | undefined
    if (route.auth !== 'none' && presented.kind === 'one') {
      const found = sessions.find(presented.id)
      session = found instanceof Promise ? await found : found
    }
    if (isLimited) await rateLimits.session(route.path, session?.key, clientAddress)
    if (session !== undefined) {
      if (tokens.isDue(session, route.token)) session = await tokens.fresh(session, route.token)
    }
    if (session === undefined && route.auth === 'required')
      throw new BffError('session_required', { reason: `session cookie: ${presented.kind}` })
    if (session !== undefined) {
      this.#checkPolicy(exchange, route, session)
      sessions.touch(session)
    }
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
    return { session, headers }
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

/** A call that is out: what its end, its failure and the end of its session mean. */
class OpenCall implements Open {
  slot = -1
  handle: CallHandle | undefined
  readonly #options: ProxyOptions
  readonly #exchange: Exchange
  readonly #route: ProxyRoute
  readonly #session: Session | undefined
  #isSessionOver = false

  constructor(options: ProxyOptions, exchange: Exchange, route: ProxyRoute, session: Session | undefined) {
    this.#options = options
    this.#exchange = exchange
    this.#route = route
    this.#session = session
  }

  sessionEnded(): void {
    this.#isSessionOver = true
    this.handle?.abort('the session ended')
  }

  readonly responseHeaders = (_status: number, raw: readonly (Buffer | string)[]): string[] | { readonly refused: string } =>
    responseHeaders(raw, this.#route, this.#options.responseRules, this.#exchange.requestId)

  readonly onFailure = (failure: CallFailure, reason: string | undefined): void => {
    this.#exchange.refuse(failureError(failure, reason, this.#isSessionOver))
  }

  readonly onEnd = ({ failure, reason, status, isHeadSent, durationMs }: CallOutcome): void => {
    if (this.#session !== undefined) this.#options.live.remove(this.#session, this)
    this.#options.metrics.called(this.#route.path, failure ?? classOf(status), durationMs)
    if (failure === undefined) return
    const { requestId, clientAddress, req, judged } = this.#exchange
    const line = {
      requestId,
      method: req.method,
      path: judged.path,
      route: this.#route.path,
      upstream: this.#route.upstreamOrigin,
    }
    if (failure === 'token_in_response') {
      this.#options.audit('token_in_response', { ...line, clientAddress, subject: this.#session?.meta.subject, status })
    } else if (failure === 'client_left') {
      this.#options.log.debug({ ...line, failure, status, durationMs }, 'client left')
    } else if (isHeadSent) {
      this.#options.log.warn({ ...line, failure, reason, status, durationMs }, 'answer cut off')
    }
  }
}

/** `2xx` and the like: few enough to be a label. */
function classOf(status: number | undefined): string {
  return `${Math.floor((status ?? 0) / 100)}xx`
}

/** What a call's failure is to the client. */
export function failureError(failure: CallFailure, reason: string | undefined, isSessionOver: boolean): BffError {
  const why = reason === undefined ? failure : `${failure}: ${reason}`
  switch (failure) {
    case 'timeout':
      return new BffError('upstream_timeout', { reason: why })
    case 'token_in_response':
      return new BffError('token_in_response', { reason: why })
    case 'content_too_large':
      return new BffError('content_too_large', { reason: why })
    case 'aborted':
      return isSessionOver
        ? new BffError('session_required', { reason: 'the session ended' })
        : new BffError('upstream_unreachable', { reason: why })
    case 'unreachable':
    case 'bad_response':
    case 'client_left':
      return new BffError('upstream_unreachable', { reason: why })
  }
}

/** The search for a session's tokens, made once per opened session. */
export function filterOf(session: Session): TokenFilter {
  let filter = filters.get(session)
  if (filter === undefined) {
    filter = createTokenFilter(tokenTexts(session.tokens))
    filters.set(session, filter)
  }
  return filter
}
