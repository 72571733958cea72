import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Logger } from '../log.ts'

/** The head of an answer to a request that was not read: no script can get anything out of it. */
export const unreadableHead: Readonly<Record<string, string>> = {
  'Content-Length': '0',
  'Cache-Control': 'no-store',
  'Content-Security-Policy': 'sandbox',
  'Referrer-Policy': 'no-referrer',
}

/**
 * What Node's parser refuses has no path yet, so the answer is the one that is safe under every path: no body that a
 * script could read (contract, section 3), and the connection ends.
 */
export function answerUnparsable(error: Error & { code?: string }, socket: Duplex, log: Logger): void {
  const { bytesWritten, remoteAddress } = socket as Socket
  if (error.code !== 'ECONNRESET')
    log.warn({ event: 'unreadable_request', reason: error.code, peerAddress: remoteAddress }, 'request unreadable')
  if (error.code === 'ECONNRESET' || !socket.writable || (bytesWritten > 0 && error.code !== 'HPE_HEADER_OVERFLOW')) {
    socket.destroy()
    return
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request'
  const head = ['Connection: close', ...Object.entries(unreadableHead).map(([name, value]) => `${name}: ${value}`)]
  socket.end(`HTTP/1.1 ${status}\r\n${head.join('\r\n')}\r\n\r\n`)
  // Without this, a client that never ends its own side would keep the connection for good.
  const timer = setTimeout(() => socket.destroy(), 2_000).unref()
  socket.once('close', () => clearTimeout(timer))
}
