import { callIsOver, failureOf, type CallRoute, type CallState } from './call-route.ts'
import type { CallTimer, Timed } from './call-timer.ts'
import { CompressedScan, type ScanSink } from './compressed-scan.ts'
import { Reply, type ReplyOwner } from './reply.ts'
import { judgeHead } from './response-head.ts'
import type { BodyScan } from './token-filter.ts'
import { Upload, type UploadOwner } from './upload.ts'
import { isRepeatable, type CallFailure, type UpstreamCall } from './upstream-call.ts'

/**
 * A head waits so long for the first of its body, so that a small answer leaves in one packet, and one with a token can
 * still be answered with an error. More than one tick of the timer, whose time may be one tick old.
 */
const headDelayMs = 60

/** One call in flight, and undici's handler for it. Nothing here throws into an event loop turn of its own. */
export class Call implements Timed, UploadOwner, ReplyOwner, ScanSink {
  /** The request as it is sent. */
  readonly request: UpstreamCall
  slot = -1
  readonly #reply: Reply
  readonly #route: CallRoute
  readonly #timer: CallTimer<Call>
  readonly #startedAtMs = performance.now()
  #state: CallState = 'waiting'
  /** In the timer's milliseconds: when the wait for the head or then for the body began, and when a byte last moved. */
  #waitsSinceMs: number
  #movedAtMs: number
  #abortSending: ((reason: Error) => void) | undefined
  #resumeReading: (() => void) | undefined
  #isPaused = false
  #isConnectionNew = false
  #hasResponseBegun = false
  #isRetried = false
  #upload: Upload | undefined
  #isUploading = false
  /** Of the response's body, where a length was declared; else -1. */
  #bytesLeft = -1
  #scan: BodyScan | CompressedScan | undefined

  constructor(request: UpstreamCall, route: CallRoute, timer: CallTimer<Call>) {
    this.request = request
    this.#route = route
    this.#timer = timer
    timer.add(this)
    this.#waitsSinceMs = timer.nowMs
    this.#movedAtMs = timer.nowMs
    this.#reply = new Reply(request.req, request.res, this)
  }

  start(): void {
    const { body, headers, req, maxBodyBytes = Infinity } = this.request
    const length = body === 'none' ? 0 : body.length
    this.#isUploading = length !== 0
    if (this.#reply.isClientGone) this.#failLater('client_left')
    else if (!this.#isUploading) this.#route.send(this, null, false)
    else if (length !== undefined && length > maxBodyBytes) this.#failLater('content_too_large')
    else {
      this.#upload = new Upload(req, this, length, maxBodyBytes)
      if (this.#upload.stream === undefined) this.#askForBody()
      else {
        if (length !== undefined) headers.push('Content-Length', String(length))
        this.#route.send(this, this.#upload.stream, false)
      }
    }
  }

  /** Ends the call wherever it is, for instance because its session ended. */
  abort(reason: string): void {
    if (this.#state !== 'flushing') this.#fail('aborted', reason)
  }

  /** The listener is about to close. */
  announceClose(): void {
    this.#reply.announceClose()
  }

  bodyCollected(body: Buffer): void {
    this.uploadSent()
    this.#route.send(this, body, false)
  }

  uploadMoved(): void {
    this.#movedAtMs = this.#timer.nowMs
  }

  uploadSent(): void {
    this.#isUploading = false
    this.#waitsSinceMs = this.#timer.nowMs
  }

  uploadTooLarge(): void {
    this.#fail('content_too_large')
  }

  #askForBody(): void {
    if (this.request.isContinueExpected === true) this.#reply.writeContinue()
  }

  // undici's handler in its older form, which hands over the head as it was read: the newer one makes an object of it for every
  // call, and a controller, at four microseconds. What these throw becomes an abort and comes back as onError, which must not throw.

  onConnect(abort: (reason: Error) => void): void {
    // Thrown rather than aborted, because an abort would cost the connection.
    if (this.#state === 'over') throw callIsOver
    this.#abortSending = abort
    this.#isConnectionNew = this.#route.isConnectionNew
    this.#movedAtMs = this.#timer.nowMs
    if (this.#isUploading) this.#askForBody()
  }

  onResponseStarted(): void {
    this.#hasResponseBegun = true
  }

  onHeaders(status: number, raw: readonly (Buffer | string)[], resume: () => void): boolean {
    if (this.#state !== 'waiting') return true
    this.#resumeReading = resume
    this.#movedAtMs = this.#timer.nowMs
    // Of the informational answers, 100 is between two neighbours only, and 103 would carry unfiltered headers.
    if (status < 200) {
      if (status === 101) this.#fail('bad_response', 'unasked_upgrade')
      return true
    }
    this.#reply.status = status
    const head = judgeHead(this.request, status, raw, this)
    if (typeof head === 'string') {
      this.#fail(head === 'token' ? 'token_in_response' : 'bad_response', head)
      return true
    }
    this.#reply.head = head.flat
    this.#bytesLeft = head.bodyBytes
    this.#scan = head.scan
    this.#state = 'streaming'
    this.#waitsSinceMs = this.#timer.nowMs
    if (this.#isUploading) {
      head.flat.push('Connection', 'close')
      // RFC 9112, section 9.5: who is answered with an error while it sends the body stops sending.
      if (status >= 400) this.#upload?.stop()
    }
    if (head.isBodyless) this.#finish(undefined)
    else if (head.isEventStream) this.#reply.sendHead(true)
    return true
  }

  onData(chunk: Buffer): boolean {
    if (this.#state !== 'streaming') return true
    this.#movedAtMs = this.#timer.nowMs
    if (this.#bytesLeft > 0) this.#bytesLeft -= chunk.length
    const isLast = this.#bytesLeft === 0
    if (this.#scan instanceof CompressedScan) {
      this.#isPaused = true
      this.#scan.push(chunk)
      return !this.#isPaused
    }
    if (this.#scan === undefined) this.#pass([chunk], isLast)
    else this.#pass(isLast ? this.#scan.last(chunk) : this.#scan.push(chunk), isLast)
    this.#isPaused = this.#reply.isFull
    return !this.#isPaused
  }

  onComplete(): void {
    if (this.#state !== 'streaming') return
    if (this.#route.isConnectionBroken) this.#fail('bad_response', 'reset')
    else if (this.#scan === undefined) this.#finish(undefined)
    else if (this.#scan instanceof CompressedScan) this.#scan.end()
    else this.#pass(this.#scan.end(), true)
  }

  onError(error: Error): void {
    if (this.#state !== 'waiting' && this.#state !== 'streaming') return
    const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
    const isStale = this.#abortSending !== undefined && !this.#isConnectionNew && !this.#hasResponseBegun
    if (isStale && !this.#isRetried && isRepeatable(this.request)) {
      this.#isRetried = true
      this.#abortSending = undefined
      this.#route.send(this, null, true)
    } else if (this.#abortSending !== undefined) this.#fail(failureOf(code, this.#hasResponseBegun), code)
    else this.#failLater(code === 'UND_ERR_CONNECT_TIMEOUT' ? 'timeout' : 'unreachable', code)
  }

  scanReleased(chunks: readonly Buffer[]): void {
    this.#guarded(() => {
      if (this.#state !== 'streaming') return
      for (const chunk of chunks) this.#reply.write(chunk)
      if (!this.#reply.isFull) this.#resume()
    })
  }

  scanFound(): void {
    this.#fail('token_in_response')
  }

  scanBroken(): void {
    this.#fail('bad_response', 'unreadable_content')
  }

  scanEnded(): void {
    this.#guarded(() => {
      if (this.#state === 'streaming') this.#finish(undefined)
    })
  }

  #pass(clean: Buffer[] | 'found', isLast: boolean): void {
    if (clean === 'found') return this.#fail('token_in_response')
    const last = isLast ? clean.pop() : undefined
    for (const chunk of clean) this.#reply.write(chunk)
    if (isLast) this.#finish(last)
  }

  #finish(lastChunk: Buffer | undefined): void {
    if (this.#isUploading) {
      this.#upload?.stop()
      this.#reply.linger()
    }
    this.#reply.end(lastChunk)
    this.#state = 'flushing'
  }

  clientDrained(): void {
    this.#reply.drained()
    this.#movedAtMs = this.#timer.nowMs
    if (this.#state === 'streaming') this.#resume()
  }

  #resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#resumeReading?.()
  }

  clientClosed(): void {
    if (this.#state === 'over') return
    if (this.#state === 'flushing' && this.#reply.isFlushed) this.#end(undefined, undefined)
    else this.#fail('client_left')
  }

  tick(nowMs: number): void {
    if (this.#state === 'over') return // Another call's tick has ended this one.
    const isIdle = nowMs - this.#movedAtMs >= this.request.idleTimeoutMs
    if (this.#reply.isClientGone) this.clientClosed()
    else if (this.#state === 'waiting') this.#tickWaiting(nowMs, isIdle)
    else if (isIdle) this.#fail('timeout', 'idle')
    else if (!this.#reply.isHeadSent && nowMs - this.#waitsSinceMs >= headDelayMs) this.#guarded(() => this.#reply.sendHead(true))
  }

  #tickWaiting(nowMs: number, isIdle: boolean): void {
    // An upload that no connection has asked for yet waits like any other request.
    const isClientAwaited = this.#isUploading && (this.#abortSending !== undefined || this.#upload?.stream === undefined)
    if (isClientAwaited) {
      if (isIdle) this.#fail(this.#upload?.isBlocked === true ? 'timeout' : 'client_left', 'idle')
    } else if (nowMs - this.#waitsSinceMs >= this.request.headersTimeoutMs) this.#fail('timeout', 'headers')
  }

  /** For what runs outside of undici's own guard: Node may refuse to write a head. */
  #guarded(action: () => void): void {
    try {
      action()
    } catch {
      this.#fail('bad_response', 'invalid_head')
    }
  }

  #failLater(failure: CallFailure, reason?: string): void {
    setImmediate(() => this.#fail(failure, reason))
  }

  #fail(failure: CallFailure, reason?: string): void {
    if (this.#state === 'over') return
    const isUpstreamBusy = this.#state !== 'flushing'
    this.#state = 'over'
    if (isUpstreamBusy) this.#abortSending?.(callIsOver)
    this.#upload?.stop()
    this.#upload?.stream?.destroy()
    if (this.#scan instanceof CompressedScan) this.#scan.destroy()
    try {
      if (this.#reply.isHeadSent || failure === 'client_left') this.#reply.cut()
      else {
        if (this.#isUploading) this.#reply.closeAfterAnswer()
        this.request.onFailure(failure, reason)
      }
    } catch {
      this.#reply.cut()
    }
    this.#end(failure, reason)
  }

  #end(failure: CallFailure | undefined, reason: string | undefined): void {
    this.#state = 'over'
    this.#timer.delete(this)
    const { status, isHeadSent } = this.#reply
    const durationMs = performance.now() - this.#startedAtMs
    try {
      this.request.onEnd({ status, failure, reason, isHeadSent, durationMs })
    } catch {
      this.#reply.cut()
    }
  }
}
