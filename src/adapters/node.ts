import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Bff } from '../bff.ts'

/** Mounts the engine on a plain Node server: requests, uploads that ask first, and WebSockets. */
export function attach(bff: Bff, server: Server): void {
  server.on('request', (req: IncomingMessage, res: ServerResponse) => bff.handle(req, res))
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => bff.handle(req, res))
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => bff.upgrade(req, socket, head))
}
