import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** A server that listens on loopback, together with what is needed to end it at once. */
export interface LoopbackListener {
  readonly port: number
  /** Connections accepted so far. */
  readonly connections: () => number
  /** Ends every connection, so that nothing a test left hanging keeps the run alive. */
  close(): Promise<void>
}

/** Listens on 127.0.0.1 and a free port, or the given one. */
export async function listenOnLoopback(server: Server, port = 0): Promise<LoopbackListener> {
  const sockets = new Set<Socket>()
  let connections = 0
  server.on('connection', (socket: Socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    port: portOf(server),
    connections: () => connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

/** A port that was free a moment ago: for an origin that has to be known before its server starts. */
export async function findFreePort(): Promise<number> {
  const listener = await listenOnLoopback(createServer())
  await listener.close()
  return listener.port
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port')
  return address.port
}
