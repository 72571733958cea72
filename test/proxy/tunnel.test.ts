import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { createTokenFilter } from '../../src/proxy/token-filter.ts'
import { openTunnel } from '../../src/proxy/tunnel.ts'
import type { TunnelHandle, TunnelOptions, TunnelOutcome } from '../../src/proxy/tunnel-options.ts'
import { RawClient, listen, rawUpstream, scriptedUpstream } from './loopback.ts'

interface TunnelGateway {
  readonly port: number
  readonly tunnels: TunnelHandle[]
  readonly sockets: Duplex[]
  readonly outcomes: TunnelOutcome[]
  ended(): Promise<TunnelOutcome>
}

async function tunnelTo(upstreamPort: number, more: Partial<TunnelOptions> = {}): Promise<TunnelGateway> {
  const tunnels: TunnelHandle[] = []
  const sockets: Duplex[] = []
  const outcomes: TunnelOutcome[] = []
  let wake = () => {}
  const server = createServer((_req, res) => res.end('not upgraded'))
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    sockets.push(socket)
    tunnels.push(
      openTunnel({
        req,
        socket,
        head,
        target: new URL(`http://127.0.0.1:${upstreamPort}`),
        path: req.url ?? '/',
        headers: ['Authorization', 'Bearer secret', 'Sec-WebSocket-Key', 'not this one'],
        responseHeaders: (_status, raw) => raw.map(String),
        timeoutMs: 2_000,
        idleTimeoutMs: 5_000,
        onOpen() {},
        onFailure: (failure, reason) =>
          socket.end(`HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n${failure} ${reason ?? ''}`),
        onEnd(outcome) {
          outcomes.push(outcome)
          wake()
        },
        ...more,
      }),
    )
  })
  return {
    port: await listen(server),
    tunnels,
    sockets,
    outcomes,
    async ended() {
      while (outcomes.length === 0) await new Promise<void>((resolve) => (wake = resolve))
      const [outcome] = outcomes
      if (outcome === undefined) throw new Error('no outcome')
      return outcome
    },
  }
}

/** Echoes messages; remembers the requests. */
async function echo(requests: IncomingMessage[] = []): Promise<number> {
  const server = createServer()
  const webSockets = new WebSocketServer({ server, perMessageDeflate: true, handleProtocols: () => 'chat' })
  webSockets.on('connection', (webSocket, req) => {
    requests.push(req)
    webSocket.on('error', () => {})
    webSocket.on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }))
  })
  return await listen(server)
}

async function opened(port: number): Promise<WebSocket> {
  const webSocket = new WebSocket(`ws://127.0.0.1:${port}/room?x=1`, ['chat'])
  webSocket.on('error', () => {})
  await new Promise((resolve, reject) => {
    webSocket.on('open', resolve)
    webSocket.on('error', reject)
  })
  return webSocket
}

async function closeOf(webSocket: WebSocket): Promise<{ code: number; reason: string }> {
  return await new Promise((resolve) => webSocket.on('close', (code, reason) => resolve({ code, reason: reason.toString() })))
}

const handshake =
  'GET /room HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
const accepted =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n'

describe('a WebSocket', () => {
  it('passes messages of all sizes both ways, and its close', async () => {
    const requests: IncomingMessage[] = []
    const gateway = await tunnelTo(await echo(requests))
    const webSocket = await opened(gateway.port)
    expect(webSocket.protocol).toBe('chat')
    expect(webSocket.extensions).toContain('permessage-deflate')
    for (const size of [0, 1, 200, 70_000, 3_000_000]) {
      const message = Buffer.alloc(size, 'coatcheck')
      const answer = new Promise((resolve) => webSocket.once('message', resolve))
      webSocket.send(message)
      expect(message.equals((await answer) as Buffer)).toBe(true)
    }
    expect(requests[0]?.url).toBe('/room?x=1')
    expect(requests[0]?.headers.authorization).toBe('Bearer secret')
    const closing = closeOf(webSocket)
    webSocket.close(4001, 'bye')
    expect(await closing).toEqual({ code: 4001, reason: 'bye' })
    expect(await gateway.ended()).toMatchObject({ status: 101, failure: undefined })
  })

  it('is closed with a code when the gateway wants it', async () => {
    const gateway = await tunnelTo(await echo())
    const webSocket = await opened(gateway.port)
    const closing = closeOf(webSocket)
    gateway.tunnels[0]?.close(1008, 'session ended')
    expect(await closing).toEqual({ code: 1008, reason: 'session ended' })
    expect(await gateway.ended()).toMatchObject({ failure: 'aborted', reason: 'session ended' })
  })

  it('in the middle of a frame is cut instead', async () => {
    let upstreamSocket: Socket | undefined
    const upstream = await rawUpstream((socket) => {
      upstreamSocket = socket
      socket.once('data', () => socket.write(Buffer.concat([Buffer.from(accepted), Buffer.from([0x82, 100, 1, 2, 3])])))
    })
    const gateway = await tunnelTo(upstream)
    const client = new RawClient(gateway.port)
    client.send(handshake)
    await client.until(() => client.received.includes(Buffer.from([0x82, 100, 1, 2, 3])))
    gateway.tunnels[0]?.close(1008, 'x')
    await client.closed()
    expect(client.received.subarray(-5)).toEqual(Buffer.from([0x82, 100, 1, 2, 3]))
    if (upstreamSocket !== undefined && !upstreamSocket.closed)
      await new Promise((resolve) => upstreamSocket?.once('close', resolve))
  })

  it('in which nothing moves ends', async () => {
    const gateway = await tunnelTo(await echo(), { idleTimeoutMs: 100 })
    const webSocket = await opened(gateway.port)
    expect((await closeOf(webSocket)).code).toBe(1006)
    expect(await gateway.ended()).toMatchObject({ failure: 'timeout', reason: 'idle' })
  })

  it('holds the sender back while the reader is slow', async () => {
    let sent = 0
    const upstream = await rawUpstream((socket) => {
      socket.once('data', () => {
        socket.write(accepted)
        const frame = Buffer.concat([Buffer.from([0x82, 126, 0xff, 0xff]), Buffer.alloc(65_535)])
        const next = () => {
          while (!socket.destroyed && socket.write(frame)) sent += frame.length
          if (!socket.destroyed) socket.once('drain', next)
        }
        next()
      })
    })
    const gateway = await tunnelTo(upstream)
    const client = new RawClient(gateway.port)
    client.socket.pause()
    client.send(handshake)
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(gateway.sockets[0]?.writableLength ?? 0).toBeLessThan(1 << 20)
    const before = sent
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(sent).toBe(before)
    client.socket.destroy()
    await gateway.ended()
  })

  it('ends on both sides when either is reset', async () => {
    const upstreamSockets: Socket[] = []
    const upstream = await rawUpstream((socket) => {
      upstreamSockets.push(socket)
      socket.once('data', () => socket.write(accepted))
    })
    const gateway = await tunnelTo(upstream)
    for (const who of ['client', 'upstream']) {
      const client = new RawClient(gateway.port)
      client.send(handshake)
      await client.until(() => client.text.includes('101'))
      const upstreamSocket = upstreamSockets.at(-1)
      if (who === 'client') client.socket.resetAndDestroy()
      else upstreamSocket?.resetAndDestroy()
      await client.closed()
      while (upstreamSocket?.destroyed === false) await new Promise((resolve) => setTimeout(resolve, 5))
    }
  })
})

describe('before the upstream agreed', () => {
  it('bytes behind the head are held, and never become a request', async () => {
    let agree: (() => void) | undefined
    let received = ''
    const upstream = await rawUpstream((socket) => {
      socket.on('data', (chunk) => (received += chunk.toString('latin1')))
      agree = () => socket.write(accepted)
    })
    const gateway = await tunnelTo(upstream)
    const client = new RawClient(gateway.port)
    const early = 'GET /admin HTTP/1.1\r\nHost: x\r\n\r\n'
    client.send(handshake + early)
    while (!received.includes('\r\n\r\n')) await new Promise((resolve) => setTimeout(resolve, 5))
    client.send('and more')
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(received.endsWith('\r\n\r\n')).toBe(true)
    expect(received).not.toContain('/admin')
    agree?.()
    while (!received.includes('and more')) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(received.endsWith(`${early}and more`)).toBe(true)
  })

  it('a refusal is passed on and the connection closed', async () => {
    const refusal = 'HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n'
    const gateway = await tunnelTo(await scriptedUpstream(refusal))
    const client = new RawClient(gateway.port)
    client.send(`${handshake}GET /admin HTTP/1.1\r\nHost: x\r\n\r\n`)
    await client.closed()
    expect(client.text).toMatch(
      /^HTTP\/1\.1 403 Forbidden\r\nContent-Type: text\/plain\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno$/,
    )
    expect(await gateway.ended()).toMatchObject({ status: 403, failure: undefined })
  })

  it.each([
    ['a wrong proof', accepted.replace('s3pPLM', 'XXXXXX'), 'bad_response websocket_accept'],
    [
      'a protocol nobody asked for',
      accepted.replace('Upgrade: websocket', 'Sec-WebSocket-Protocol: x\r\nUpgrade: websocket'),
      'bad_response websocket_protocol',
    ],
    ['another protocol', accepted.replace('websocket', 'h2c'), 'bad_response upgrade'],
    ['junk', 'JUNK JUNK\r\n\r\n', 'bad_response HPE_INVALID_CONSTANT'],
  ])('%s is a failure', async (_what, answer, failure) => {
    const gateway = await tunnelTo(await scriptedUpstream(answer))
    const client = new RawClient(gateway.port)
    client.send(handshake)
    await client.closed()
    expect(client.text).toMatch(/^HTTP\/1\.1 502 /)
    expect(client.text).toContain(failure)
  })

  it('a reset, a silence, a leaving client, a bad key and a bad request are failures', async () => {
    const resetting = await tunnelTo(await rawUpstream((socket) => socket.once('data', () => socket.resetAndDestroy())))
    const silent = await tunnelTo(await rawUpstream(() => {}), { timeoutMs: 80 })
    const invalid = await tunnelTo(await echo(), { path: '/a b' })
    for (const [gateway, failure] of [
      [resetting, 'unreachable ECONNRESET'],
      [silent, 'timeout headers'],
      [invalid, 'unreachable invalid_request'],
    ] as const) {
      const client = new RawClient(gateway.port)
      client.send(handshake)
      await client.closed()
      expect(client.text).toContain(failure)
    }
    const badKey = await tunnelTo(await echo())
    const client = new RawClient(badKey.port)
    client.send(handshake.replace('dGhl', 'dG'))
    await client.closed()
    expect(client.text).toContain('bad_request websocket_key')
    for (const isReset of [true, false]) {
      const waiting = await tunnelTo(await rawUpstream(() => {}))
      const leaving = new RawClient(waiting.port)
      leaving.send(handshake)
      while (waiting.tunnels.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
      if (isReset) leaving.socket.resetAndDestroy()
      else leaving.socket.end()
      expect(await waiting.ended()).toMatchObject({ failure: 'client_left' })
    }
  })

  it('a token in the head or in a refusal stops it', async () => {
    const token = 'a-token-of-the-session-0123456789'
    const filter = createTokenFilter([token])
    for (const answer of [
      accepted.replace('Upgrade: websocket', `X-Debug: ${token}\r\nUpgrade: websocket`),
      `HTTP/1.1 403 Forbidden\r\nContent-Length: ${token.length}\r\n\r\n${token}`,
    ]) {
      const gateway = await tunnelTo(await scriptedUpstream(answer), { filter })
      const client = new RawClient(gateway.port)
      client.send(handshake)
      await client.closed()
      expect(client.text).toContain('token_in_response')
      expect(client.text).not.toContain(token)
    }
  })
})
