import type { IncomingMessage, ServerResponse } from 'node:http'
import { writeHead } from '../write-head.ts'
import { lingerAfterAnswer } from './linger.ts'

/** Whom a reply reports to. */
export interface ReplyOwner {
  /** The client takes bytes again. */
  clientDrained(): void
  /** The answer is out, or the client is gone. */
  clientClosed(): void
}

/** Larger bodies are not copied into a text. */
const smallBytes = 16_384

const kOwner = Symbol('owner')
interface OwnedResponse extends ServerResponse {
  [kOwner]?: ReplyOwner
}

/** The client's side of a call: head, body and end of one answer. */
export class Reply {
  isHeadSent = false
  /** The client is slower than the upstream: nothing should be written until `clientDrained`. */
  isFull = false
  status: number | undefined
  head: string[] = []
  readonly #req: IncomingMessage
  readonly #res: OwnedResponse

  constructor(req: IncomingMessage, res: ServerResponse, owner: ReplyOwner) {
    this.#req = req
    this.#res = res
    this.#res[kOwner] = owner
    res.on('close', onClose)
  }

  /** A pipelined answer that waits for its turn gets no 'close' when its connection goes, so this has to be asked. */
  get isClientGone(): boolean {
    return this.#res.destroyed || this.#req.socket.destroyed
  }

  /** Whether everything was handed to the client's connection. */
  get isFlushed(): boolean {
    return this.#res.writableFinished
  }

  writeContinue(): void {
    if (!this.#res.headersSent) this.#res.writeContinue()
  }

  /** Sends the head; alone where the body is not at hand. Throws where Node refuses to write such a head. */
  sendHead(isBodyAwaited: boolean): void {
    writeHead(this.#res, this.status ?? 502, this.head)
    this.isHeadSent = true
    if (isBodyAwaited) this.#res.flushHeaders()
  }

  write(chunk: Buffer): void {
    if (!this.isHeadSent) this.sendHead(false)
    if (this.#res.write(chunk) || this.isFull) return
    this.isFull = true
    this.#res.once('drain', onDrain)
  }

  /** Ends the answer; a small whole answer leaves in one packet. */
  end(lastChunk: Buffer | undefined): void {
    const isWhole = !this.isHeadSent
    if (isWhole) this.sendHead(false)
    if (lastChunk === undefined) this.#res.end()
    else if (isWhole && lastChunk.length <= smallBytes) this.#endWhole(lastChunk)
    else this.#res.end(lastChunk)
  }

  /** Head and body as one text: Node's `end` gathers three pieces and holds them back first, at a microsecond and a half. */
  #endWhole(body: Buffer): void {
    const { socket, chunkedEncoding } = this.#res
    if (socket === null || socket.writableCorked > 0 || chunkedEncoding) this.#res.end(body)
    else {
      this.#res.write(body.toString('latin1'), 'latin1')
      socket.uncork()
      this.#res.end()
    }
  }

  drained(): void {
    this.isFull = false
  }

  /** The connection ends with this answer, and its head says so, where it is not sent yet. */
  announceClose(): void {
    if (!this.isHeadSent) this.#res.shouldKeepAlive = false
  }

  /** The client still uploads, and somebody else will answer: the connection closes afterwards, and gently. */
  closeAfterAnswer(): void {
    this.#res.setHeader('Connection', 'close')
    this.linger()
  }

  /** The same where the head says `Connection: close` already. */
  linger(): void {
    lingerAfterAnswer(this.#req)
  }

  /** Cuts the connection, so that a part of an answer never looks like a whole one. */
  cut(): void {
    const { socket, httpVersion } = this.#req
    // To an HTTP/1.0 client a body may end with its connection, so that only a reset tells that it is not whole.
    if (this.isHeadSent && httpVersion === '1.0' && !('encrypted' in socket)) socket.resetAndDestroy()
    else this.#res.destroy()
  }
}

function onClose(this: OwnedResponse): void {
  this[kOwner]?.clientClosed()
}

function onDrain(this: OwnedResponse): void {
  this[kOwner]?.clientDrained()
}
