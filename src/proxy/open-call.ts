import type { IncomingMessage, ServerResponse } from 'node:http'
import { BffError } from '../errors.ts'
import type { ProxyRoute } from '../routes.ts'
import type { Open } from '../session/open.ts'
import { tokenTexts, type Session } from '../session/session.ts'
import { bodyOf, responseHeaders } from './headers.ts'
import type { Exchange, ProxyOptions } from './proxy.ts'
import { headerOf } from './request-header.ts'
import { targetOf } from './target.ts'
import { createTokenFilter, type TokenFilter } from './token-filter.ts'
import type { CallFailure, CallOutcome, UpstreamCall } from './upstream-call.ts'
import type { CallHandle } from './upstream.ts'

/** A call that was let through: what is sent, and what its end, its failure and the end of its session mean. */
export class OpenCall implements Open, UpstreamCall {
  slot = -1
  handle: CallHandle | undefined
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly origin: string
  readonly method: string
  readonly path: string
  readonly headers: string[]
  readonly body: UpstreamCall['body']
  /** Said twice it does no harm; a host that answers `checkContinue` itself has not said it yet. */
  readonly isContinueExpected: boolean
  readonly headersTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly maxBodyBytes: number | undefined
  readonly filter: TokenFilter | undefined
  readonly #options: ProxyOptions
  readonly #exchange: Exchange
  readonly #route: ProxyRoute
  readonly #session: Session | undefined
  #isSessionOver = false

  constructor(options: ProxyOptions, exchange: Exchange, route: ProxyRoute, session: Session | undefined, headers: string[]) {
    const { req, res, judged } = exchange
    this.req = req
    this.res = res
    this.origin = route.upstreamOrigin
    this.method = req.method ?? 'GET'
    this.path = targetOf(route, judged)
    this.headers = headers
    this.body = bodyOf(req.rawHeaders)
    this.isContinueExpected = headerOf(req, 'expect')?.toLowerCase() === '100-continue'
    this.headersTimeoutMs = route.timeoutMs
    this.idleTimeoutMs = route.idleTimeoutMs
    this.maxBodyBytes = route.maxBodyBytes
    this.filter = session === undefined ? undefined : filterOf(session)
    this.#options = options
    this.#exchange = exchange
    this.#route = route
    this.#session = session
  }

  sessionEnded(): void {
    this.#isSessionOver = true
    this.handle?.abort('the session ended')
  }

  responseHeaders(_status: number, raw: readonly string[]): string[] | { readonly refused: string } {
    return responseHeaders(raw, this.#route, this.#options.responseRules, this.#exchange.requestId)
  }

  onFailure(failure: CallFailure, reason: string | undefined): void {
    this.#exchange.refuse(failureError(failure, reason, this.#isSessionOver))
  }

  onEnd({ failure, reason, status, isHeadSent, durationMs }: CallOutcome): void {
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
  return statusClasses[Math.floor((status ?? 0) / 100)] ?? '0xx'
}

const statusClasses = ['0xx', '1xx', '2xx', '3xx', '4xx', '5xx', '6xx', '7xx', '8xx', '9xx'] as const

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

const filters = new WeakMap<Session, TokenFilter>()

/** The search for a session's tokens, made once per opened session. */
export function filterOf(session: Session): TokenFilter {
  let filter = filters.get(session)
  if (filter === undefined) {
    filter = createTokenFilter(tokenTexts(session.tokens))
    filters.set(session, filter)
  }
  return filter
}
