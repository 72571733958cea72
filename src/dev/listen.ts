import { createServer } from 'node:net'
import type { Server } from 'node:net'

/** The only address anything of `coatcheck dev` listens on. */
export const loopbackAddress = '127.0.0.1'

/**
 * Listens on loopback and gives the port, which is a free one for port 0.
 *
 * @throws {Error} that says what to do, where the port is taken.
 */
export async function listenOnLoopback(server: Server, port: number, what: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(`Port ${port}, which ${what} needs, is taken. Stop what runs there, or choose another port.`, {
              cause: error,
            })
          : error,
      )
    }
    server.once('error', failed)
    server.listen(port, loopbackAddress, () => {
      server.off('error', failed)
      resolve()
    })
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error(`${what} has no port`)
  return address.port
}

/** A port that is free at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listenOnLoopback(server, 0, 'the search for a free port')
  await new Promise((resolve) => server.close(resolve))
  return port
}
