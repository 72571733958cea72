import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** What of a request decides whether it may become a WebSocket. */
export interface HandshakeRequest {
  readonly method?: string | undefined
  readonly httpVersion: string
  readonly headers: IncomingHttpHeaders
}

/** RFC 6455, section 4.2.1: why a request is not a WebSocket handshake; undefined where it is one. */
export function handshakeProblem({ method, httpVersion, headers }: HandshakeRequest): string | undefined {
  if (method !== 'GET' || httpVersion !== '1.1') return 'method_or_version'
  if (headers.upgrade?.toLowerCase() !== 'websocket' || !hasToken(headers.connection, 'upgrade')) return 'upgrade'
  if (headers['sec-websocket-version'] !== '13') return 'websocket_version'
  // 16 bytes in base64, and nothing that another reader could take differently.
  if (!/^[A-Za-z0-9+/]{21}[AQgw]==$/.test(headers['sec-websocket-key'] ?? '')) return 'websocket_key'
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) return 'body'
  return undefined
}

/** RFC 6455, section 4.1: why a 101 does not answer this handshake; undefined where it does. */
export function acceptanceProblem(request: IncomingHttpHeaders, response: IncomingHttpHeaders): string | undefined {
  if (response.upgrade?.toLowerCase() !== 'websocket' || !hasToken(response.connection, 'upgrade')) return 'upgrade'
  const expected = createHash('sha1')
    .update(`${request['sec-websocket-key'] ?? ''}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64')
  if (response['sec-websocket-accept'] !== expected) return 'websocket_accept'
  const protocol = response['sec-websocket-protocol']
  if (protocol !== undefined && !hasToken(request['sec-websocket-protocol'], protocol.toLowerCase())) return 'websocket_protocol'
  if (response['sec-websocket-extensions'] !== undefined && request['sec-websocket-extensions'] === undefined)
    return 'websocket_extensions'
  return undefined
}

function hasToken(list: string | undefined, lowerCaseToken: string): boolean {
  return list !== undefined && list.split(',').some((item) => item.trim().toLowerCase() === lowerCaseToken)
}

/** A Close frame as a server sends it (RFC 6455, section 5.5.1). The reason is cut to 123 bytes. */
export function closeFrame(code: number, reason: string): Buffer {
  let bytes = Buffer.from(reason)
  while (bytes.length > 123) bytes = Buffer.from(bytes.toString().slice(0, -1))
  return Buffer.concat([Buffer.from([0x88, bytes.length + 2, code >> 8, code & 0xff]), bytes])
}

/** Follows the frames in one direction of a WebSocket, without reading them, to know where a frame may be put between. */
export class FrameBoundary {
  #header: number[] = []
  #payloadLeft = 0

  /** Whether all frames so far are complete. */
  get isBetweenFrames(): boolean {
    return this.#header.length === 0 && this.#payloadLeft === 0
  }

  /** False where a frame claims a length that no frame has; then nothing can be told any more. */
  push(chunk: Buffer): boolean {
    let at = 0
    while (at < chunk.length) {
      if (this.#payloadLeft > 0) {
        const step = Math.min(this.#payloadLeft, chunk.length - at)
        this.#payloadLeft -= step
        at += step
        continue
      }
      this.#header.push(chunk[at++] ?? 0)
      if (this.#header.length < headerLength(this.#header)) continue
      this.#payloadLeft = payloadLength(this.#header)
      this.#header = []
      if (!Number.isSafeInteger(this.#payloadLeft)) return false
    }
    return true
  }
}

function headerLength(header: readonly number[]): number {
  const second = header[1]
  if (second === undefined) return 2
  const short = second & 0x7f
  return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (second >= 0x80 ? 4 : 0)
}

function payloadLength(header: readonly number[]): number {
  const short = (header[1] ?? 0) & 0x7f
  if (short < 126) return short
  return header.slice(2, short === 126 ? 4 : 10).reduce((length, byte) => length * 256 + byte, 0)
}
