import fc from 'fast-check'
import { rawRequest } from '../../support/raw-client.ts'
import type { RawSession } from './raw-session.ts'

/** One connection of a fuzzed client: what it sends, in which pieces, and how it leaves. */
export interface BrokenClient {
  readonly bytes: Buffer
  /** Where the bytes are cut into packets. */
  readonly cuts: readonly number[]
  /** Between two packets. */
  readonly pauseMs: number
  readonly leave: 'wait' | 'halfClose' | 'reset'
}

type Mutation = (bytes: Buffer) => Buffer

/** What two readers could take in two ways, put anywhere. */
const words = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  '\r\n\r\n',
  ' ',
  '\t',
  ':',
  '%00',
  '%2e%2e%2f',
  '/../',
  '//',
  '\\',
  ';',
  '?',
  '#',
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\nContent-Length: 7\r\n',
  'Content-Length: -1\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: chunked, identity\r\n',
  'Transfer-Encoding:\x0bchunked\r\n',
  'Expect: 100-continue\r\n',
  'Connection: authorization, host, x-request-id\r\n',
  'Connection: Upgrade\r\nUpgrade: websocket\r\n',
  'Upgrade: h2c\r\n',
  'Host: evil.test\r\n',
  'Cookie: __Host-Http-coatcheck=x\r\n',
  'Authorization: Bearer evil\r\n',
  'X-Forwarded-For: 1.2.3.4\r\n',
  '0\r\n\r\n',
  'ffffffffffffffff\r\n',
  '5;a=b\r\nhello\r\n',
  'GET /api/smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\xff\xfe',
  '__proto__',
  'x'.repeat(9000),
]

/** Well-formed requests of all kinds, as a logged-in client and as a stranger send them. */
export function wholeRequests(session: RawSession): string[] {
  const form = 'Content-Type: application/x-www-form-urlencoded'
  const page = ['Sec-Fetch-Site: none', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document']
  const chunked = `${rawRequest('POST', '/api/chunks', [...session.unsafe, 'Transfer-Encoding: chunked'])}5\r\nhello\r\n0\r\n\r\n`
  const handshake = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ]
  return [
    rawRequest('GET', '/api/items?a=1&a=2', session.lines),
    rawRequest('GET', '/api/items', []),
    rawRequest('HEAD', '/api/items', session.lines),
    rawRequest('POST', '/api/items', session.unsafe, '{"a":1}'),
    rawRequest('DELETE', '/api/items/7', session.unsafe),
    chunked,
    rawRequest('GET', '/admin/x', session.lines),
    rawRequest('GET', '/public/x', []),
    rawRequest('GET', '/optional/x', session.lines),
    rawRequest('GET', '/app.js', []),
    rawRequest('GET', '/', page),
    rawRequest('GET', '/bff/session', session.lines),
    rawRequest('GET', '/bff/login?returnTo=/x', page),
    rawRequest('GET', '/bff/callback?code=x&state=y', page),
    rawRequest('POST', '/bff/callback', [form], 'code=x&state=y'),
    rawRequest('POST', '/bff/backchannel-logout', [form], 'logout_token=a.b.c'),
    rawRequest('POST', '/bff/logout', ['Origin: https://app.test', 'Sec-Fetch-Site: same-origin', form], '_csrf=x'),
    rawRequest('GET', '/bff/sessions', session.lines),
    rawRequest('GET', '/api/socket', [...session.lines, 'Origin: https://app.test', ...handshake]),
    rawRequest('OPTIONS', '/api/items', ['Origin: https://evil.test', 'Access-Control-Request-Method: PUT']),
  ]
}

const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })
const at = (bytes: Buffer, share: number): number => Math.floor(share * bytes.length)

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(place, fc.constantFrom(...words)).map(([share, word]): Mutation => (bytes) => {
    const index = at(bytes, share)
    return Buffer.concat([bytes.subarray(0, index), Buffer.from(word, 'latin1'), bytes.subarray(index)])
  }),
  fc.tuple(place, fc.integer({ min: 0, max: 255 })).map(([share, byte]): Mutation => (bytes) => {
    const copy = Buffer.from(bytes)
    if (copy.length > 0) copy[at(bytes, share)] = byte
    return copy
  }),
  fc.tuple(place, fc.integer({ min: 1, max: 40 })).map(([share, length]): Mutation => (bytes) => {
    const index = at(bytes, share)
    return Buffer.concat([bytes.subarray(0, index), bytes.subarray(index + length)])
  }),
  fc.tuple(place, place, fc.integer({ min: 1, max: 200 })).map(([from, to, length]): Mutation => (bytes) => {
    const piece = bytes.subarray(at(bytes, from), at(bytes, from) + length)
    const index = at(bytes, to)
    return Buffer.concat([bytes.subarray(0, index), piece, bytes.subarray(index)])
  }),
  // Larger than any head may be, and than what one read gives.
  fc
    .tuple(place, fc.constantFrom('x', '\r\nX: y', '; a=b', '/..', '%'), fc.integer({ min: 10_000, max: 100_000 }))
    .map(([share, piece, length]): Mutation => (bytes) => {
      const index = at(bytes, share)
      const filling = Buffer.alloc(length, piece)
      return Buffer.concat([bytes.subarray(0, index), filling, bytes.subarray(index)])
    }),
  place.map(
    (share): Mutation =>
      (bytes) =>
        bytes.subarray(0, at(bytes, share)),
  ),
)

/** Clients that send one to three requests on a connection, broken in up to four places. */
export function brokenClients(session: RawSession): fc.Arbitrary<BrokenClient> {
  const request = fc.constantFrom(...wholeRequests(session))
  return fc
    .record({
      requests: fc.array(request, { minLength: 1, maxLength: 3 }),
      mutations: fc.array(mutation, { maxLength: 4 }),
      cuts: fc.array(place, { maxLength: 3 }),
      pauseMs: fc.oneof({ weight: 99, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.integer({ min: 20, max: 400 }) }),
      leave: fc.constantFrom('wait', 'halfClose', 'reset'),
    })
    .map(({ requests, mutations, cuts, pauseMs, leave }): BrokenClient => {
      const whole: Buffer = Buffer.from(requests.join(''), 'latin1')
      const bytes = mutations.reduce((sum, mutate) => mutate(sum), whole)
      return { bytes, pauseMs, cuts: cuts.map((share) => at(bytes, share)).toSorted((a, b) => a - b), leave }
    })
}
