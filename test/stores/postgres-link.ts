import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'
import { listenOnLoopback } from '../support/loopback.ts'

/** The way of one node to the server, which a test can interrupt. */
export interface PostgresLink {
  /** The URL with this way in place of the server's own address. */
  readonly url: string
  /** Statements that were sent over it so far, without what a node says to itself now and then. */
  statements(): number
  /** What was prepared or queried over it, after a name where it had one, and the parameters of each start. */
  readonly said: readonly string[]
  /** Nothing arrives any more in either direction, and no connection ends. */
  freeze(): void
  /** What the server says does not arrive any more. */
  freezeAnswers(): void
  thaw(): void
  /** Resets every connection. */
  cut(): void
  close(): Promise<void>
}

export async function linkTo(url: string): Promise<PostgresLink> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  const answering = new Set<Socket>()
  let isFrozen = false
  const said: string[] = []
  const server = createServer((near) => {
    const far = connect(Number(target.port || 5432), target.hostname)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.setNoDelay(true)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
    answering.add(far)
    far.on('close', () => answering.delete(far))
    const read = messageReader((type, content) => {
      if (type === 'P' || type === 'Q' || type === 'start')
        said.push(`${type} ${content.toString('latin1').replaceAll('\0', ' ')}`)
    })
    near.on('data', (chunk: Buffer) => {
      read(chunk)
      far.write(chunk)
    })
    far.on('data', (chunk: Buffer) => near.write(chunk))
    if (isFrozen) for (const socket of [near, far]) socket.pause()
  })
  const listener = await listenOnLoopback(server)
  const through = new URL(url)
  through.host = `127.0.0.1:${listener.port}`
  return {
    url: through.href,
    statements: () => said.filter((text) => /^P (?!.*select pg_notify\(\$1)/.test(text)).length,
    said,
    freeze: () => {
      isFrozen = true
      for (const socket of sockets) socket.pause()
    },
    freezeAnswers: () => {
      for (const socket of answering) socket.pause()
    },
    thaw: () => {
      isFrozen = false
      for (const socket of sockets) socket.resume()
    },
    cut: () => {
      for (const socket of sockets) socket.resetAndDestroy()
    },
    close: () => listener.close(),
  }
}

/** Reads what a client says: a type byte and a length before each message, but no type before the first. */
function messageReader(heard: (type: string, content: Buffer) => void): (chunk: Buffer) => void {
  let pending = Buffer.alloc(0)
  let hasStarted = false
  return (chunk) => {
    pending = Buffer.concat([pending, chunk])
    for (;;) {
      const header = hasStarted ? 1 : 0
      if (pending.length < header + 4) return
      const length = header + pending.readUInt32BE(header)
      if (pending.length < length) return
      heard(hasStarted ? pending.toString('latin1', 0, 1) : 'start', pending.subarray(header + 4, length))
      hasStarted = true
      pending = pending.subarray(length)
    }
  }
}
