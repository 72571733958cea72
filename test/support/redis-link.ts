import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'

interface Pair {
  readonly near: Socket
  readonly far: Socket
  listens: boolean
}

/** The network between one node and Redis, which a test can stop, in silence as a lost cable does. */
export class RedisLink {
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  #frozen = false

  private constructor(server: Server) {
    this.#server = server
  }

  /** A link to a port of this machine. */
  static async to(port: number): Promise<RedisLink> {
    const server = createServer()
    const link = new RedisLink(server)
    server.on('connection', (near: Socket) => link.#join(near, connect(port, '127.0.0.1')))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return link
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Nothing arrives any more, in either direction, and nobody is told. */
  freeze(): void {
    this.#frozen = true
    for (const pair of this.#pairs) stopPair(pair)
  }

  /** The same for the connections alone on which somebody has subscribed until now. */
  freezeSubscriptions(): void {
    for (const pair of this.#pairs) if (pair.listens) stopPair(pair)
  }

  /** What was held back arrives, and all goes on. */
  thaw(): void {
    this.#frozen = false
    for (const { near, far } of this.#pairs) {
      near.resume()
      far.resume()
    }
  }

  async close(): Promise<void> {
    for (const { near, far } of this.#pairs) {
      near.destroy()
      far.destroy()
    }
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #join(near: Socket, far: Socket): void {
    const pair: Pair = { near, far, listens: false }
    this.#pairs.add(pair)
    near.on('data', (chunk: Buffer) => {
      if (/\bsubscribe\b/i.test(chunk.toString('latin1'))) pair.listens = true
      far.write(chunk)
    })
    far.on('data', (chunk: Buffer) => near.write(chunk))
    for (const socket of [near, far]) {
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        near.destroy()
        far.destroy()
        this.#pairs.delete(pair)
      })
    }
    if (this.#frozen) stopPair(pair)
  }
}

function stopPair({ near, far }: Pair): void {
  near.pause()
  far.pause()
}
