import { createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { duplexPair, pipeline, Readable, type Duplex } from 'node:stream'
import { decodedBody } from './decoded-body.ts'
import { BffError } from './errors.ts'

/** What the handler of a request learns besides the request. */
export interface MemoryCall {
  /** Where the caller says the client is: an address, or nothing. Stands as `remoteAddress` on the request's socket. */
  readonly clientAddress: string
  /** Code of the server asks, not a page. */
  readonly isServerCall: boolean
  /** The body of the answer is wanted in plain, without Content-Encoding, as `fetch` gives it. */
  readonly isDecoded: boolean
}

export interface MemoryServerOptions {
  /** The host of the public origin, for the Host field. */
  readonly host: string
  readonly maxHeaderBytes: number
  readonly handle: (req: IncomingMessage, res: ServerResponse, call: MemoryCall) => void
}

/** What belongs to a connection, not to a request; the connection in memory has its own. */
const ofConnection = new Set(
  ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'expect', 'te', 'trailer', 'host'].concat(
    'content-length',
  ),
)

/** Of an answer: what belongs to the connection in memory, and what the host's own server says. */
const notPassed = new Set(['connection', 'keep-alive', 'transfer-encoding', 'date'])

/**
 * Carries web Requests to a handler for Node's `req` and `res`, and its answer back: HTTP/1.1 over a pair of streams in memory,
 * so that a runtime without Node's streams goes through the same proxy by the same rules. Bodies stream both ways.
 */
export class MemoryServer {
  readonly #options: MemoryServerOptions
  readonly #server: Server
  readonly #calls = new WeakMap<object, MemoryCall & { fail: (error: BffError) => void }>()

  constructor(options: MemoryServerOptions) {
    this.#options = options
    const limits = { maxHeaderSize: options.maxHeaderBytes, requestTimeout: 0, headersTimeout: 0, insecureHTTPParser: false }
    this.#server = createServer(limits, (req, res) => {
      const call = this.#calls.get(req.socket)
      if (call !== undefined) options.handle(req, res, call)
    })
    this.#server.on('clientError', (error: Error & { code?: string }, socket: Duplex) => {
      const code = error.code === 'HPE_HEADER_OVERFLOW' ? 'header_fields_too_large' : 'bad_request'
      this.#calls.get(socket)?.fail(new BffError(code, { reason: error.code ?? 'unreadable' }))
      socket.destroy()
    })
  }

  /** Rejects where the request cannot be carried, or its client left before there was an answer. */
  answer(request: Request, target: string, call: MemoryCall): Promise<Response> {
    return new Promise((resolve, reject) => {
      const [ours, theirs] = duplexPair()
      // Either end closes with the other. What was sent to its end has been read by then.
      ours.on('close', () => theirs.destroy())
      theirs.on('close', () => {
        if (!theirs.writableFinished) ours.destroy()
      })
      theirs.on('error', () => undefined)
      this.#calls.set(theirs, { ...call, fail: reject })
      this.#server.emit('connection', Object.assign(theirs, { remoteAddress: call.clientAddress }))

      const { method, body, signal } = request
      const outgoing = httpRequest({
        createConnection: () => ours,
        method,
        path: target,
        headers: this.#head(request, call.isDecoded),
        setHost: false,
      })
      const leave = (): void => void outgoing.destroy()
      signal.addEventListener('abort', leave, { once: true })
      if (signal.aborted) leave()
      outgoing.on('close', () => signal.removeEventListener('abort', leave))
      outgoing.on('error', (error) => reject(new BffError('bad_request', { reason: 'the client left', cause: error })))
      outgoing.on('response', (incoming) => {
        try {
          resolve(toResponse(incoming, call.isDecoded))
        } catch (error) {
          leave()
          reject(new BffError('upstream_unreachable', { reason: 'an answer that no Response can hold', cause: error }))
        }
      })
      if (body === null) outgoing.end()
      // A source that breaks off breaks the request off too, so that half a body is never taken for a whole one.
      else pipeline(Readable.fromWeb(body), asDeclared(request), outgoing, () => undefined)
    })
  }

  /** The flat head. A declared length stays, because some servers take no body without one. */
  #head({ headers, body }: Request, isDecoded: boolean): string[] {
    const flat = ['Host', this.#options.host, 'Connection', ['close', ...namedByConnection(headers)].join(', ')]
    for (const [name, value] of headers) {
      // What the client can decode is no matter where it gets plain bytes.
      if (!ofConnection.has(name) && !(isDecoded && name === 'accept-encoding')) flat.push(name, value)
    }
    const length = headers.get('content-length')
    if (body !== null) flat.push(...(length === null ? ['Transfer-Encoding', 'chunked'] : ['Content-Length', length]))
    return flat
  }
}

/** The body, where it has the length that was declared; a runtime that changed the one may have kept the other. */
function asDeclared({ headers }: Request): (source: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array> {
  const length = headers.get('content-length')
  return async function* (source) {
    let left = Number(length)
    for await (const chunk of source) {
      left -= chunk.length
      if (length !== null && left < 0) break
      yield chunk
    }
    if (length !== null && left !== 0) throw new RangeError('the body has another length than Content-Length says')
  }
}

/** The fields that the client's Connection field names: they end here as they do on a real connection (RFC 9110, 7.6.1). */
function namedByConnection(headers: Headers): string[] {
  const options = (headers.get('connection') ?? '').split(',').map((option) => option.trim().toLowerCase())
  return options.filter((option) => option !== '' && !ofConnection.has(option) && option !== 'close')
}

function toResponse(incoming: IncomingMessage, isDecoded: boolean): Response {
  const { rawHeaders, statusCode: status = 502, statusMessage = '' } = incoming
  const isBodyless = status === 204 || status === 205 || status === 304
  if (isBodyless) incoming.resume()
  const decoded = isDecoded && !isBodyless ? decodedBody(incoming) : undefined
  const headers = new Headers()
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase()
    const isOfCoding = name === 'content-encoding' || name === 'content-length'
    if (!notPassed.has(name) && !(isOfCoding && decoded !== undefined)) headers.append(name, rawHeaders[at + 1] ?? '')
  }
  const body = isBodyless ? null : (Readable.toWeb(decoded ?? incoming) as ReadableStream<Uint8Array>)
  return new Response(body, { status, statusText: statusMessage, headers })
}
