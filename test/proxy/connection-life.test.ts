import dns from 'node:dns'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished, vi } from 'vitest'
import { makeCertificate } from './certificates.ts'
import { gatewayTo, httpUpstream, listen, RawClient, rawGet } from './loopback.ts'

const lifeMs = 300
const pastLife = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, lifeMs + 100))

it('a connection gets no calls after its life, and one that is on it goes on', async () => {
  const ports: (number | undefined)[] = []
  let stream: ServerResponse | undefined
  const upstream = await httpUpstream((req: IncomingMessage, res) => {
    ports.push(req.socket.remotePort)
    if (req.url === '/stream') {
      stream = res
      res.write('first')
    } else res.end('ok')
  })
  const gateway = await gatewayTo(upstream, { connectionLifeMs: lifeMs })
  for (let count = 0; count < 3; count += 1) expect((await rawGet(gateway.port)).text).toMatch(/ok$/)
  const client = new RawClient(gateway.port)
  client.send('GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  await client.until(() => client.text.includes('first'))

  await pastLife()
  const old = new Set(ports)
  // The clock of the calls is coarse: the first may still be early.
  await rawGet(gateway.port)
  for (let count = 0; count < 2; count += 1) {
    expect((await rawGet(gateway.port)).text).toMatch(/ok$/)
    expect(old.has(ports.at(-1))).toBe(false)
  }
  stream?.end('-last')
  await client.closed()
  expect(client.text).toContain('-last')
})

it('a name that moved is followed', async () => {
  const servers = ['127.0.0.1', '127.0.0.2'].map((address) => ({
    address,
    server: createServer((_req, res) => res.end(`at ${address}`)),
  }))
  let port = 0
  for (const { address, server } of servers) {
    await new Promise<void>((resolve) => server.listen(port, address, resolve))
    port = (server.address() as AddressInfo).port
    onTestFinished(() => server.closeAllConnections())
    onTestFinished(() => void server.close())
  }
  let address = '127.0.0.1'
  const real = dns.lookup
  const lookup = vi.spyOn(dns, 'lookup').mockImplementation((name: string, ...rest: readonly unknown[]) => {
    const done = rest.at(-1)
    const options = rest.length > 1 ? rest[0] : undefined
    if (name !== 'moving.test' || typeof done !== 'function') Reflect.apply(real, dns, [name, ...rest])
    else if (typeof options === 'object' && options !== null && 'all' in options && options.all === true)
      done(null, [{ address, family: 4 }])
    else done(null, address, 4)
  })
  onTestFinished(() => lookup.mockRestore())
  const gateway = await gatewayTo(port, { host: 'moving.test', connectionLifeMs: lifeMs })
  expect((await rawGet(gateway.port)).text).toContain('at 127.0.0.1')
  address = '127.0.0.2'
  await pastLife()
  await rawGet(gateway.port)
  expect((await rawGet(gateway.port)).text).toContain('at 127.0.0.2')
})

it('a certificate that is no longer good is noticed', async () => {
  const [good, other] = [makeCertificate('good'), makeCertificate('other')]
  const server = createTlsServer(good, (_req, res) => res.end('inside'))
  const gateway = await gatewayTo(await listen(server), { scheme: 'https', ca: good.cert, connectionLifeMs: lifeMs })
  expect((await rawGet(gateway.port)).text).toContain('inside')
  server.setSecureContext(other)
  await pastLife()
  await rawGet(gateway.port)
  expect((await rawGet(gateway.port)).text).toMatch(/^HTTP\/1\.1 502 /)
  server.setSecureContext(good)
  expect((await rawGet(gateway.port)).text).toContain('inside')
})
