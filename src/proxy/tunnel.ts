import { request as httpRequest } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Duplex } from 'node:stream'
import { requestHead, responseHead } from './tunnel-head.ts'
import { FrameBoundary, acceptanceProblem, closeFrame, handshakeProblem } from './websocket.ts'
import type { TunnelFailure, TunnelHandle, TunnelOptions } from './tunnel-options.ts'

/** Opens a WebSocket to the upstream and, once the upstream agreed, joins both sides. */
export function openTunnel(options: TunnelOptions): TunnelHandle {
  const tunnel = new Tunnel(options)
  tunnel.start()
  return tunnel
}

/** Bytes a client may send before the upstream agreed; and bytes of a refusal's body that are passed on. */
const mostHeldBytes = 65_536
/** How long a connection may take to end once nothing more will be written to it. */
const endingMs = 2_000

class Tunnel implements TunnelHandle {
  readonly #options: TunnelOptions
  readonly #startedAtMs = performance.now()
  readonly #toClient = new FrameBoundary()
  #state: 'opening' | 'open' | 'over' = 'opening'
  #status: number | undefined
  #request: ClientRequest | undefined
  #upstream: Duplex | undefined
  #timer: NodeJS.Timeout | undefined
  #movedAtMs = 0
  /** What the client sent too early. It becomes part of the WebSocket or nothing at all, never a request. */
  #early: Buffer[]
  #earlyBytes: number

  constructor(options: TunnelOptions) {
    this.#options = options
    this.#early = [options.head]
    this.#earlyBytes = options.head.length
  }

  start(): void {
    const { req, socket, timeoutMs } = this.#options
    socket.on('error', this.#clientBroke)
    socket.on('close', this.#clientClosed)
    socket.on('end', this.#clientEnded)
    socket.on('data', this.#clientSent)
    const problem = handshakeProblem(req)
    if (problem !== undefined) {
      setImmediate(() => this.#fail('bad_request', problem))
      return
    }
    this.#timer = setTimeout(() => this.#fail('timeout', 'headers'), timeoutMs)
    try {
      this.#request = this.#ask()
    } catch {
      setImmediate(() => this.#fail('unreachable', 'invalid_request'))
    }
  }

  #ask(): ClientRequest {
    const { req, target, path, headers, ca } = this.#options
    const ask = target.protocol === 'https:' ? httpsRequest : httpRequest
    const request = ask({
      host: target.hostname.replace(/^\[|\]$/g, ''),
      port: target.port === '' ? undefined : target.port,
      agent: false,
      method: 'GET',
      path,
      headers: requestHead(req, target, headers),
      rejectUnauthorized: true,
      ca,
    })
    request.on('upgrade', this.#agreed)
    request.on('response', this.#refused)
    request.on('information', ({ statusCode }) => {
      if (statusCode === 101) this.#fail('bad_response', 'upgrade')
    })
    request.on('error', (error: NodeJS.ErrnoException) => {
      this.#fail(error.code?.startsWith('HPE_') === true ? 'bad_response' : 'unreachable', error.code)
    })
    request.end()
    return request
  }

  readonly #agreed = (response: IncomingMessage, upstream: Duplex, firstBytes: Buffer): void => {
    upstream.on('error', this.#upstreamBroke)
    if (this.#state !== 'opening') {
      upstream.destroy()
      return
    }
    this.#upstream = upstream
    const { req, socket, idleTimeoutMs, onOpen } = this.#options
    this.#status = response.statusCode
    const problem = response.statusCode === 101 ? acceptanceProblem(req.headers, response.headers) : 'upgrade'
    const head = problem === undefined ? responseHead(this.#options, 101, response, 0) : undefined
    if (head === undefined) {
      this.#fail('bad_response', problem ?? 'head')
      return
    }
    if (head === 'token') {
      this.#fail('token_in_response')
      return
    }
    this.#state = 'open'
    this.#moved()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#checkIdle, idleTimeoutMs)
    socket.write(head)
    upstream.on('close', this.#upstreamClosed)
    upstream.on('end', this.#upstreamEnded)
    upstream.on('drain', () => socket.resume())
    socket.on('drain', () => upstream.resume())
    upstream.on('data', this.#upstreamSent)
    if (firstBytes.length > 0) this.#upstreamSent(firstBytes)
    for (const chunk of this.#early) if (chunk.length > 0) upstream.write(chunk)
    this.#early = []
    socket.resume()
    if (!upstream.destroyed) this.#told(onOpen)
  }

  /** Not a WebSocket: the answer goes to the client as it is, and its connection ends. */
  readonly #refused = (response: IncomingMessage): void => {
    this.#status = response.statusCode
    const chunks: Buffer[] = []
    let bytes = 0
    response.on('error', () => this.#fail('bad_response', 'reset'))
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= mostHeldBytes) chunks.push(chunk)
      else this.#passRefusal(response, undefined)
    })
    response.on('end', () => this.#passRefusal(response, Buffer.concat(chunks)))
  }

  #passRefusal(response: IncomingMessage, whole: Buffer | undefined): void {
    if (this.#state !== 'opening') return
    const { socket, filter } = this.#options
    // What cannot be searched is left out; a browser shows nothing of it to scripts anyway.
    const isReadable = whole !== undefined && (filter === undefined || response.headers['content-encoding'] === undefined)
    const body = isReadable ? whole : Buffer.alloc(0)
    const head = responseHead(this.#options, response.statusCode ?? 502, response, body.length)
    if (head === undefined) this.#fail('bad_response', 'head')
    else if (head === 'token' || filter?.body().last(body) === 'found') this.#fail('token_in_response')
    else {
      socket.write(head)
      socket.write(body)
      this.#over('gentle', undefined, undefined)
    }
  }

  readonly #clientSent = (chunk: Buffer): void => {
    if (this.#state === 'open' && this.#upstream !== undefined) {
      this.#moved()
      if (!this.#upstream.write(chunk)) this.#options.socket.pause()
    } else if (this.#state === 'opening') {
      this.#early.push(chunk)
      this.#earlyBytes += chunk.length
      if (this.#earlyBytes > mostHeldBytes) this.#options.socket.pause()
    }
  }

  readonly #upstreamSent = (chunk: Buffer): void => {
    if (this.#state !== 'open') return
    this.#moved()
    if (!this.#toClient.push(chunk)) this.#fail('bad_response', 'frame_length')
    else if (!this.#options.socket.write(chunk)) this.#upstream?.pause()
  }

  readonly #clientEnded = (): void => {
    if (this.#state === 'open') this.#upstream?.end()
    else this.#fail('client_left')
  }

  readonly #upstreamEnded = (): void => {
    if (this.#state === 'open') this.#options.socket.end()
  }

  readonly #clientClosed = (): void => {
    if (this.#state === 'open') this.#over('gentle', undefined, undefined)
    else this.#fail('client_left')
  }

  readonly #upstreamClosed = (): void => {
    this.#over('gentle', undefined, undefined)
  }

  readonly #clientBroke = (): void => this.#fail('client_left')
  readonly #upstreamBroke = (): void => this.#fail('bad_response', 'reset')

  close(code: number, reason: string): void {
    if (this.#state === 'opening') this.#fail('aborted', reason)
    if (this.#state !== 'open') return
    const isFitting = this.#toClient.isBetweenFrames
    if (isFitting) this.#options.socket.write(closeFrame(code, reason))
    this.#over(isFitting ? 'gentle' : 'cut', 'aborted', reason)
  }

  #moved(): void {
    this.#movedAtMs = performance.now()
  }

  readonly #checkIdle = (): void => {
    const leftMs = this.#movedAtMs + this.#options.idleTimeoutMs - performance.now()
    if (leftMs > 0) this.#timer = setTimeout(this.#checkIdle, Math.max(leftMs, 10))
    else this.#fail('timeout', 'idle')
  }

  #fail(failure: TunnelFailure, reason?: string): void {
    if (this.#state === 'over') return
    const isUnanswered = this.#state === 'opening' && failure !== 'client_left'
    if (!isUnanswered) {
      this.#over('cut', failure, reason)
      return
    }
    this.#state = 'over'
    this.#release()
    this.#told(() => this.#options.onFailure(failure, reason))
    this.#tellEnd(failure, reason)
  }

  #over(ending: 'gentle' | 'cut', failure: TunnelFailure | undefined, reason: string | undefined): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#release()
    const { socket } = this.#options
    if (ending === 'cut') socket.destroy()
    else {
      socket.end()
      // Read and dropped, because a close with unread bytes would be a reset.
      socket.resume()
      const timer = setTimeout(() => socket.destroy(), endingMs)
      socket.once('close', () => clearTimeout(timer))
    }
    this.#tellEnd(failure, reason)
  }

  /** Lets go of everything but the client's connection. */
  #release(): void {
    clearTimeout(this.#timer)
    this.#early = []
    this.#options.socket.off('data', this.#clientSent)
    this.#request?.destroy()
    this.#upstream?.destroy()
  }

  #tellEnd(failure: TunnelFailure | undefined, reason: string | undefined): void {
    const durationMs = performance.now() - this.#startedAtMs
    this.#told(() => this.#options.onEnd({ status: this.#status, failure, reason, durationMs }))
  }

  /** A caller's mistake costs this connection, not the process. */
  #told(tell: () => void): void {
    try {
      tell()
    } catch {
      this.#options.socket.destroy()
    }
  }
}
