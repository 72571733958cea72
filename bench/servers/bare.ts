import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Pool, type Dispatcher } from 'undici'

/**
 * The base that everything is measured against: the least a proxy on Node's own server and undici can do, without any
 * session, guard, log or limit. PORT and UPSTREAM (an origin) come from the environment. With BEARER (a token) it also
 * sends the header fields that a BFF has to, both ways, each a constant: what these cost by themselves.
 */
const bearer = process.env['BEARER'] ?? ''
const requestFields = {
  forwarded: 'for=127.0.0.1;host="127.0.0.1:8080";proto=http',
  'x-forwarded-for': '127.0.0.1',
  'x-forwarded-host': '127.0.0.1:8080',
  'x-forwarded-proto': 'http',
  'x-request-id': '6f1f9c1c-8b1e-4b1a-9d5c-3f0b8c1d2e3f',
  via: '1.1 bare',
  authorization: `Bearer ${bearer}`,
}
const responseFields = {
  'cache-control': 'private, no-store',
  vary: 'Cookie',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'x-request-id': '6f1f9c1c-8b1e-4b1a-9d5c-3f0b8c1d2e3f',
}
const addedToRequest = bearer === '' ? [] : Object.entries(requestFields).flat()
const addedToResponse = bearer === '' ? [] : Object.entries(responseFields).flat()
const pool = new Pool(process.env['UPSTREAM'] ?? '', {
  connections: 64,
  pipelining: 1,
  keepAliveTimeout: 600_000,
  keepAliveMaxTimeout: 600_000,
})
const droppedFromRequest = new Set([
  'connection',
  'keep-alive',
  'te',
  'host',
  'cookie',
  'expect',
  'trailer',
  'upgrade',
  'transfer-encoding',
  'content-length',
])
const droppedFromResponse = new Set(['connection', 'keep-alive', 'trailer', 'upgrade', 'transfer-encoding'])
const smallBytes = 16_384
const lowerCased = new Map<string, string>()

/** The names of headers repeat: lower-casing one is a look-up. */
function lower(name: string): string {
  let known = lowerCased.get(name)
  if (known === undefined) {
    known = name.toLowerCase()
    lowerCased.set(name, known)
  }
  return known
}

class Reply implements Dispatcher.DispatchHandler {
  readonly #res: ServerResponse
  #controller: Dispatcher.DispatchController | undefined
  #status = 0
  #headers: string[] = []
  #bytesLeft = -1
  #isOver = false

  constructor(res: ServerResponse) {
    this.#res = res
    res.on('close', () => {
      if (!this.#isOver && !res.writableFinished) this.#controller?.abort(new Error('the client left'))
    })
    res.on('drain', () => this.#controller?.resume())
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200) return
    this.#status = status
    const raw = (controller.rawHeaders ?? []) as readonly (Buffer | string)[]
    for (let at = 0; at < raw.length; at += 2) {
      const [name, value] = [String(raw[at]), String(raw[at + 1])]
      const key = lower(name)
      if (key === 'content-length') this.#bytesLeft = Number(value)
      if (!droppedFromResponse.has(key)) this.#headers.push(name, value)
    }
    this.#headers.push(...addedToResponse)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#res.headersSent) {
      this.#res.writeHead(this.#status, this.#headers)
      if (chunk.length === this.#bytesLeft && chunk.length <= smallBytes) {
        this.#res.end(chunk)
        return
      }
    }
    if (!this.#res.write(chunk)) controller.pause()
  }

  onResponseEnd(): void {
    this.#isOver = true
    if (!this.#res.headersSent) this.#res.writeHead(this.#status, this.#headers)
    if (!this.#res.writableEnded) this.#res.end()
  }

  onResponseError(): void {
    this.#isOver = true
    if (this.#res.headersSent) this.#res.destroy()
    else this.#res.writeHead(502).end()
  }
}

function forward(req: IncomingMessage, res: ServerResponse): void {
  const headers: string[] = []
  for (let at = 0; at < req.rawHeaders.length; at += 2) {
    const name = req.rawHeaders[at] ?? ''
    if (!droppedFromRequest.has(lower(name))) headers.push(name, req.rawHeaders[at + 1] ?? '')
  }
  headers.push(...addedToRequest)
  const length = req.headers['content-length']
  const send = (body: Buffer | IncomingMessage | null): void => {
    if (body === req && length !== undefined) headers.push('content-length', length)
    const method = req.method ?? 'GET'
    pool.dispatch({ path: req.url ?? '/', method, headers, body }, new Reply(res))
  }
  if (length === undefined && req.headers['transfer-encoding'] === undefined) send(null)
  else if (length === undefined || Number(length) > smallBytes) send(req)
  else {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => send(chunks.length === 1 ? (chunks[0] ?? null) : Buffer.concat(chunks)))
  }
}

const server = createServer({ noDelay: true, keepAliveTimeout: 600_000 }, forward)
server.listen(Number(process.env['PORT']), '127.0.0.1', 4096)
