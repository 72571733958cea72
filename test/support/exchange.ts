import { request as httpRequest, type Agent, type IncomingMessage } from 'node:http'

/** One request of a browser and what came back, byte for byte as far as it came. */
export interface BrowserExchange {
  readonly url: URL
  readonly method: string
  readonly requestHeaders: readonly (readonly [string, string])[]
  readonly status: number
  /** Status line and header lines. */
  readonly head: string
  readonly headers: readonly (readonly [string, string])[]
  /** Grows while the body comes in. */
  body: Buffer
  /** Resolves with `true` when the body came whole, with `false` when it was cut short. */
  readonly end: Promise<boolean>
  /** Told whenever body bytes come. */
  onData: (() => void) | undefined
  /** Stops reading and cuts the connection. */
  abort(): void
}

/** Sends one request to loopback, whatever host its address names. Resolves when the head of the answer is there. */
export function exchange(options: {
  readonly url: URL
  readonly port: number
  readonly method: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string | Uint8Array | undefined
  readonly agent: Agent
}): Promise<BrowserExchange> {
  const { url, port, method, agent } = options
  const headers: (readonly [string, string])[] = [['Host', url.host], ...options.headers]
  const isSafe = method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
  if (options.body !== undefined || !isSafe) headers.push(['Content-Length', String(Buffer.byteLength(options.body ?? ''))])
  return new Promise((resolve, reject) => {
    const target = { host: '127.0.0.1', port, method, path: url.pathname + url.search, agent, setDefaultHeaders: false }
    const request = httpRequest({ ...target, headers: headers.flatMap(([name, value]) => [name, value]) }, (response) => {
      resolve(record(url, method, options.headers, response))
    })
    request.on('error', reject)
    request.end(options.body)
  })
}

function record(
  url: URL,
  method: string,
  requestHeaders: BrowserExchange['requestHeaders'],
  response: IncomingMessage,
): BrowserExchange {
  const headers: (readonly [string, string])[] = []
  for (let at = 0; at < response.rawHeaders.length; at += 2)
    headers.push([response.rawHeaders[at] ?? '', response.rawHeaders[at + 1] ?? ''])
  const status = response.statusCode ?? 0
  const made: BrowserExchange = {
    url,
    method,
    requestHeaders,
    status,
    headers,
    head: [`HTTP/1.1 ${status} ${response.statusMessage ?? ''}`, ...headers.map(([name, value]) => `${name}: ${value}`)].join(
      '\r\n',
    ),
    body: Buffer.alloc(0),
    end: new Promise((resolve) => {
      response.on('end', () => resolve(response.complete))
      response.on('close', () => resolve(response.complete))
      response.on('error', () => resolve(false))
    }),
    onData: undefined,
    abort: () => void response.destroy(),
  }
  response.on('data', (chunk: Buffer) => {
    made.body = Buffer.concat([made.body, chunk])
    made.onData?.()
  })
  return made
}

/** The values of a header field, one per line. */
export function values(headers: readonly (readonly [string, string])[], name: string): string[] {
  return headers.filter(([field]) => field.toLowerCase() === name).map(([, value]) => value)
}
