import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import { Socket } from 'node:net'

/** How long, and for how many bytes, a client that still uploads is listened to after its answer. */
const lingerMs = 2_000
const lingerBytes = 4 << 20

/**
 * Makes the close after an early answer a lingering one (RFC 9112, section 9.6). A connection closed with unread bytes
 * is reset, and a reset can destroy the answer before the client has read it. So the rest of the upload is read and
 * dropped for a while. It no longer reaches the HTTP parser: nothing in it can become a request.
 *
 * Call it before an answer with `Connection: close` is ended while the request's body is still on its way.
 */
export function lingerAfterAnswer(req: IncomingMessage): void {
  if (req.httpVersionMajor > 1) {
    stopUploadAfterAnswer(req)
    return
  }
  const { socket } = req
  // Node's server calls destroySoon on the connection once an answer with `Connection: close` is sent.
  socket.destroySoon = () => {
    if (req.complete || socket.destroyed) Socket.prototype.destroySoon.call(socket)
    else closeLingering(socket)
  }
}

/** Over HTTP/2 the connection stays: a reset without an error asks for no more of the body (RFC 9113, section 8.1). */
function stopUploadAfterAnswer(req: object): void {
  const { stream } = req as Http2ServerRequest
  stream.once('finish', () => stream.close())
}

function closeLingering(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), lingerMs)
  socket.once('close', () => clearTimeout(timer))
  socket.end()
  // Only Node's server can make its own connection read again, and it no longer does once the parser is cut off.
  if (socket.isPaused()) {
    socket.once('resume', () => dropIncoming(socket))
    socket.resume()
  } else dropIncoming(socket)
}

function dropIncoming(socket: Socket): void {
  let bytesLeft = lingerBytes
  socket.removeAllListeners('data')
  socket.on('data', (chunk: Buffer) => {
    bytesLeft -= chunk.length
    if (bytesLeft < 0) socket.destroy()
  })
  socket.on('end', () => socket.destroy())
}
