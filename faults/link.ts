import { connect, createServer, type Socket } from 'node:net'
import { listenOnLoopback } from '../test/support/loopback.ts'

/** The way from one gateway to its store, which a fault can close, slow down or make silent. */
export interface Link {
  readonly port: number
  /** Each piece of data waits so long in both directions, in milliseconds. */
  slow(delayMs: number): void
  /** Nothing arrives any more, and no connection ends: a network that drops packets. */
  silence(): void
  /** Resets what is open and refuses what comes. */
  cut(): void
  /** Ends idle connections, as a server with an idle timeout does, and takes new ones. */
  endConnections(): void
  /** Back to normal. What was silenced goes on where it stood. */
  heal(): void
  close(): Promise<void>
}

export async function linkTo(targetPort: number): Promise<Link> {
  const sockets = new Set<Socket>()
  let mode: 'open' | 'silent' | 'cut' = 'open'
  let delayMs = 0
  const forward = (from: Socket, to: Socket) => {
    sockets.add(from)
    from.setNoDelay(true)
    from.on('error', () => to.destroy())
    from.on('close', () => {
      sockets.delete(from)
      to.destroy()
    })
    from.on('data', (chunk: Buffer) => {
      if (delayMs === 0) to.write(chunk)
      else setTimeout(() => to.writable && to.write(chunk), delayMs)
    })
    if (mode === 'silent') from.pause()
  }
  const server = createServer((near) => {
    if (mode === 'cut') return void near.resetAndDestroy()
    const far = connect(targetPort, '127.0.0.1')
    forward(near, far)
    forward(far, near)
  })
  const listener = await listenOnLoopback(server)
  return {
    port: listener.port,
    slow: (milliseconds) => (delayMs = milliseconds),
    silence: () => {
      mode = 'silent'
      for (const socket of sockets) socket.pause()
    },
    cut: () => {
      mode = 'cut'
      for (const socket of sockets) socket.resetAndDestroy()
    },
    endConnections: () => {
      for (const socket of sockets) socket.end()
    },
    heal: () => {
      mode = 'open'
      delayMs = 0
      for (const socket of sockets) socket.resume()
    },
    close: () => listener.close(),
  }
}
