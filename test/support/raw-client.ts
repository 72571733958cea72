import { connect } from 'node:net'
import { deferred, type Deferred } from './deferred.ts'
import { fieldValue, parseHead, readBody, type Framing, type MessageHead } from './http-message.ts'

/** One response, cut out of the stream of bytes. */
export interface RawResponse extends MessageHead {
  readonly status: number
  readonly body: Buffer
  /** The body as text. */
  readonly text: string
  /** Whether the body came whole; one without length is whole when the connection ended. */
  readonly complete: boolean
  header(name: string): string | undefined
}

/** A connection on which exactly the given bytes go out, and nothing is corrected. */
export interface RawConnection {
  send(bytes: string | Uint8Array): void
  /** Ends our side and goes on reading. */
  halfClose(): void
  /** Cuts the connection with a reset. */
  reset(): void
  /**
   * The next response, in the order of requests. `method` is that of its request, because an answer to HEAD has no
   * body. Rejects where the connection ends before there is one.
   */
  response(method?: string): Promise<RawResponse>
  /** Waits until so many bytes have come. */
  bytes(count: number): Promise<Buffer>
  /** Everything that came and was not yet cut out as a response. */
  readonly rest: () => Buffer
  /** Everything that ever came. */
  readonly received: () => Buffer
  /** Resolves when the other side has ended the connection, with `reset` where it was cut. */
  readonly closed: Promise<'end' | 'reset'>
}

/** Opens a raw connection to loopback. Text is sent as latin1, so that every byte can be written. */
export async function rawConnect(port: number): Promise<RawConnection> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  const all: Buffer[] = []
  let rest: Buffer = Buffer.alloc(0)
  let ended: 'end' | 'reset' | undefined
  let news: Deferred<void> = deferred()
  const closed = deferred<'end' | 'reset'>()
  const tell = () => {
    news.resolve()
    news = deferred()
  }
  const finish = (how: 'end' | 'reset') => {
    ended ??= how
    closed.resolve(ended)
    tell()
  }
  socket.on('data', (chunk: Buffer) => {
    all.push(chunk)
    rest = Buffer.concat([rest, chunk])
    tell()
  })
  socket.on('end', () => finish('end'))
  socket.on('error', () => finish('reset'))
  socket.on('close', () => finish('end'))
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  return {
    send: (bytes) => void socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes),
    halfClose: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    async response(method = 'GET') {
      for (;;) {
        const cut = cutResponse(rest, method, ended !== undefined)
        if (cut !== undefined) {
          rest = rest.subarray(cut.used)
          // An interim answer (1xx) precedes the final one; 101 is final for HTTP.
          if (cut.response.status < 200 && cut.response.status !== 101) continue
          return cut.response
        }
        if (ended !== undefined)
          throw new Error(`the connection ended (${ended}) after ${JSON.stringify(rest.toString('latin1').slice(0, 200))}`)
        await news.promise
      }
    },
    async bytes(count) {
      while (rest.length < count && ended === undefined) await news.promise
      return rest
    },
    rest: () => rest,
    received: () => Buffer.concat(all),
    closed: closed.promise,
  }
}

/** Sends bytes on a connection of their own and gives the first response. */
export async function rawExchange(port: number, bytes: string | Uint8Array, method = 'GET'): Promise<RawResponse> {
  const connection = await rawConnect(port)
  connection.send(bytes)
  const response = await connection.response(method)
  connection.reset()
  return response
}

/** A request in plain lines: method, target and further header lines. `Host` is added unless it is there. */
export function rawRequest(method: string, target: string, headers: readonly string[] = [], body = ''): string {
  const lines = [...headers]
  if (!lines.some((line) => /^host:/i.test(line))) lines.unshift('Host: app.test')
  if (body !== '' && !lines.some((line) => /^(content-length|transfer-encoding):/i.test(line)))
    lines.push(`Content-Length: ${Buffer.byteLength(body, 'latin1')}`)
  return `${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`
}

/** Cuts the first response out of the bytes; `undefined` where more has to come. */
export function cutResponse(bytes: Buffer, method: string, ended: boolean): { response: RawResponse; used: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const message = parseHead(bytes.subarray(0, headEnd).toString('latin1'))
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(message.startLine)?.[1] ?? Number.NaN)
  const reading = readBody(bytes.subarray(headEnd + 4), responseFraming(message, status, method))
  if (!reading.complete && !ended) return undefined
  const untilClose = responseFraming(message, status, method) === 'until-close'
  const response: RawResponse = {
    ...message,
    status,
    body: reading.body,
    text: reading.body.toString(),
    complete: reading.complete || untilClose,
    header: (name) => fieldValue(message, name),
  }
  return { response, used: headEnd + 4 + reading.used }
}

// RFC 9112 section 6.3.
function responseFraming(message: MessageHead, status: number, method: string): Framing {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return { length: 0 }
  if (/chunked\s*$/i.test(fieldValue(message, 'transfer-encoding') ?? '')) return 'chunked'
  const length = fieldValue(message, 'content-length')
  return length === undefined ? 'until-close' : { length: Number(length) }
}
