import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createTokenVerifier } from './access-token.ts'
import type { Caller, TokenRules } from './access-token.ts'
import { createOrderBook, items } from './order-book.ts'
import type { OrderBook } from './order-book.ts'

export interface OrdersApiOptions extends TokenRules {
  /** Port on 127.0.0.1. Default: 0, a free one. */
  readonly port?: number
}

/** An answer that is an error: status, a few words, and what the WWW-Authenticate header adds. */
class ApiError extends Error {
  readonly status: number
  readonly challenge: string | undefined
  constructor(status: number, detail: string, challenge?: string) {
    super(detail)
    this.status = status
    this.challenge = challenge
  }
}

/**
 * Starts an API as a team would have it anyway: it takes access tokens and has never heard of Coatcheck.
 *
 * Reading needs the scope orders.read, changing needs orders.write, and everybody reaches their own orders only.
 */
export async function startOrdersApi(options: OrdersApiOptions): Promise<{ url: string; close(): Promise<void> }> {
  const verify = createTokenVerifier(options)
  const book = createOrderBook()
  const server = createServer((request, response) => {
    answer(request, response, verify, book).catch((error: unknown) => fail(response, error))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  verify: ReturnType<typeof createTokenVerifier>,
  book: OrderBook,
): Promise<void> {
  const caller = await identify(request, verify)
  const { pathname } = new URL(request.url ?? '/', 'http://api')
  if (pathname === '/whoami') {
    allowMethods(request, response, ['GET'])
    const { sub, scopes, audience, expiresAt } = caller
    return sendJson(response, 200, {
      sub,
      audience,
      scope: [...scopes].join(' '),
      expiresAt: new Date(expiresAt * 1000).toISOString(),
    })
  }
  if (pathname === '/orders') {
    allowMethods(request, response, ['GET', 'POST'])
    if (request.method === 'GET') {
      needScope(caller, 'orders.read')
      return sendJson(response, 200, { orders: book.list(caller.sub), items })
    }
    needScope(caller, 'orders.write')
    const { item, quantity } = await readOrder(request)
    return sendJson(response, 201, book.add(caller.sub, item, quantity))
  }
  const id = /^\/orders\/(\d+)$/.exec(pathname)?.[1]
  if (id === undefined) throw new ApiError(404, 'There is nothing here.')
  allowMethods(request, response, ['GET', 'DELETE'])
  needScope(caller, request.method === 'GET' ? 'orders.read' : 'orders.write')
  // Somebody else's order and no order at all are the same answer, so that nobody learns which numbers exist.
  const order = book.find(caller.sub, id)
  if (order === undefined) throw new ApiError(404, 'You have no such order.')
  if (request.method === 'GET') return sendJson(response, 200, order)
  book.remove(caller.sub, id)
  response.writeHead(204).end()
}

async function identify(request: IncomingMessage, verify: ReturnType<typeof createTokenVerifier>): Promise<Caller> {
  const result = await verify(request.headers.authorization).catch((cause: unknown) => {
    throw Object.assign(new ApiError(503, 'Tokens cannot be checked at the moment.'), { cause })
  })
  if (!('status' in result)) return result
  throw new ApiError(result.status, result.detail, result.error === undefined ? 'Bearer' : `Bearer error="${result.error}"`)
}

function needScope(caller: Caller, scope: string): void {
  if (caller.scopes.has(scope)) return
  throw new ApiError(
    403,
    `This needs the scope ${scope}, which your user was not granted.`,
    `Bearer error="insufficient_scope", scope="${scope}"`,
  )
}

function allowMethods(request: IncomingMessage, response: ServerResponse, methods: readonly string[]): void {
  if (methods.includes(request.method ?? '')) return
  response.setHeader('Allow', methods.join(', '))
  throw new ApiError(405, `Only ${methods.join(' and ')} work here.`)
}

async function readOrder(request: IncomingMessage): Promise<{ item: string; quantity: number }> {
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? ''))
    throw new ApiError(415, 'Send the order as application/json.')
  const order = parseJson(await readBody(request))
  const { item, quantity } = typeof order === 'object' && order !== null ? { item: undefined, quantity: undefined, ...order } : {}
  if (typeof item !== 'string' || !items.some((known) => known === item))
    throw new ApiError(422, `item is one of: ${items.join(', ')}.`)
  if (typeof quantity !== 'number' || !Number.isInteger(quantity) || quantity < 1 || quantity > 99)
    throw new ApiError(422, 'quantity is a whole number from 1 to 99.')
  return { item, quantity }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > 16_384) throw new ApiError(413, 'An order is not that long.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ApiError(400, 'The body is not JSON.')
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const { status, message, challenge } =
    error instanceof ApiError ? error : new ApiError(500, 'Something went wrong in the orders API.')
  if (challenge !== undefined) response.setHeader('WWW-Authenticate', challenge)
  if (status === 503) response.setHeader('Retry-After', '2')
  response.writeHead(status, { 'Content-Type': 'application/problem+json' }).end(JSON.stringify({ status, detail: message }))
}
