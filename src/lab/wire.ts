import { request, type IncomingMessage } from 'node:http'

/** One request and its answer, as they went over the wire. */
export interface Exchange {
  readonly id: number
  readonly title: string
  readonly request: string
  readonly status: number
  readonly response: string
}

export interface Outgoing {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly cookies: readonly string[]
  readonly text: string
}

/**
 * Sends a request to a `*.localhost` host of this machine: the address is always 127.0.0.1, because not every resolver
 * knows these names. It keeps no cookie and follows no redirect.
 */
export function send(url: string, { method = 'GET', headers = {}, body = '' }: Outgoing = {}): Promise<Answer> {
  const { host, hostname, port, pathname, search } = new URL(url)
  if (hostname !== 'localhost' && !hostname.endsWith('.localhost') && hostname !== '127.0.0.1')
    return Promise.reject(new Error(`${hostname} is not on loopback`))
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port, method, path: pathname + search, headers: { ...headers, host }, agent: false },
      (incoming) => {
        const chunks: Buffer[] = []
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('error', reject)
        incoming.on('end', () =>
          resolve({
            status: incoming.statusCode ?? 0,
            headers: Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)])),
            cookies: incoming.headers['set-cookie'] ?? [],
            text: Buffer.concat(chunks).toString('utf8'),
          }),
        )
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** `send` in the shape of `fetch`, for code that brings its own requests. */
export async function fetchOnLoopback(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init)
  const body = await request.text()
  const headers = { ...Object.fromEntries(request.headers), 'content-length': String(Buffer.byteLength(body)) }
  const answer = await send(request.url, { method: request.method, headers, body })
  const { 'transfer-encoding': _chunked, 'content-length': _length, connection: _connection, ...kept } = answer.headers
  const isBare = answer.status === 204 || answer.status === 304
  return new Response(isBare ? null : answer.text, { status: answer.status, headers: kept })
}

/** The body of a request, which is short in the lab. */
export async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request) {
    body += String(chunk)
    if (body.length > 200_000) throw new Error('too large')
  }
  return body
}
