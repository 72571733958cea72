import { createServer as createHttpServer } from 'node:http'
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { TokenFilter } from '../../src/proxy/token-filter.ts'
import { createUpstreams } from '../../src/proxy/upstream.ts'
import type { CallHandle, Upstreams } from '../../src/proxy/upstream.ts'
import type { CallFailure, CallOutcome, UpstreamCall } from '../../src/proxy/upstream-call.ts'

const statusOf: Record<CallFailure, number> = {
  unreachable: 502,
  bad_response: 502,
  token_in_response: 502,
  timeout: 504,
  content_too_large: 413,
  aborted: 401,
  client_left: 499,
}

/** Listens on a free port of 127.0.0.1 until the test is over. */
export async function listen(server: Server | HttpServer): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return (server.address() as AddressInfo).port
}

/** An upstream that speaks HTTP. */
export async function httpUpstream(handle: (req: IncomingMessage, res: ServerResponse) => void): Promise<number> {
  return await listen(createHttpServer(handle))
}

/** An upstream that does what it wants with each connection. */
export async function rawUpstream(handle: (socket: Socket) => void): Promise<number> {
  return await listen(createServer(handle))
}

/** An upstream that answers each request head with the same bytes. */
export async function scriptedUpstream(answer: string | Buffer, then: 'keep' | 'end' | 'reset' = 'keep'): Promise<number> {
  return await rawUpstream((socket) => {
    socket.on('data', () => {
      socket.write(answer)
      if (then === 'end') socket.end()
      if (then === 'reset') setTimeout(() => socket.resetAndDestroy(), 30)
    })
  })
}

export interface Gateway {
  readonly port: number
  readonly upstreams: Upstreams
  readonly outcomes: CallOutcome[]
  readonly handles: CallHandle[]
  /** The next outcome that has not been waited for. */
  outcome(): Promise<CallOutcome>
}

export interface GatewayOptions {
  readonly call?: Partial<UpstreamCall>
  readonly filter?: TokenFilter
  readonly ca?: string
  readonly scheme?: 'http' | 'https'
  /** Instead of 127.0.0.1. */
  readonly host?: string
  readonly connectionLifeMs?: number
  /** Whether the server leaves `100 Continue` to the call. */
  readonly holdContinue?: boolean
}

/** A gateway that does nothing but forward. */
export async function gatewayTo(upstreamPort: number, options: GatewayOptions = {}): Promise<Gateway> {
  const origin = `${options.scheme ?? 'http'}://${options.host ?? '127.0.0.1'}:${upstreamPort}`
  const { ca, connectionLifeMs } = options
  const upstreams = createUpstreams({ origins: [origin], ca, connectionLifeMs })
  const outcomes: CallOutcome[] = []
  const handles: CallHandle[] = []
  const waiting: ((outcome: CallOutcome) => void)[] = []
  let taken = 0
  const handle = (req: IncomingMessage, res: ServerResponse, isContinueExpected: boolean) => {
    const length = req.headers['content-length']
    const isBodyless = length === undefined && req.headers['transfer-encoding'] === undefined
    handles.push(
      upstreams.forward({
        origin,
        method: req.method ?? 'GET',
        path: req.url ?? '/',
        headers: endToEnd(req.rawHeaders),
        req,
        res,
        body: isBodyless ? 'none' : { length: length === undefined ? undefined : Number(length) },
        isContinueExpected,
        headersTimeoutMs: 5_000,
        idleTimeoutMs: 5_000,
        filter: options.filter,
        responseHeaders: (_status, raw) => endToEnd(raw, true),
        onFailure(failure) {
          res.writeHead(statusOf[failure], ['Content-Type', 'text/plain'])
          res.end(failure)
        },
        onEnd(outcome) {
          outcomes.push(outcome)
          const waiter = waiting.shift()
          if (waiter !== undefined) {
            taken++
            waiter(outcome)
          }
        },
        ...options.call,
      }),
    )
  }
  const server = createHttpServer((req, res) => handle(req, res, false))
  if (options.holdContinue === true) {
    server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => handle(req, res, true))
  }
  const port = await listen(server)
  onTestFinished(async () => {
    await upstreams.destroy()
  })
  return {
    port,
    upstreams,
    outcomes,
    handles,
    async outcome() {
      const next = outcomes[taken]
      if (next === undefined) return await new Promise((resolve) => waiting.push(resolve))
      taken++
      return next
    },
  }
}

const hopByHop = [
  'connection',
  'keep-alive',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'host',
  'expect',
  'proxy-connection',
]

function endToEnd(raw: readonly string[], isResponse = false): string[] {
  const flat: string[] = []
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? ''
    const isRequestLength = !isResponse && name.toLowerCase() === 'content-length'
    if (!hopByHop.includes(name.toLowerCase()) && !isRequestLength) flat.push(name, raw[index + 1] ?? '')
  }
  return flat
}

/** A client of bare bytes. */
export class RawClient {
  readonly socket: Socket
  received = Buffer.alloc(0)
  isClosed = false
  error: NodeJS.ErrnoException | undefined
  readonly #waiting = new Set<() => void>()

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    this.socket.on('data', (chunk) => {
      this.received = Buffer.concat([this.received, chunk])
      this.#wake()
    })
    this.socket.on('error', (error) => {
      this.error = error
    })
    this.socket.on('end', () => this.socket.end())
    this.socket.on('close', () => {
      this.isClosed = true
      this.#wake()
    })
    onTestFinished(() => {
      this.socket.destroy()
    })
  }

  get text(): string {
    return this.received.toString('latin1')
  }

  send(bytes: string | Buffer): void {
    this.socket.write(bytes)
  }

  /** Waits until the condition holds, looking again whenever something arrives or the connection closes. */
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      if (this.isClosed) throw new Error(`The connection closed after: ${JSON.stringify(this.text.slice(0, 500))}`)
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  async closed(): Promise<void> {
    if (!this.isClosed) await new Promise<void>((resolve) => this.socket.once('close', () => resolve()))
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}

/** A GET over a raw connection, to its close. */
export async function rawGet(port: number, path = '/', more = ''): Promise<RawClient> {
  const client = new RawClient(port)
  client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${more}\r\n`)
  await client.closed()
  return client
}
