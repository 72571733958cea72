import type { Browser } from '../../support/browser.ts'
import { rawRequest } from '../../support/raw-client.ts'
import type { Exchange, UpstreamRequest } from '../../support/recording-upstream.ts'
import { pageRequest, sessionCookie } from './deployment.ts'

/** What the upstream does, by path; anything else is well. */
export const upstreamScripts: Record<string, (exchange: Exchange, request: UpstreamRequest) => void> = {
  '/v1/resets': (exchange) => exchange.reset(),
  '/v1/quick/hangs': () => undefined,
  '/v1/garbage': (exchange) => exchange.write('SSH-2.0-OpenSSH_9.6\r\n\r\n'),
  '/v1/two-lengths': (exchange) => exchange.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 4\r\n\r\nabcd'),
  '/v1/short': (exchange) => {
    exchange.write('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n')
    exchange.write('x'.repeat(70_000))
    exchange.end()
  },
  '/v1/breaks': (exchange) => {
    exchange.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11170\r\n${'x'.repeat(70_000)}\r\n`)
    setTimeout(() => exchange.reset(), 100)
  },
  '/v1/long': (exchange) =>
    exchange.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwellHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad'),
  '/v1/leaks': (exchange, request) => exchange.respond({ body: { token: request.bearer } }),
}

/** A request that goes wrong, and what has to come of it. */
export interface Trouble {
  readonly what: string
  /** The bytes of a request; with the session of the user where it says so. */
  readonly request: (user: Browser, token: string) => string
  readonly method?: string
  readonly status: number
  /** The problem's code; absent where the answer has no body. */
  readonly code?: string
  /** The one log line of level warning or above. */
  readonly logged: RegExp
  readonly mostUpstreamCalls?: number
  /** The answer has begun, and is cut off. */
  readonly cut?: boolean
}

const withCookie = (value: string) => [`Cookie: ${sessionCookie}=${value}`, 'Sec-Fetch-Site: same-origin']
const post = (user: Browser, token: string, path: string, headers: readonly string[], body: string) =>
  pageRequest(user, 'POST', path, ['Origin: https://app.test', `X-CSRF-Token: ${token}`, ...headers], body)
const get = (path: string) => (user: Browser) => pageRequest(user, 'GET', path)

export const troubles: readonly Trouble[] = [
  { what: 'an unknown route', request: get('/nowhere'), status: 404, code: 'not_found', logged: /not_found/ },
  { what: 'an unknown own endpoint', request: get('/bff/nothing'), status: 404, code: 'not_found', logged: /not_found/ },
  { what: 'a path with two readings', request: get('/api/..%2fadmin'), status: 400, code: 'bad_request', logged: /bad_request/ },
  {
    what: 'a broken cookie',
    request: () => rawRequest('GET', '/api/x', withCookie('%%%;==')),
    status: 401,
    code: 'session_required',
    logged: /session_required/,
  },
  {
    what: 'a cookie that nobody was given',
    request: () => rawRequest('GET', '/api/x', withCookie('A'.repeat(43))),
    status: 401,
    code: 'session_required',
    logged: /session_required/,
  },
  {
    what: 'two session cookies',
    request: (user) => {
      const own = user.jar.get(sessionCookie)?.value ?? ''
      return rawRequest('GET', '/api/x', withCookie(`${own}; ${sessionCookie}=${'A'.repeat(43)}`))
    },
    status: 401,
    code: 'session_required',
    logged: /duplicate_session_cookie|session cookie: many/,
  },
  {
    what: 'headers that are too large',
    request: () => rawRequest('GET', '/api/x', [`X-Large: ${'x'.repeat(40_000)}`]),
    status: 431,
    logged: /HEADER_OVERFLOW|header_fields_too_large/,
  },
  {
    what: 'no HTTP at all',
    request: () => 'GET /api/x HTTP/1.1\r\nHost app.test\r\n\r\n',
    status: 400,
    logged: /HPE_|bad_request/,
  },
  {
    what: 'two readings of where the body ends',
    request: (user, token) => post(user, token, '/api/x', ['Content-Length: 4', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
    method: 'POST',
    status: 400,
    logged: /HPE_|bad_request/,
  },
  {
    what: 'a body that is too large, and says so',
    request: (user, token) => post(user, token, '/api/small/x', [], 'x'.repeat(1_001)),
    method: 'POST',
    status: 413,
    code: 'content_too_large',
    logged: /content_too_large/,
  },
  {
    what: 'a body that is too large, and does not say so',
    request: (user, token) =>
      post(user, token, '/api/small/x', ['Transfer-Encoding: chunked'], `3e9\r\n${'x'.repeat(1_001)}\r\n0\r\n\r\n`),
    method: 'POST',
    status: 413,
    code: 'content_too_large',
    logged: /content_too_large/,
    mostUpstreamCalls: 1,
  },
  {
    what: 'an upstream that nobody is behind',
    request: get('/api/nobody/x'),
    status: 502,
    code: 'upstream_unreachable',
    logged: /ECONNREFUSED/,
  },
  {
    what: 'an upstream that resets',
    request: get('/api/resets'),
    status: 502,
    code: 'upstream_unreachable',
    logged: /upstream_unreachable/,
    mostUpstreamCalls: 2,
  },
  {
    what: 'an upstream that hangs',
    request: get('/api/quick/hangs'),
    status: 504,
    code: 'upstream_timeout',
    logged: /timeout/,
    mostUpstreamCalls: 1,
  },
  {
    what: 'an upstream that speaks something else',
    request: get('/api/garbage'),
    status: 502,
    code: 'upstream_unreachable',
    logged: /bad_response/,
    mostUpstreamCalls: 1,
  },
  {
    what: 'an upstream that names two lengths',
    request: get('/api/two-lengths'),
    status: 502,
    code: 'upstream_unreachable',
    logged: /bad_response/,
    mostUpstreamCalls: 1,
  },
  {
    what: 'an upstream that sends less than it says',
    request: get('/api/short'),
    status: 200,
    cut: true,
    logged: /bad_response/,
    mostUpstreamCalls: 1,
  },
  {
    what: 'an upstream that breaks off',
    request: get('/api/breaks'),
    status: 200,
    cut: true,
    logged: /bad_response/,
    mostUpstreamCalls: 1,
  },
  {
    what: 'an upstream that sends a token back',
    request: get('/api/leaks'),
    status: 502,
    code: 'token_in_response',
    logged: /token_in_response/,
    mostUpstreamCalls: 1,
  },
]
