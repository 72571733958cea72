import { constants, createServer, type ServerHttp2Session } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import type { Config } from '../config/schema.ts'
import type { DrainTimes } from './listener.ts'
import { PlainRequest, PlainResponse } from './http2-messages.ts'
import { unreadableHead } from './unreadable.ts'

/** HTTP/2 on connections that are encrypted already. */
export interface Http2 {
  take(socket: TLSSocket): void
  /** Tells clients to go elsewhere, and cuts those that stay. */
  drain(times: DrainTimes): void
}

/** As many calls at a time per connection as browsers make at most. */
const mostStreams = 100
/** The largest stream number there is (RFC 9113, section 5.1.1): a GOAWAY with it refuses nothing yet. */
const lastStream = 2 ** 31 - 1

/** Serves HTTP/2 by the handler for HTTP/1.1. Nothing is ever pushed. */
export function createHttp2({ limits }: Config, handle: (req: object, res: object) => void): Http2 {
  const sessions = new Set<ServerHttp2Session>()
  let isDraining = false
  let taken: TLSSocket | undefined
  const server = createServer({
    Http2ServerRequest: PlainRequest,
    Http2ServerResponse: PlainResponse,
    // A head that is a little too large is answered, one that goes on and on is reset. Cookies come one by one.
    settings: { maxConcurrentStreams: mostStreams, maxHeaderListSize: 2 * limits.headerBytes, enableConnectProtocol: false },
    maxHeaderListPairs: 512,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: mostStreams,
    maxSettings: 32,
  })
  const answer = (req: PlainRequest, res: PlainResponse): void => {
    if (headBytes(req.rawHeaders) > limits.headerBytes) res.writeHead(431, unreadableHead).end()
    else handle(req, res)
  }
  server.on('request', answer)
  server.on('checkContinue', answer)
  server.on('checkExpectation', (_req: PlainRequest, res: PlainResponse) => {
    res.writeHead(417, { 'content-length': 0 }).end()
  })
  // What goes wrong on one connection ends that one.
  server.on('sessionError', (_error: Error, session: ServerHttp2Session) => session.destroy())
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session)
    const socket = taken
    session.once('close', () => {
      sessions.delete(session)
      // Node 22 leaves the connection of a session that ended with an error open.
      socket?.destroySoon()
    })
    session.setTimeout(limits.keepAliveSeconds * 1000, () => session.close())
    if (isDraining) session.close()
  })
  return {
    take: (socket) => {
      socket.on('error', () => undefined)
      taken = socket
      server.emit('connection', socket)
    },
    drain: ({ graceMs, idleMs }) => {
      isDraining = true
      for (const session of sessions) session.goaway(constants.NGHTTP2_NO_ERROR, lastStream)
      setTimeout(() => {
        for (const session of sessions) session.close()
      }, idleMs).unref()
      setTimeout(() => {
        for (const session of sessions) session.destroy()
      }, graceMs).unref()
    },
  }
}

function headBytes(raw: readonly string[]): number {
  let bytes = 0
  for (const text of raw) bytes += text.length + 2
  return bytes
}
