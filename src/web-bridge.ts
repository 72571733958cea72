import type { IncomingMessage, ServerResponse } from 'node:http'
import { BffError } from './errors.ts'
import { writeHead } from './write-head.ts'

/** Larger bodies of Coatcheck's own endpoints are refused: a logout token or a form is far smaller. */
const mostBodyBytes = 64 * 1024

/**
 * A body that somebody else has read, a body parser of the host as a rule, cannot be passed on. An empty one in its place, or
 * waiting for it, would be worse than an error. Its words go to the client: whoever meets it is the host's developer.
 */
export function bodyWasRead(): BffError {
  const detail = 'The request body was read before Coatcheck saw the request: mount Coatcheck ahead of every body parser'
  return new BffError('internal_error', { detail })
}

/** A Node request as a web `Request` on our own origin. Throws `content_too_large` for a body over 64 KB. */
export async function toRequest(req: IncomingMessage, res: ServerResponse, url: URL): Promise<Request> {
  const headers = new Headers()
  const raw = req.rawHeaders
  for (let i = 0; i + 1 < raw.length; i += 2) headers.append(raw[i] ?? '', raw[i + 1] ?? '')
  const method = req.method ?? 'GET'
  if (method === 'GET' || method === 'HEAD') return new Request(url, { method, headers })
  return new Request(url, { method, headers, body: await readBody(req, res) })
}

/** Sends a web `Response`: a small one whole, an event stream as it comes, for as long as the client listens. */
export async function sendResponse(res: ServerResponse, response: Response): Promise<void> {
  const flat: string[] = []
  for (const [name, value] of response.headers) flat.push(name, value)
  if (response.headers.get('content-type') === 'text/event-stream' && response.body !== null) {
    writeHead(res, response.status, flat)
    res.flushHeaders()
    return pump(res, response.body)
  }
  const body = Buffer.from(await response.arrayBuffer())
  if (response.status !== 204 && response.status !== 304) flat.push('content-length', String(body.length))
  writeHead(res, response.status, flat)
  res.end(body)
}

async function pump(res: ServerResponse, body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader()
  res.on('close', () => void reader.cancel().catch(() => undefined))
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    if (!res.write(value) && !res.destroyed)
      await new Promise<void>((resolve) => res.once('drain', resolve).once('close', resolve))
  }
  res.end()
}

function readBody(req: IncomingMessage, res: ServerResponse): Promise<Buffer<ArrayBuffer>> {
  const tooLarge = new BffError('content_too_large', { detail: `more than ${mostBodyBytes} bytes` })
  if (Number(req.headers['content-length'] ?? 0) > mostBodyBytes) return Promise.reject(tooLarge)
  if (req.readableEnded) return Promise.resolve(Buffer.alloc(0))
  if (req.headers.expect !== undefined) res.writeContinue()
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= mostBodyBytes) chunks.push(chunk)
      else {
        req.removeAllListeners('data')
        req.pause()
        reject(tooLarge)
      }
    })
    req.on('end', () => resolve(Buffer.concat(chunks)))
    // Nothing is wrong here when a client breaks off, and strangers must not be able to fill the log with errors.
    req.on('error', (cause) => reject(new BffError('bad_request', { reason: 'the client left', cause })))
    req.on('close', () => reject(new BffError('bad_request', { reason: 'the client left' })))
  })
}
