import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

/** Whom an upload reports to. */
export interface UploadOwner {
  /** A small body has arrived as a whole and can be sent. */
  bodyCollected(body: Buffer): void
  /** Bytes moved. */
  uploadMoved(): void
  /** The last byte went to the upstream's socket. */
  uploadSent(): void
  uploadTooLarge(): void
}

/** Bodies declared to be at most this long are collected, which is cheaper than a stream. */
const collectedBytes = 16_384

const kUpload = Symbol('upload')
interface UploadingMessage extends IncomingMessage {
  [kUpload]?: Upload
}

/**
 * Reads one request body, with back-pressure and without copies. A body that the client cuts short never ends here, so
 * it is never passed on as if it were whole.
 */
export class Upload {
  /** Undefined for a body that is collected first. */
  readonly stream: UploadStream | undefined
  readonly #req: UploadingMessage
  readonly #owner: UploadOwner
  readonly #maxBytes: number
  #chunks: Buffer[] = []
  #receivedBytes = 0
  #isStopped = false

  constructor(req: IncomingMessage, owner: UploadOwner, length: number | undefined, maxBytes: number) {
    this.#req = req
    this.#owner = owner
    this.#maxBytes = maxBytes
    this.stream = length !== undefined && length <= collectedBytes ? undefined : new UploadStream(this)
    this.#req[kUpload] = this
    req.on('data', onData)
    req.on('end', onEnd)
    if (this.stream !== undefined) req.pause()
  }

  /** Whether the client has more to send than was read. */
  get isBlocked(): boolean {
    return this.#req.isPaused()
  }

  received(chunk: Buffer): void {
    if (this.#isStopped) return
    this.#receivedBytes += chunk.length
    this.#owner.uploadMoved()
    if (this.#receivedBytes > this.#maxBytes) this.#owner.uploadTooLarge()
    else if (this.stream === undefined) this.#chunks.push(chunk)
    else if (!this.stream.push(chunk)) this.#req.pause()
  }

  ended(): void {
    if (this.#isStopped) return
    if (this.stream !== undefined) {
      this.stream.push(null)
      return
    }
    const [only] = this.#chunks
    this.#owner.bodyCollected(only !== undefined && this.#chunks.length === 1 ? only : Buffer.concat(this.#chunks))
    this.#chunks = []
  }

  wanted(): void {
    if (!this.#isStopped) this.#req.resume()
  }

  /** The upstream's side is done with the body, whether it has all of it or not. */
  closed(isSent: boolean): void {
    if (isSent) this.#owner.uploadSent()
    else this.stop()
  }

  /** Reads no more. What the upstream has got so far stays a body without an end. */
  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#chunks = []
    this.#req.off('data', onData)
    this.#req.off('end', onEnd)
    this.#req.pause()
  }
}

function onData(this: UploadingMessage, chunk: Buffer): void {
  this[kUpload]?.received(chunk)
}

function onEnd(this: UploadingMessage): void {
  this[kUpload]?.ended()
}

/** The body as undici reads it. It is not the request itself, because undici destroys what it was given. */
export class UploadStream extends Readable {
  readonly #upload: Upload

  constructor(upload: Upload) {
    super({ highWaterMark: 65_536 })
    this.#upload = upload
  }

  override _read(): void {
    this.#upload.wanted()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#upload.closed(this.readableEnded)
    callback(error)
  }
}
