import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { TokenFilter } from './token-filter.ts'
import type { CallFailure, UpstreamCall } from './upstream-call.ts'

/** `bad_request`: not a handshake of RFC 6455; for the others see `CallFailure`. */
export type TunnelFailure = CallFailure | 'bad_request'

/** What became of a tunnel. */
export interface TunnelOutcome {
  /** The upstream's status; 101 where the WebSocket was opened. */
  readonly status: number | undefined
  readonly failure: TunnelFailure | undefined
  readonly reason: string | undefined
  readonly durationMs: number
}

/** One WebSocket to be passed through. */
export interface TunnelOptions {
  readonly req: IncomingMessage
  /** The client's connection and the bytes that came behind the head, as Node's `upgrade` event gives them. */
  readonly socket: Duplex
  readonly head: Buffer
  /** Its origin is used. */
  readonly target: URL
  /** Path and query, as they are to be sent. */
  readonly path: string
  /** Flat, without Host and Connection. Sec-WebSocket-* and Upgrade are taken from `req`, not from here. */
  readonly headers: readonly string[]
  /** For the head of whatever the upstream answers. */
  readonly responseHeaders: UpstreamCall['responseHeaders']
  /** Searched for in heads and in the bodies of refusals; messages of an open WebSocket are not searched. */
  readonly filter?: TokenFilter | undefined
  /** Until the upstream's answer. */
  readonly timeoutMs: number
  /** Without a byte in either direction. */
  readonly idleTimeoutMs: number
  /** Certificate authorities (PEM) instead of the system's. Certificates are always verified. */
  readonly ca?: string | undefined
  readonly onOpen: () => void
  /** Nothing was written to `socket`, and the caller has to answer and to end it. Never called before `openTunnel` returns. */
  readonly onFailure: (failure: TunnelFailure, reason: string | undefined) => void
  /** Called once for every tunnel, after `onFailure`. */
  readonly onEnd: (outcome: TunnelOutcome) => void
}

/** A tunnel, being opened or open. */
export interface TunnelHandle {
  /** Sends the client a Close frame where one fits between two frames, and ends both sides. */
  close(code: number, reason: string): void
}
