import type { Socket } from 'node:net'
import { Agent, Pool, buildConnector, fetch as undiciFetch } from 'undici'
import { Call } from './call.ts'
import type { CallRoute } from './call-route.ts'
import { CallTimer } from './call-timer.ts'
import type { UploadStream } from './upload.ts'
import type { UpstreamCall } from './upstream-call.ts'

/** Options of the connections to upstreams. */
export interface UpstreamsOptions {
  /** Every origin that calls may go to, as in `http://orders.internal:8080`. */
  readonly origins: readonly string[]
  /** Certificate authorities (PEM) instead of the system's. Certificates are always verified. */
  readonly ca?: string | undefined
  /**
   * The most connections per origin. Each open stream holds one, so any bound would let whoever opens enough of them
   * lock out everybody else. Default: as many as there are calls.
   */
  readonly connections?: number | undefined
  /**
   * Connections are used no longer than this, so that a name that moved and a certificate that changed are noticed however busy
   * an upstream is. Default: 60 000.
   */
  readonly connectionLifeMs?: number | undefined
  /** Default: 10 000. */
  readonly connectTimeoutMs?: number | undefined
}

/** A call in flight. */
export interface CallHandle {
  /** Ends the call: a client that has the head already loses its connection, others get what `onFailure` answers. */
  abort(reason: string): void
}

/** The connections to all upstreams. */
export interface Upstreams {
  /** Passes one request on. Never throws; everything is told through the call's `onFailure` and `onEnd`. */
  forward(call: UpstreamCall): CallHandle
  /** Has every answer that has not begun say `Connection: close`, so that its client goes elsewhere with its next request. */
  drain(): void
  /** How many calls are in flight. */
  readonly callsInFlight: number
  /** Waits for the calls in flight, then closes all connections. */
  close(): Promise<void>
  /** Ends all calls as `aborted` and closes all connections. */
  destroy(): Promise<void>
}

/** Makes one pool of kept connections per origin. */
export function createUpstreams(options: UpstreamsOptions): Upstreams {
  const timer = new CallTimer<Call>()
  let isDraining = false
  const routes = new Map<string, PooledRoute>()
  for (const origin of options.origins) {
    if (!routes.has(origin)) routes.set(origin, new PooledRoute(origin, options, timer))
  }
  return {
    forward(input) {
      const call = new Call(input, routes.get(input.origin) ?? noRoute, timer)
      if (isDraining) call.announceClose()
      call.start()
      return call
    },
    drain() {
      isDraining = true
      for (const call of timer.all()) call.announceClose()
    },
    get callsInFlight() {
      return timer.size
    },
    async close() {
      await Promise.all([...routes.values()].map((route) => route.close()))
    },
    async destroy() {
      await Promise.all([...routes.values()].map((route) => route.destroy()))
    },
  }
}

const noRoute: CallRoute = {
  isConnectionNew: false,
  isConnectionBroken: false,
  send: (call) =>
    call.onError(Object.assign(new Error('a call to an origin that is not configured'), { code: 'unknown_origin' })),
}

interface Pools {
  readonly kept: Pool
  /** For retries: does not keep connections, so it never hands out one that may be dead too. */
  readonly fresh: Pool
}

class PooledRoute implements CallRoute {
  isConnectionNew = false
  isConnectionBroken = false
  readonly #origin: string
  readonly #options: UpstreamsOptions
  readonly #timer: CallTimer<Call>
  readonly #lifeMs: number
  #pools: Pools
  #bornAtMs: number
  /** Whose calls go on, but that get no more of them. */
  readonly #retired = new Set<Pools>()

  constructor(origin: string, options: UpstreamsOptions, timer: CallTimer<Call>) {
    this.#origin = origin
    this.#options = options
    this.#timer = timer
    this.#lifeMs = options.connectionLifeMs ?? 60_000
    this.#pools = this.#makePools()
    this.#bornAtMs = performance.now()
  }

  send(call: Call, body: Buffer | UploadStream | null, isRetry: boolean): void {
    if (this.#timer.nowMs - this.#bornAtMs > this.#lifeMs) this.#renew()
    const pool = isRetry ? this.#pools.fresh : this.#pools.kept
    const { path, method, headers } = call.request
    pool.dispatch({ path, method, headers, body }, call)
  }

  async close(): Promise<void> {
    await Promise.all([this.#pools, ...this.#retired].flatMap(({ kept, fresh }) => [kept.close(), fresh.close()]))
  }

  async destroy(): Promise<void> {
    await Promise.all([this.#pools, ...this.#retired].flatMap(({ kept, fresh }) => [kept.destroy(), fresh.destroy()]))
  }

  /** New pools, because undici's own `clientTtl` keeps a callback per call for each old connection with a stream on it. */
  #renew(): void {
    const old = this.#pools
    this.#pools = this.#makePools()
    this.#bornAtMs = this.#timer.nowMs
    this.#retired.add(old)
    const forget = (): void => void this.#retired.delete(old)
    Promise.all([old.kept.close(), old.fresh.close()]).then(forget, forget)
  }

  #makePools(): Pools {
    const { ca, connections, connectTimeoutMs } = this.#options
    // Remembers TLS sessions, for as long as these pools live.
    const connectSocket = buildConnector({
      timeout: connectTimeoutMs ?? 10_000,
      rejectUnauthorized: true,
      ...(ca === undefined ? {} : { ca }),
    })
    const connect: buildConnector.connector = (target, callback) => {
      connectSocket(target, (...result) => {
        const [error, socket] = result
        if (error !== null) {
          callback(error, null)
          return
        }
        this.#watchErrors(socket, () => callback(null, socket))
      })
    }
    const shared = {
      connect,
      connections: connections ?? null,
      // The call has its own timers.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: 65_536,
      // undici 7.30 fails calls in flight when a server says goodbye to a connection (a GOAWAY without an error).
      allowH2: false,
    }
    return {
      // Many servers close idle connections after 5 s; who keeps them longer says so with Keep-Alive.
      kept: new Pool(this.#origin, { ...shared, pipelining: 1, keepAliveTimeout: 4_000, keepAliveMaxTimeout: 60_000 }),
      fresh: new Pool(this.#origin, { ...shared, pipelining: 0 }),
    }
  }

  /**
   * undici sends the first request within `begin`. And it takes a reset for the end of a body without a length, so its
   * own error listener is put between two of ours.
   */
  #watchErrors(socket: Socket, begin: () => void): void {
    socket.on('error', () => {
      this.isConnectionBroken = true
    })
    this.isConnectionNew = true
    try {
      begin()
    } finally {
      this.isConnectionNew = false
    }
    socket.on('error', () => {
      this.isConnectionBroken = false
    })
  }
}

/** Options of a fetch for an OpenID provider. */
export interface FetchOptions {
  readonly ca?: string | undefined
  /** Client certificate and its key (PEM), for mutual TLS (RFC 8705). */
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** For a whole exchange, body included. */
  readonly timeoutMs: number
}

/** What is asked of a provider. */
export interface FetchRequest {
  readonly method?: string | undefined
  readonly headers?: Record<string, string> | undefined
  readonly body?: string | URLSearchParams | Uint8Array | ReadableStream | null | undefined
  readonly signal?: AbortSignal | undefined
}

const mostAnswerBytes = 2 << 20

/**
 * A fetch for the back channel: certificates are verified, redirects are not followed, and an answer of more than 2 MB
 * (decoded) is an error. The answer is complete when the promise resolves. Usable as openid-client's `customFetch`.
 */
export function createFetch(options: FetchOptions): (url: string | URL, request?: FetchRequest) => Promise<Response> {
  const { ca, cert, key, timeoutMs } = options
  const dispatcher = new Agent({
    connect: {
      rejectUnauthorized: true,
      timeout: timeoutMs,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    },
  })
  return async (url, request = {}) => {
    const timeout = AbortSignal.timeout(timeoutMs)
    const answer = await undiciFetch(url, {
      method: request.method ?? 'GET',
      headers: request.headers ?? {},
      body: request.body ?? null,
      ...(request.body instanceof ReadableStream ? { duplex: 'half' } : {}),
      redirect: 'manual',
      signal: request.signal === undefined ? timeout : AbortSignal.any([request.signal, timeout]),
      dispatcher,
    })
    const chunks: Uint8Array[] = []
    let bytes = 0
    for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
      bytes += chunk.length
      if (bytes > mostAnswerBytes) throw new RangeError('The provider answered with more than 2 MB')
      chunks.push(chunk)
    }
    const headers = new Headers([...answer.headers])
    headers.delete('content-encoding')
    headers.delete('content-length')
    const { status, statusText } = answer
    return new Response(chunks.length === 0 ? null : Buffer.concat(chunks), { status, statusText, headers })
  }
}
