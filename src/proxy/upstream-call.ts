import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TokenFilter } from './token-filter.ts'

/** Why a call did not end with the upstream's whole answer. */
export type CallFailure =
  | 'unreachable'
  | 'timeout'
  | 'bad_response'
  | 'token_in_response'
  | 'client_left'
  | 'content_too_large'
  | 'aborted'

/** What became of a call, for logs and metrics. */
export interface CallOutcome {
  /** The upstream's status, where it gave one. */
  readonly status: number | undefined
  /** Undefined where the whole answer reached the client's connection. */
  readonly failure: CallFailure | undefined
  /** A fixed word or an error code that says more about the failure. Never made of the upstream's bytes. */
  readonly reason: string | undefined
  /** Whether the answer's head was on its way to the client already. */
  readonly isHeadSent: boolean
  readonly durationMs: number
}

/** One request to be forwarded. */
export interface UpstreamCall {
  /** One of the configured upstream origins. */
  readonly origin: string
  readonly method: string
  /** Path and query, as they are to be sent. */
  readonly path: string
  /**
   * Flat and final, but without Host, Connection, Keep-Alive, Upgrade, Expect, Content-Length and Transfer-Encoding: the
   * call writes those. The array belongs to the call from then on.
   */
  readonly headers: string[]
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** `length` is the declared Content-Length in bytes; undefined where the body is chunked. */
  readonly body: 'none' | { readonly length: number | undefined }
  /** The client waits for `100 Continue` and nobody has written it: it is written once the body can go out. */
  readonly isContinueExpected?: boolean
  /** From the moment the request is sent to the response's head. */
  readonly headersTimeoutMs: number
  /** Without a byte moving in either direction. */
  readonly idleTimeoutMs: number
  readonly maxBodyBytes?: number | undefined
  /** Undefined where the session has no tokens. With a filter, only codings of `readableCodings` may be asked for. */
  readonly filter?: TokenFilter | undefined
  /** Gives the final head, flat, or refuses the answer. `raw` alternates names and values as the upstream sent them. */
  readonly responseHeaders: (status: number, raw: readonly string[]) => string[] | { readonly refused: string }
  /**
   * Nothing was answered and the caller has to: 502, 504 or 413. Not called where the head was already sent (the client's
   * connection is cut then) and not where the client left. Never called before `forward` returns.
   */
  readonly onFailure: (failure: CallFailure, reason: string | undefined) => void
  /** Called once for every call, after `onFailure`. */
  readonly onEnd: (outcome: CallOutcome) => void
}

/** A kept connection may die unnoticed; only a safe request without a body may then be sent again (RFC 9110, 9.2.2). */
export function isRepeatable({ method, body }: Pick<UpstreamCall, 'method' | 'body'>): boolean {
  return body === 'none' && (method === 'GET' || method === 'HEAD' || method === 'OPTIONS')
}
