import type { Duplex } from 'node:stream'
import { BffError } from '../errors.ts'
import type { Logger } from '../log.ts'
import type { ProxyRoute } from '../routes.ts'
import type { Open } from '../session/open.ts'
import type { Session } from '../session/session.ts'
import { responseHeaders, type ResponseRules } from './headers.ts'
import type { Live } from './live.ts'
import { failureError, filterOf } from './open-call.ts'
import type { Admitted, Exchange } from './proxy.ts'
import { targetOf } from './target.ts'
import type { TunnelFailure, TunnelHandle, TunnelOutcome } from './tunnel-options.ts'
import { openTunnel } from './tunnel.ts'

export interface WebSocketsOptions {
  readonly live: Live
  readonly responseRules: ResponseRules
  readonly log: Logger
}

/** A handshake that was let through. */
export interface AdmittedHandshake {
  readonly exchange: Exchange
  readonly route: ProxyRoute
  readonly admitted: Admitted
  readonly socket: Duplex
  readonly head: Buffer
}

/** Close codes of RFC 6455 section 7.4.1 that a page can tell apart. */
const policyViolation = 1008
const goingAway = 1001

/**
 * WebSockets: passed through once the handshake is admitted, and closed with 1008 when their session ends. Messages do
 * not slide the idle timeout: heartbeats, which many libraries send by themselves, are no use of the session.
 */
export class WebSockets {
  readonly #options: WebSocketsOptions
  readonly #tunnels = new Set<TunnelHandle>()

  constructor(options: WebSocketsOptions) {
    this.#options = options
  }

  open({ exchange, route, admitted, socket, head }: AdmittedHandshake): void {
    const { live, responseRules } = this.#options
    const { session, headers } = admitted
    const ending = new EndsWithSession()
    const handle = openTunnel({
      req: exchange.req,
      socket,
      head,
      target: new URL(route.upstreamOrigin),
      path: targetOf(route, exchange.judged),
      headers,
      responseHeaders: (_status, raw) => responseHeaders(raw, route, responseRules, exchange.requestId),
      filter: session === undefined ? undefined : filterOf(session),
      timeoutMs: route.timeoutMs,
      idleTimeoutMs: route.idleTimeoutMs,
      onOpen: () => undefined,
      onFailure: (failure, reason) => {
        exchange.res.assignSocket(socket as Parameters<typeof exchange.res.assignSocket>[0])
        exchange.refuse(handshakeError(failure, reason))
      },
      onEnd: (outcome) => {
        this.#tunnels.delete(handle)
        if (session !== undefined) live.remove(session, ending)
        this.#log(exchange, route, outcome, session)
      },
    })
    ending.handle = handle
    this.#tunnels.add(handle)
    if (session !== undefined) live.add(session, ending)
  }

  /** The gateway goes away: clients may connect again elsewhere. */
  close(): void {
    for (const tunnel of this.#tunnels) tunnel.close(goingAway, 'going away')
  }

  #log(
    { requestId, judged }: Exchange,
    route: ProxyRoute,
    { failure, reason, status, durationMs }: TunnelOutcome,
    session: Session | undefined,
  ): void {
    const line = {
      requestId,
      path: judged.path,
      route: route.path,
      status,
      durationMs: Math.round(durationMs),
      subject: session?.meta.subject,
    }
    this.#options.log.debug({ ...line, failure, reason }, 'WebSocket ended')
  }
}

class EndsWithSession implements Open {
  slot = -1
  handle: TunnelHandle | undefined

  sessionEnded(): void {
    this.handle?.close(policyViolation, 'the session ended')
  }
}

function handshakeError(failure: TunnelFailure, reason: string | undefined): BffError {
  return failure === 'bad_request'
    ? new BffError('bad_request', { reason: reason ?? 'not a WebSocket handshake' })
    : failureError(failure, reason, false)
}
