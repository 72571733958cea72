import { afterEach, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import type { RawConnection } from '../support/raw-client.ts'
import { deploy, pageRequest } from './support/deployment.ts'
import { inTime } from './support/in-time.ts'
import { download, stall, upload } from './support/transfer.ts'
import { block, startVolumeUpstream, type VolumeUpstream } from './support/volume-upstream.ts'

let volume: VolumeUpstream | undefined
afterEach(() => volume?.close())

async function deployVolume(processes: number) {
  volume = await startVolumeUpstream()
  const { url } = volume
  const deployment = await deploy({ processes, routes: () => [{ path: '/api/', upstream: `${url}/` }] })
  const user = await deployment.user('ada')
  const token = String((await user.session())['csrfToken'])
  return { deployment, user, token, upstream: volume }
}

const blocks = 1_000
const mostGrowthBytes = 100e6
const megabytes = (bytes: number) => Math.round(bytes / 1e6)

test.runIf(process.platform === 'linux')('1 GB up and 1 GB down in flat memory', async ({ annotate }) => {
  const { deployment, user, token } = await deployVolume(1)
  const { process: gateway, port } = deployment.node()
  const up = (count: number) =>
    pageRequest(user, 'POST', '/api/sink', [
      'Origin: https://app.test',
      `X-CSRF-Token: ${token}`,
      'Connection: close',
      `Content-Length: ${count * block.length}`,
    ])
  const down = (count: number) => pageRequest(user, 'GET', `/api/source?blocks=${count}`, ['Connection: close'])
  // What the process needs to work at all, compiled code and V8's young generation, is there before growth is measured.
  await inTime(upload(port, up(64), 64), '64 MB up', 20_000)
  await inTime(download(port, down(64)), '64 MB down', 20_000)
  const beforeBytes = gateway.residentBytes

  gateway.forgetPeak()
  let startedMs = performance.now()
  const answer = await inTime(upload(port, up(blocks), blocks), '1 GB up', 20_000)
  const upMs = performance.now() - startedMs
  expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  expect(answer).toContain(JSON.stringify({ bytes: blocks * block.length }))
  const upBytes = gateway.peakBytes

  gateway.forgetPeak()
  startedMs = performance.now()
  const received = await inTime(download(port, down(blocks)), '1 GB down', 20_000)
  const downMs = performance.now() - startedMs
  expect(received).toMatchObject({ head: expect.stringMatching(/^HTTP\/1\.1 200 /), bodyBytes: blocks * block.length })
  const downBytes = gateway.peakBytes

  await annotate(
    `resident ${megabytes(beforeBytes)} MB before; up ${Math.round(upMs)} ms, peak ${megabytes(upBytes)} MB; ` +
      `down ${Math.round(downMs)} ms, peak ${megabytes(downBytes)} MB`,
  )
  expect(upBytes - beforeBytes, 'growth by the upload, bytes').toBeLessThan(mostGrowthBytes)
  expect(downBytes - beforeBytes, 'growth by the download, bytes').toBeLessThan(mostGrowthBytes)
  expect(upMs + downMs, 'milliseconds for both').toBeLessThan(20_000)
})

test.runIf(process.platform === 'linux')(
  'clients that do not read hold the upstream back, not the memory',
  async ({ annotate }) => {
    const { deployment, user, upstream } = await deployVolume(1)
    const { process: gateway, port } = deployment.node()
    const beforeBytes = gateway.residentBytes
    gateway.forgetPeak()
    const stalled = await Promise.all(
      Array.from({ length: 10 }, () => stall(port, pageRequest(user, 'GET', '/api/source?blocks=100'))),
    )
    let sentBytes = -1
    while (sentBytes !== upstream.sentBytes()) {
      sentBytes = upstream.sentBytes()
      for (let call = 0; call < 50; call += 1) expect((await user.fetch('/api/hello')).status).toBe(200)
    }
    await annotate(`the upstream got rid of ${megabytes(sentBytes)} MB; peak +${megabytes(gateway.peakBytes - beforeBytes)} MB`)
    expect(sentBytes, 'bytes sent of 1 GB').toBeLessThan(200e6)
    expect(gateway.peakBytes - beforeBytes, 'growth, bytes').toBeLessThan(mostGrowthBytes)
    for (const end of stalled) end()
  },
)

const held = 1_000
/** The gateway looks twice a second whether sessions with something open are still there. */
const mostEndingMs = 2_000

test('1,000 event streams and 1,000 WebSockets at once, ended by a logout on the other process', async ({ annotate }) => {
  const { deployment, user, upstream } = await deployVolume(2)
  const other = await deployment.user('grace')
  const { process: gateway } = deployment.node()
  const beforeBytes = gateway.residentBytes
  const startedMs = performance.now()
  const eventStreams = await openMany(held, () => openStream(deployment, pageRequest(user, 'GET', '/api/events'), 'data: hello'))
  const webSockets = await openMany(held, () =>
    openStream(deployment, pageRequest(user, 'GET', '/api/socket', handshake), '\x81\x05hello'),
  )
  const openMs = performance.now() - startedMs
  expect(upstream.streams.size).toBe(held)
  expect(upstream.webSockets.size).toBe(held)
  const bystanders = [
    await openStream(deployment, pageRequest(other, 'GET', '/api/events'), 'data: hello'),
    await openStream(deployment, pageRequest(other, 'GET', '/api/socket', handshake), '\x81\x05hello'),
  ]
  expect((await other.fetch('/api/hello')).status).toBe(200)
  const heldBytes = gateway.residentBytes

  const away = deployment.browser({ node: 1, copyOf: user })
  expect((await away.fetch('/bff/logout', { method: 'POST', csrf: true })).status).toBe(200)
  const loggedOutMs = performance.now()
  await inTime(Promise.all([...eventStreams, ...webSockets].map(({ closed }) => closed)), 'the end of everything held')
  const endingMs = performance.now() - loggedOutMs
  // RFC 6455 section 7.4.1: 1008, policy violation.
  for (const webSocket of webSockets) expect(webSocket.received().includes(Buffer.from([0x03, 0xf0]))).toBe(true)
  await eventually(() => expect([upstream.streams.size, upstream.webSockets.size]).toEqual([1, 1]))
  expect((await other.fetch('/api/hello')).status).toBe(200)
  await annotate(
    `opened in ${Math.round(openMs)} ms, resident ${megabytes(beforeBytes)} -> ${megabytes(heldBytes)} MB; ` +
      `ended ${Math.round(endingMs)} ms after the logout on the other process`,
  )
  expect(endingMs, 'milliseconds from the logout to the end of the last').toBeLessThan(mostEndingMs)
  for (const bystander of bystanders) bystander.reset()
})

const handshake = [
  'Origin: https://app.test',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]

async function openStream(
  deployment: Awaited<ReturnType<typeof deploy>>,
  request: string,
  greeting: string,
): Promise<RawConnection> {
  const connection = await deployment.connect()
  connection.send(request)
  const wanted = Buffer.from(greeting, 'latin1')
  for (let seen = 0; !connection.rest().includes(wanted);) {
    const bytes = await connection.bytes(seen + 1)
    if (bytes.length <= seen) throw new Error(`ended before the greeting: ${bytes.toString('latin1')}`)
    seen = bytes.length
  }
  return connection
}

/** In portions that a listening queue holds. */
async function openMany<T>(count: number, make: () => Promise<T>): Promise<T[]> {
  const all: T[] = []
  while (all.length < count) all.push(...(await Promise.all(Array.from({ length: Math.min(100, count - all.length) }, make))))
  return all
}
