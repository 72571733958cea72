import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { assemble, type Bff, type BffParts } from '../bff.ts'
import type { Config } from '../config/schema.ts'
import { describeError, type Logger } from '../log.ts'
import { createMetrics } from '../metrics.ts'
import { startAdmin } from './admin.ts'
import { discoverInBackground } from './discover.ts'
import { listenOn } from './listen.ts'

/** A running gateway. */
export interface Gateway {
  /** Where it listens, as in `http://127.0.0.1:8080`. */
  readonly url: string
  readonly adminUrl?: string
  readonly bff: Bff
  /** Takes no new connections, lets calls in flight end within `limits.shutdownSeconds`, then ends the rest. */
  close(): Promise<void>
}

/** Starts the gateway. It listens even while the provider or the store cannot be reached. Rejects where it cannot listen. */
export async function startGateway(config: Config, parts: BffParts = {}): Promise<Gateway> {
  // The registry watches the event loop and the collector: only where somebody reads it.
  const metrics = config.admin && createMetrics()
  const bff = assemble(config, { metrics, ...parts })
  const { limits, listen } = config
  const isDraining = { value: false }
  const server = createServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersTimeoutSeconds * 1000,
    // A long upload is no attack: the proxy ends one in which nothing moves.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveSeconds * 1000,
    connectionsCheckingInterval: 2_000,
    noDelay: true,
    insecureHTTPParser: false,
  })
  const handle = (req: IncomingMessage, res: ServerResponse): void => {
    if (isDraining.value) res.setHeader('connection', 'close')
    bff.handle(req, res)
  }
  server.on('request', handle)
  // The proxy says 100 Continue once the body can go out; a refused upload is then never sent.
  server.on('checkContinue', handle)
  server.on('checkExpectation', (_req: IncomingMessage, res: ServerResponse) => {
    res.writeHead(417, { connection: 'close', 'content-length': 0 }).end()
  })
  // Node's server forgets what was upgraded, but waits for it when it closes.
  const upgraded = new Set<Duplex>()
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgraded.add(socket)
    socket.once('close', () => upgraded.delete(socket))
    bff.upgrade(req, socket, head)
  })
  server.on('clientError', (error: Error & { code?: string }, socket: Duplex) => answerUnparsable(error, socket, bff.log))

  try {
    const url = await listenOn(server, listen.host, listen.port)
    bff.log.info({ event: 'listening', url }, `listening on ${url}`)
    if (config.origin.startsWith('http:')) {
      bff.log.warn(
        { event: 'plain_http', origin: config.origin },
        'plain http: cookie names have no prefix; for this machine only',
      )
    }
    const admin = config.admin && metrics && (await startAdmin(config.admin, bff, metrics, () => isDraining.value))
    if (admin !== undefined) bff.log.info({ event: 'admin_listening', url: admin.url }, `admin listening on ${admin.url}`)
    const stopDiscovery = discoverInBackground(bff)
    return {
      url,
      ...(admin === undefined ? {} : { adminUrl: admin.url }),
      bff,
      close: async () => {
        isDraining.value = true
        stopDiscovery()
        bff.drain()
        await drain(server, upgraded, limits.shutdownSeconds * 1000)
        await bff.close()
        await admin?.close()
        bff.log.info({ event: 'stopped' }, 'stopped')
      },
    }
  } catch (error) {
    bff.log.error({ event: 'start_failed', error: describeError(error) }, 'could not listen')
    await bff.close()
    throw error
  }
}

async function drain(server: Server, upgraded: ReadonlySet<Duplex>, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  // A kept connection is idle again once its call has ended, and nobody tells.
  const idle = setInterval(() => server.closeIdleConnections(), 50)
  const grace = setTimeout(() => {
    server.closeAllConnections()
    for (const socket of upgraded) socket.destroy()
  }, graceMs)
  await closed
  clearInterval(idle)
  clearTimeout(grace)
}

/**
 * What Node's parser refuses has no path yet, so the answer is the one that is safe under every path: no body that a
 * script could read (contract, section 3), and the connection ends.
 */
function answerUnparsable(error: Error & { code?: string }, socket: Duplex, log: Logger): void {
  const { bytesWritten, remoteAddress } = socket as Socket
  if (error.code !== 'ECONNRESET')
    log.warn({ event: 'unreadable_request', reason: error.code, peerAddress: remoteAddress }, 'request unreadable')
  if (error.code === 'ECONNRESET' || !socket.writable || (bytesWritten > 0 && error.code !== 'HPE_HEADER_OVERFLOW')) {
    socket.destroy()
    return
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request'
  const head = [
    'Connection: close',
    'Content-Length: 0',
    'Cache-Control: no-store',
    'Content-Security-Policy: sandbox',
    'Referrer-Policy: no-referrer',
  ]
  socket.end(`HTTP/1.1 ${status}\r\n${head.join('\r\n')}\r\n\r\n`)
  // Without this, a client that never ends its own side would keep the connection for good.
  const timer = setTimeout(() => socket.destroy(), 2_000).unref()
  socket.once('close', () => clearTimeout(timer))
}
