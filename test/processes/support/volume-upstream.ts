import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { listenOnLoopback } from '../../support/loopback.ts'

/** What large bodies are made of, again and again. */
export const block = Buffer.alloc(1_000_000, 'The quick brown fox jumps over the lazy dog. ')

export interface VolumeUpstream {
  readonly url: string
  /** Body bytes given to the connections of `/source` so far. */
  sentBytes(): number
  /** Server-sent event streams that are open now. */
  readonly streams: ReadonlySet<ServerResponse>
  /** WebSockets that are open now. */
  readonly webSockets: ReadonlySet<Socket>
  close(): Promise<void>
}

/**
 * An upstream for volume, which keeps nothing: `/sink` counts the bytes it gets, `/source?blocks=N` sends so many,
 * `/events` is a stream and anything with `Upgrade` a WebSocket, both of which stay open and silent after a greeting.
 */
export async function startVolumeUpstream(): Promise<VolumeUpstream> {
  const streams = new Set<ServerResponse>()
  const webSockets = new Set<Socket>()
  let sentBytes = 0
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://upstream')
    if (pathname === '/sink') count(request, response)
    else if (pathname === '/source') send(response, Number(searchParams.get('blocks')), () => (sentBytes += block.length))
    else if (pathname === '/events') {
      streams.add(response)
      response.on('close', () => streams.delete(response))
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: hello\n\n')
    } else response.end('hello')
  })
  server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
    const accept = createHash('sha1').update(key).digest('base64')
    webSockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => webSockets.delete(socket))
    // Node's server leaves half-open what it has handed over.
    socket.on('end', () => socket.end())
    socket.resume()
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    )
    // A text frame (RFC 6455 section 5.2).
    socket.write(Buffer.concat([Buffer.from([0x81, 5]), Buffer.from('hello')]))
  })
  const listener = await listenOnLoopback(server)
  return {
    url: `http://127.0.0.1:${listener.port}`,
    sentBytes: () => sentBytes,
    streams,
    webSockets,
    close: () => listener.close(),
  }
}

function count(request: IncomingMessage, response: ServerResponse): void {
  let bytes = 0
  request.on('data', (chunk: Buffer) => (bytes += chunk.length))
  request.on('end', () => response.setHeader('content-type', 'application/json').end(JSON.stringify({ bytes })))
}

function send(response: ServerResponse, blocks: number, onSent: () => void): void {
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': blocks * block.length })
  let left = blocks
  const go = () => {
    while (left > 0) {
      left -= 1
      onSent()
      if (!response.write(block)) return void response.once('drain', go)
    }
    response.end()
  }
  go()
}
