import { createServer, type AddressInfo, type Server } from 'node:net'

/** Listens and tells where. Rejects where the address cannot be had. */
export async function listenOn(server: Server, host: string, port: number, scheme = 'http'): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const { address, family, port: bound } = server.address() as AddressInfo
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${bound}`
}

/** A port that was free just now. */
export async function freePort(host: string): Promise<number> {
  const server = createServer()
  const url = await listenOn(server, host, 0)
  await new Promise((resolve) => server.close(resolve))
  return Number(new URL(url).port)
}
