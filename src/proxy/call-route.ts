import type { Call } from './call.ts'
import type { UploadStream } from './upload.ts'
import type { CallFailure } from './upstream-call.ts'

/** waiting: for the head. streaming: the body. flushing: all is written, the client has not taken it yet. */
export type CallState = 'waiting' | 'streaming' | 'flushing' | 'over'

/** The way to an upstream, as a call sees it. */
export interface CallRoute {
  /** Sends the request and reports to `call`. A retry never uses a connection that was used before. */
  send(call: Call, body: Buffer | UploadStream | null, isRetry: boolean): void
  /** True while a request starts on a connection that was never used. */
  readonly isConnectionNew: boolean
  /** True while a connection reports an error: what undici takes for a body's end then is none. */
  readonly isConnectionBroken: boolean
}

/** What an error of undici means for a call that was being sent. */
export function failureOf(code: string | undefined, hasResponseBegun: boolean): CallFailure {
  if (code === 'UND_ERR_DESTROYED') return 'aborted'
  return hasResponseBegun || isProtocolError(code) ? 'bad_response' : 'unreachable'
}

/** Whether an error means that the upstream does not speak HTTP as it should. */
function isProtocolError(code: string | undefined): boolean {
  return code !== undefined && (code.startsWith('HPE_') || code === 'UND_ERR_HEADERS_OVERFLOW')
}

/** What ends a request that nobody waits for any more. */
export const callIsOver = new Error('The call is over')
