import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Bff } from '../bff.ts'

/** Mounts the engine on a plain Node server: requests, uploads that ask first, and WebSockets. */
export function attach(bff: Bff, server: Server): void {
  server.on('request', (req: IncomingMessage, res: ServerResponse) => bff.handle(req, res))
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => bff.handle(req, res))
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => bff.upgrade(req, socket, head))
}

/**
 * WebSockets of the proxied routes, on a server whose requests a framework answers. Handshakes for other paths are left to
 * the server's other `upgrade` listeners; where there are none they are answered with 404.
 */
export function attachWebSockets(bff: Bff, server: Pick<Server, 'on' | 'listenerCount'>): void {
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    bff.upgrade(req, socket, head, server.listenerCount('upgrade') > 1 ? () => undefined : undefined)
  })
}
