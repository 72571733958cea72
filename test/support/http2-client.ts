import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2'
import { onTestFinished } from 'vitest'

export interface Http2Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly text: string
  /** The code of a reset; 0 where the stream ended well. */
  readonly reset: number
  /** Whether the body came to its end. */
  readonly isWhole: boolean
}

/** A client of HTTP/2 over TLS. */
export class Http2Client {
  readonly session: ClientHttp2Session
  readonly closed: Promise<void>
  #goaway: number | undefined

  constructor(port: number, ca: string) {
    this.session = connect(`https://127.0.0.1:${port}`, { ca })
    this.session.on('error', () => undefined)
    this.session.on('goaway', (code: number) => (this.#goaway = code))
    this.closed = new Promise((resolve) => this.session.once('close', resolve))
    onTestFinished(() => this.session.destroy())
  }

  /** The code of the GOAWAY that came, if one did. */
  get goaway(): number | undefined {
    return this.#goaway
  }

  /** Opens a stream; `end` is left to the caller where a body is to be written bit by bit. */
  open(headers: OutgoingHttpHeaders, hasBody = false): ClientHttp2Stream {
    const stream = this.session.request({ ':authority': 'app.test', ...headers }, { endStream: !hasBody })
    stream.on('error', () => undefined)
    return stream
  }

  /** One whole exchange. */
  async ask(path: string, headers: OutgoingHttpHeaders = {}, body?: string | Buffer): Promise<Http2Answer> {
    const stream = this.open({ ':path': path, ...headers }, body !== undefined)
    if (body !== undefined) stream.end(body)
    return answerOf(stream)
  }
}

/** What comes back on a stream, to its end. */
export function answerOf(stream: ClientHttp2Stream): Promise<Http2Answer> {
  return new Promise((resolve) => {
    let head: Record<string, unknown> = {}
    const chunks: Buffer[] = []
    stream.on('response', (headers) => (head = { ...headers }))
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    let isWhole = false
    stream.on('end', () => (isWhole = true))
    stream.on('close', () => {
      const reset = stream.rstCode ?? constants.NGHTTP2_NO_ERROR
      resolve({ status: Number(head[':status'] ?? 0), headers: head, text: Buffer.concat(chunks).toString(), reset, isWhole })
    })
  })
}
