import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import { Server as NetServer } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Bff } from '../bff.ts'
import type { Config } from '../config/schema.ts'
import { createHttp2 } from './http2-server.ts'
import { listenOn } from './listen.ts'
import { createTlsServer, followCredentials, readCredentials } from './tls.ts'
import { answerUnparsable } from './unreadable.ts'

/** How a listener comes to its end. */
export interface DrainTimes {
  /** Calls in flight may take so long. */
  readonly graceMs: number
  /**
   * Kept connections on which nothing happens are closed in rounds of this length. A client that goes on asking learns by
   * `Connection: close` within one, so that none loses a request.
   */
  readonly idleMs: number
}

/** The listener for browsers. */
export interface Listener {
  /** Where it listens, as in `http://127.0.0.1:8080`. */
  readonly url: string
  readonly isDraining: boolean
  /** Takes no new connections; resolves when all are closed. */
  drain(times: DrainTimes): Promise<void>
}

/** Listens for browsers and hands everything to the engine. Rejects where it cannot listen. */
export async function startListener(bff: Bff, { host, port }: { host: string; port: number }): Promise<Listener> {
  const { config, log } = bff
  const { tls } = config
  let isDraining = false
  const handle = (req: IncomingMessage, res: ServerResponse): void => {
    if (isDraining) res.setHeader('connection', 'close')
    bff.handle(req, res)
  }
  // What it hands over has the form of HTTP/1.1.
  const http2 = tls && createHttp2(config, handle as (req: object, res: object) => void)
  const credentials = tls && (await readCredentials(tls))
  const server =
    http2 === undefined || credentials === undefined
      ? createServer(http1Options(config))
      : createTlsServer(http1Options(config), credentials, (socket) => http2.take(socket))
  const upgraded = answerHttp1(server, bff, handle)
  const url = await listenOn(server, host, port, tls === undefined ? 'http' : 'https')
  const unfollow = tls && credentials && followCredentials(server as TlsServer, tls, credentials, log)
  return {
    url,
    get isDraining() {
      return isDraining
    },
    drain: async (times) => {
      isDraining = true
      unfollow?.()
      bff.drain()
      http2?.drain(times)
      await drain(server, upgraded, times)
    },
  }
}

function http1Options({ limits }: Config): ServerOptions {
  return {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersTimeoutSeconds * 1000,
    // A long upload is no attack: the proxy ends one in which nothing moves.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveSeconds * 1000,
    connectionsCheckingInterval: 2_000,
    noDelay: true,
    insecureHTTPParser: false,
  }
}

/** Gives the connections that were upgraded: Node's server forgets them, but waits for them when it closes. */
function answerHttp1(server: Server, bff: Bff, handle: (req: IncomingMessage, res: ServerResponse) => void): ReadonlySet<Duplex> {
  const upgraded = new Set<Duplex>()
  server.on('request', handle)
  // The proxy says 100 Continue once the body can go out; a refused upload is then never sent.
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    // Node looks for the words anywhere in the field (CVE-2025-55702: who reads an odd one in another way waits for no body).
    if (req.headers.expect?.toLowerCase() === '100-continue') handle(req, res)
    else refuseExpectation(req, res)
  })
  server.on('checkExpectation', refuseExpectation)
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgraded.add(socket)
    socket.once('close', () => upgraded.delete(socket))
    bff.upgrade(req, socket, head)
  })
  server.on('clientError', (error: Error & { code?: string }, socket: Duplex) => answerUnparsable(error, socket, bff.log))
  return upgraded
}

function refuseExpectation(_req: IncomingMessage, res: ServerResponse): void {
  res.writeHead(417, { connection: 'close', 'content-length': 0 }).end()
}

async function drain(server: Server, upgraded: ReadonlySet<Duplex>, { graceMs, idleMs }: DrainTimes): Promise<void> {
  // An HTTP server's own `close` cuts idle connections at once, and with them requests that are on their way.
  const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()))
  // A kept connection is idle again once its call has ended, and nobody tells.
  const idle = setInterval(() => server.closeIdleConnections(), idleMs)
  const grace = setTimeout(() => {
    server.closeAllConnections()
    for (const socket of upgraded) socket.destroy()
  }, graceMs)
  await closed
  clearInterval(idle)
  clearTimeout(grace)
  // Ends the timer that looks for slow clients.
  server.close(() => undefined)
}
