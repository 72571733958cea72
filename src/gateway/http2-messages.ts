import { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'

/**
 * A request that came by HTTP/2, in the words of HTTP/1.1, so that one set of rules reads both: no pseudo-header fields, the
 * authority as Host, one Cookie field (RFC 9113, sections 8.2.3 and 8.3.1), and a body of unknown length as a chunked one.
 */
export class PlainRequest extends Http2ServerRequest {
  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, options: object, rawHeaders: readonly string[]) {
    super(stream, headers, options, rawHeaders)
    const raw = plainHeaders(rawHeaders, !stream.endAfterHeaders)
    // Node has them as getters, its types as properties.
    Object.defineProperty(this, 'rawHeaders', { value: raw })
    Object.defineProperty(this, 'headers', { value: headersOf(raw, headers) })
  }

  /** Node ends the body of a stream that was reset as if it were whole; such a body must never end. */
  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    if (chunk === null && this.stream.aborted) return false
    return super.push(chunk, encoding)
  }

  override _read(size: number): void {
    if (!this.stream.aborted) super._read(size)
  }
}

const answerIsCut = new Error('The answer is cut off')

/** A response over HTTP/2 that is cut off as such. */
export class PlainResponse extends Http2ServerResponse<PlainRequest> {
  /** Resets the stream, so that a part of an answer never looks like a whole one. */
  override destroy(): this {
    // Not `close`: that ends the body first, and only then resets.
    this.stream.destroy(answerIsCut)
    return this
  }
}

Object.defineProperty(PlainResponse.prototype, 'destroyed', {
  get(this: PlainResponse): boolean {
    return this.stream.destroyed || this.stream.closed
  },
})

/** Node's object of the fields, which has joined what may be joined, with the names of the plain list. */
function headersOf(raw: readonly string[], headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const plain: IncomingHttpHeaders = {}
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? ''
    plain[name] ??= headers[name] ?? raw[at + 1]
  }
  return plain
}

function plainHeaders(raw: readonly string[], hasBody: boolean): string[] {
  const plain: string[] = []
  let authority: string | undefined
  let host: string | undefined
  let cookie: string | undefined
  let isLengthKnown = false
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? ''
    const value = raw[at + 1] ?? ''
    if (name === ':authority') authority = value
    else if (name.startsWith(':')) continue
    else if (name === 'cookie') cookie = cookie === undefined ? value : `${cookie}; ${value}`
    else if (name === 'host' && host === undefined) host = value
    else {
      if (name === 'content-length') isLengthKnown = true
      plain.push(name, value)
    }
  }
  if (authority !== undefined) plain.push('host', authority)
  // A Host that says something else stays, and makes two of them: that has two readings and is refused.
  if (host !== undefined && host !== authority) plain.push('host', host)
  if (cookie !== undefined) plain.push('cookie', cookie)
  if (hasBody && !isLengthKnown) plain.push('transfer-encoding', 'chunked')
  return plain
}
