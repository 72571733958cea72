import { IncomingMessage } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'
import { deferred } from './deferred.ts'
import { BodyReader } from './body-reader.ts'
import { fieldValue, parseHead, type MessageHead } from './http-message.ts'
import { listenOnLoopback } from './loopback.ts'
import { decodeClaims } from './signing.ts'

/** One request as its bytes came in. */
export interface UpstreamRequest extends MessageHead {
  /** Which connection, counted from 1. */
  readonly connection: number
  readonly method: string
  readonly target: string
  /** The body without its framing, as far as it has come; of a very long one only the beginning is kept. */
  readonly body: Buffer
  /** The body as it stood on the wire, framing included; its beginning, where it is very long. */
  readonly rawBody: Buffer
  /** How many bytes of the body have come. */
  readonly bodyBytes: number
  /** Resolves with `true` when the body is whole, with `false` when the connection ended before. */
  readonly bodyEnd: Promise<boolean>
  header(name: string): string | undefined
  /** The bearer token, if there is one. */
  readonly bearer: string | undefined
}

/** How an upstream answers: bytes as they are, fields, or a function with the connection in its hand. */
export type UpstreamScript =
  | string
  | Uint8Array
  | UpstreamAnswer
  | ((request: UpstreamRequest, exchange: Exchange) => void | Promise<void>)

export interface UpstreamAnswer {
  readonly status?: number
  readonly reason?: string
  readonly headers?: readonly (readonly [string, string])[]
  /** Objects become JSON. */
  readonly body?: unknown
  readonly delayMs?: number
  readonly reset?: boolean
  readonly hang?: boolean
}

/** The server's side of one request. */
export interface Exchange {
  readonly socket: Socket
  write(bytes: string | Uint8Array): void
  end(): void
  reset(): void
  /** A well-formed answer with a Content-Length. */
  respond(answer: UpstreamAnswer): void
}

export interface RecordingUpstream {
  readonly url: string
  readonly port: number
  readonly requests: UpstreamRequest[]
  /** Every byte that ever came in, as latin1. */
  received(): string
  connections(): number
  /** Connections that are open now. */
  openConnections(): number
  readonly webSockets: Set<WebSocket>
  /** From now on; `undefined` brings the echo back. */
  answer(script: UpstreamScript | undefined): void
  once(script: UpstreamScript): void
  /** Requests without a bearer that passes are answered 401. */
  requireBearer(check: ((token: string) => boolean) | undefined): void
  /** Waits for the nth request (counted from 1). */
  request(count: number): Promise<UpstreamRequest>
  close(): Promise<void>
}

/** An upstream that records what comes byte for byte and answers as told; without a script it describes the request. */
export async function startRecordingUpstream(options: { readonly port?: number } = {}): Promise<RecordingUpstream> {
  const requests: UpstreamRequest[] = []
  const bytes: Buffer[] = []
  const queued: UpstreamScript[] = []
  const open = new Set<Socket>()
  const waiting: { count: number; resolve: (request: UpstreamRequest) => void }[] = []
  const webSockets = new Set<WebSocket>()
  const webSocketServer = new WebSocketServer({ noServer: true, handleProtocols: (offered) => [...offered][0] ?? false })
  let script: UpstreamScript | undefined
  let checkBearer: ((token: string) => boolean) | undefined
  let connections = 0
  let bytesKept = 0

  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const connection = ++connections
    open.add(socket)
    let rest: Buffer = Buffer.alloc(0)
    let current: Current | undefined
    let tunnel = false
    const read = () => {
      for (;;) {
        if (current === undefined) {
          const headEnd = rest.indexOf('\r\n\r\n')
          if (headEnd < 0) return
          current = begin(connection, parseHead(rest.subarray(0, headEnd).toString('latin1')))
          rest = rest.subarray(headEnd + 4)
          requests.push(current.request)
          for (const waiter of waiting.splice(0)) {
            const found = requests[waiter.count - 1]
            if (found === undefined) waiting.push(waiter)
            else waiter.resolve(found)
          }
          if (/websocket/i.test(current.request.header('upgrade') ?? '') && queued.length === 0 && script === undefined) {
            tunnel = true
            socket.removeListener('data', onData)
            upgrade(webSocketServer, current.request, socket, rest, webSockets)
            return
          }
          const chosen = queued.shift() ?? script
          void respondTo(current.request, socket, chosen, checkBearer)
        }
        const left = current.reader.push(rest)
        rest = left ?? Buffer.alloc(0)
        if (left === undefined) return
        current.end(true)
        current = undefined
      }
    }
    const onData = (chunk: Buffer) => {
      if (bytesKept < maxBytesKept) bytes.push(chunk)
      bytesKept += chunk.length
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      read()
    }
    socket.on('data', onData)
    socket.on('error', () => {})
    socket.on('end', () => {
      current?.end(false)
      if (!tunnel && current === undefined) socket.end()
    })
    socket.on('close', () => {
      open.delete(socket)
      current?.end(false)
    })
  })
  const listener = await listenOnLoopback(server, options.port)
  return {
    url: `http://127.0.0.1:${listener.port}`,
    port: listener.port,
    requests,
    received: () => Buffer.concat(bytes).toString('latin1'),
    connections: () => connections,
    openConnections: () => open.size,
    webSockets,
    answer(next) {
      script = next
    },
    once: (next) => void queued.push(next),
    requireBearer(check) {
      checkBearer = check
    },
    request: (count) => {
      const found = requests[count - 1]
      return found === undefined ? new Promise((resolve) => waiting.push({ count, resolve })) : Promise.resolve(found)
    },
    close: () => listener.close(),
  }
}

const maxBytesKept = 64 * 1024 * 1024

interface Current {
  readonly request: UpstreamRequest
  readonly reader: BodyReader
  readonly end: (whole: boolean) => void
}

function begin(connection: number, message: MessageHead): Current {
  const [method = '', target = ''] = message.startLine.split(' ')
  const bodyEnd = deferred<boolean>()
  const header = (name: string) => fieldValue(message, name)
  const isChunked = /chunked\s*$/i.test(header('transfer-encoding') ?? '')
  const reader = new BodyReader(isChunked ? 'chunked' : Number(header('content-length') ?? 0))
  const request: UpstreamRequest = {
    ...message,
    connection,
    method,
    target,
    get body() {
      return reader.body
    },
    get rawBody() {
      return reader.raw
    },
    get bodyBytes() {
      return reader.bytes
    },
    bodyEnd: bodyEnd.promise,
    header,
    bearer: /^Bearer (.+)$/.exec(header('authorization') ?? '')?.[1],
  }
  return { request, reader, end: bodyEnd.resolve }
}

async function respondTo(
  request: UpstreamRequest,
  socket: Socket,
  script: UpstreamScript | undefined,
  checkBearer: ((token: string) => boolean) | undefined,
): Promise<void> {
  const exchange: Exchange = {
    socket,
    write: (bytes) => void socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes),
    end: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    respond: (answer) => exchange.write(format(answer, request.method)),
  }
  if (checkBearer !== undefined && !checkBearer(request.bearer ?? '')) {
    return exchange.respond({
      status: 401,
      reason: 'Unauthorized',
      headers: [['WWW-Authenticate', 'Bearer error="invalid_token"']],
    })
  }
  if (typeof script === 'function') return script(request, exchange)
  if (typeof script === 'string' || script instanceof Uint8Array) return exchange.write(script)
  if (script === undefined) {
    if (request.header('expect') !== undefined) exchange.write('HTTP/1.1 100 Continue\r\n\r\n')
    await request.bodyEnd
    return exchange.respond({ body: describe(request) })
  }
  if (script.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, script.delayMs))
  if (script.hang === true) return
  if (script.reset === true) return exchange.reset()
  exchange.respond(script)
}

// The echo never holds the token itself: an answer with a token in it is stopped by the gateway.
function describe(request: UpstreamRequest): unknown {
  const claims = request.bearer === undefined ? undefined : decodeClaims(request.bearer)
  return {
    method: request.method,
    target: request.target,
    sub: claims?.['sub'] ?? null,
    aud: claims?.['aud'] ?? null,
    scope: claims?.['scope'] ?? null,
    bytes: request.bodyBytes,
  }
}

function format({ status = 200, reason = 'OK', headers = [], body }: UpstreamAnswer, method: string): Buffer {
  const isRaw = typeof body === 'string' || body instanceof Uint8Array
  const payload = isRaw ? Buffer.from(body) : body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(body))
  const all = [...headers]
  const has = (name: string) => all.some(([field]) => field.toLowerCase() === name)
  if (!isRaw && body !== undefined && !has('content-type')) all.push(['Content-Type', 'application/json'])
  if (!has('content-length') && !has('transfer-encoding') && status !== 204 && status !== 304)
    all.push(['Content-Length', String(payload.length)])
  const head = `HTTP/1.1 ${status} ${reason}\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), method === 'HEAD' ? Buffer.alloc(0) : payload])
}

function upgrade(server: WebSocketServer, request: UpstreamRequest, socket: Socket, head: Buffer, open: Set<WebSocket>): void {
  const message = new IncomingMessage(socket)
  message.method = request.method
  message.url = request.target
  message.headers = Object.fromEntries(request.headers.map(([name, value]) => [name.toLowerCase(), value]))
  server.handleUpgrade(message, socket, head, (webSocket) => {
    open.add(webSocket)
    webSocket.on('error', () => {})
    webSocket.on('close', () => open.delete(webSocket))
    webSocket.on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }))
  })
}
