/**
 * Message framing: K01 (Node CVE-2024-27982, CVE-2016-2086), K02 (Node CVE-2019-15605), K03 (Node CVE-2021-22960,
 * CVE-2024-22019), K04 and K05 (Apache Traffic Server CVE-2025-55702), K06 (h2cSmuggler), K08 (Envoy GHSA-8vc2-jrm4-835w,
 * Traefik CVE-2026-71324), K09 (libevent CVE-2026-63379, blaze GHSA-46q4-43ph-c6fr, ATS CVE-2024-35161), I06 (HAProxy
 * GHSA-h2p2-w857-329f, Node CVE-2021-22959).
 */
import { describe, expect, test } from 'vitest'
import { rawRequest } from '../support/raw-client.ts'
import { hostileScene } from './support/hostile-case.ts'
import { answersUntilEnd, rawSession } from './support/raw-session.ts'

const scene = hostileScene()
const smuggled = 'GET /public/smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n'

/** A request with header lines as they are, then bytes that are its body in one reading and a request in another. */
const post = (lines: string[], body: string, version = '1.1') =>
  `POST /public/a HTTP/${version}\r\nHost: app.test\r\n${lines.join('\r\n')}\r\n\r\n${body}`

const ambiguous: [what: string, bytes: string][] = [
  ['CL and TE', post(['Content-Length: 4', 'Transfer-Encoding: chunked'], `0\r\n\r\n${smuggled}`)],
  ['TE and CL', post(['Transfer-Encoding: chunked', 'Content-Length: 4'], `0\r\n\r\n${smuggled}`)],
  ['two CLs', post(['Content-Length: 1', `Content-Length: ${1 + smuggled.length}`], `x${smuggled}`)],
  ['two equal CLs', post(['Content-Length: 1', 'Content-Length: 1'], 'x')],
  ['CL +5', post(['Content-Length: +5'], 'hello')],
  ['CL -1', post(['Content-Length: -1'], '')],
  ['CL 5,5', post(['Content-Length: 5,5'], 'hello')],
  ['CL 5, 6', post(['Content-Length: 5, 6'], 'hello!')],
  ['CL 0x5', post(['Content-Length: 0x5'], 'hello')],
  ['CL 5 5', post(['Content-Length: 5 5'], 'hello')],
  ['CL 1e1', post(['Content-Length: 1e1'], 'hellohello')],
  ['CL empty', post(['Content-Length:'], smuggled)],
  ['CL 2^64', post(['Content-Length: 18446744073709551617'], 'x')],
  ['CL with VT', post(['Content-Length: \v5'], 'hello')],
  ['a blank before the name', post([' Content-Length: 5'], 'hello')],
  ['a blank after the name', post(['Content-Length : 5'], 'hello')],
  ['a tab after the name', post(['Content-Length\t: 5'], 'hello')],
  ['a folded line', post(['X-A: 1', ' Content-Length: 5'], 'hello')],
  ['a folded TE', post(['Transfer-Encoding:', ' chunked'], `0\r\n\r\n${smuggled}`)],
  ['TE xchunked', post(['Transfer-Encoding: xchunked'], `0\r\n\r\n${smuggled}`)],
  ['TE chunked, identity', post(['Transfer-Encoding: chunked, identity'], `0\r\n\r\n${smuggled}`)],
  ['TE identity', post(['Transfer-Encoding: identity'], `0\r\n\r\n${smuggled}`)],
  ['TE gzip', post(['Transfer-Encoding: gzip'], 'x')],
  ['TE VT chunked', post(['Transfer-Encoding: \vchunked'], `0\r\n\r\n${smuggled}`)],
  ['TE chunked VT', post(['Transfer-Encoding: chunked\v'], `0\r\n\r\n${smuggled}`)],
  ['TE "chunked"', post(['Transfer-Encoding: "chunked"'], `0\r\n\r\n${smuggled}`)],
  ['TE chunked;x', post(['Transfer-Encoding: chunked;x=1'], `0\r\n\r\n${smuggled}`)],
  ['TE on HTTP/1.0 with CL', post(['Transfer-Encoding: chunked', 'Content-Length: 4'], `0\r\n\r\n${smuggled}`, '1.0')],
  ['TE with NUL', post(['Transfer-Encoding: chun\0ked'], `0\r\n\r\n${smuggled}`)],
  ['chunk size 0x5', post(['Transfer-Encoding: chunked'], '0x5\r\nhello\r\n0\r\n\r\n')],
  ['chunk size +5', post(['Transfer-Encoding: chunked'], '+5\r\nhello\r\n0\r\n\r\n')],
  ['chunk size -5', post(['Transfer-Encoding: chunked'], '-5\r\nhello\r\n0\r\n\r\n')],
  ['chunk size with LF', post(['Transfer-Encoding: chunked'], '5 ;a=\nhello\r\n0\r\n\r\n')],
  ['chunk size 2^64', post(['Transfer-Encoding: chunked'], '10000000000000000\r\nx\r\n0\r\n\r\n')],
  ['an empty chunk size', post(['Transfer-Encoding: chunked'], '\r\nhello\r\n0\r\n\r\n')],
  ['a chunk longer than its size', post(['Transfer-Encoding: chunked'], '2\r\nhello\r\n0\r\n\r\n')],
  ['a chunk extension of 64 KB', post(['Transfer-Encoding: chunked'], `5;${'a'.repeat(65_536)}\r\nhello\r\n0\r\n\r\n`)],
  ['CR alone behind a line', 'GET /public/a HTTP/1.1\rHost: app.test\r\n\r\n'],
  ['CR inside a value', 'GET /public/a HTTP/1.1\r\nHost: app.test\r\nX-A: a\rX-B: b\r\n\r\n'],
  ['NUL in a value', 'GET /public/a HTTP/1.1\r\nHost: app.test\r\nX-A: a\0b\r\n\r\n'],
  ['an empty name', 'GET /public/a HTTP/1.1\r\nHost: app.test\r\n: x\r\n\r\n'],
  ['NUL in a name', 'GET /public/a HTTP/1.1\r\nHost: app.test\r\nX\0A: x\r\n\r\n'],
  ['a line without colon', 'GET /public/a HTTP/1.1\r\nHost: app.test\r\nnonsense\r\n\r\n'],
  ['a blank in the first name', 'GET /public/a HTTP/1.1\r\n Host: app.test\r\n\r\n'],
  ['no Host', 'GET /public/a HTTP/1.1\r\n\r\n'],
  ['a blank in the target', 'GET /public/a b HTTP/1.1\r\nHost: app.test\r\n\r\n'],
  ['HTTP/1.2', 'GET /public/a HTTP/1.2\r\nHost: app.test\r\n\r\n'],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['junk', '\0\xff\r\n\r\n'],
  ['a made-up method', 'GE/T /public/a HTTP/1.1\r\nHost: app.test\r\n\r\n'],
]

describe('what two readers could frame differently ends the connection, and is never two requests', () => {
  test.each(ambiguous)('%s', async (_what, bytes) => {
    const connection = await scene.connect()
    connection.send(bytes)
    const answers = await answersUntilEnd(connection)
    expect(answers.length).toBeLessThanOrEqual(1)
    for (const { status } of answers) expect([400, 413, 431, 501, 505]).toContain(status)
    const seen = scene.internet.upstream.requests.map(({ target }) => target)
    expect(seen).not.toContain('/public/smuggled')
    expect(scene.internet.upstream.received()).not.toContain('smuggled')
  })
})

test.each([
  ['two blanks', 'GET  /public/a HTTP/1.1\r\nHost: app.test\r\n\r\n'],
  ['HTTP/2.0 as a version', 'GET /public/a HTTP/2.0\r\nHost: app.test\r\n\r\n'],
  ['no version', 'GET /public/a\r\nHost: app.test\r\n\r\n'],
])('a request line that Node reads leniently is at most one request: %s', async (_what, bytes) => {
  const connection = await scene.connect()
  connection.send(bytes)
  expect((await answersUntilEnd(connection)).length).toBeLessThanOrEqual(1)
  for (const { startLine } of scene.internet.upstream.requests) expect(startLine).toBe('GET /public/a HTTP/1.1')
})

test('a chunked body without its end never becomes a whole request', async () => {
  const connection = await scene.connect()
  connection.send(post(['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n'))
  for (const { status } of await answersUntilEnd(connection)) expect(status).toBe(400)
  for (const request of scene.internet.upstream.requests) expect(await request.bodyEnd).toBe(false)
})

test.each([
  'CONNECT 127.0.0.1:22',
  'CONNECT /api/x',
  'TRACE /api/x',
  'TRACK /api/x',
  'OPTIONS *',
  'PROPFIND /api/x',
  'DEBUG /api/x',
])('%s is refused, and the next user of a connection is untouched', async (line) => {
  const { unsafe, lines } = await rawSession(scene)
  const connection = await scene.connect()
  connection.send(`${line} HTTP/1.1\r\nHost: app.test\r\n${unsafe.join('\r\n')}\r\nMax-Forwards: 0\r\n\r\n`)
  const answers = await answersUntilEnd(connection)
  for (const { status } of answers) expect([400, 404, 405]).toContain(status)
  expect(answers.length).toBeLessThanOrEqual(1)
  expect(scene.internet.upstream.requests).toEqual([])
  expect((await scene.raw(rawRequest('GET', '/api/after', lines))).status).toBe(200)
})

test('trailers are dropped: they are neither headers nor a proof', async () => {
  const { lines, unsafe, csrfToken } = await rawSession(scene)
  const trailers = [
    'Authorization: Bearer evil',
    'Cookie: evil=1',
    'X-User: root',
    'X-Forwarded-For: 6.6.6.6',
    `X-CSRF-Token: ${csrfToken}`,
    'Connection: close',
    'Host: evil.test',
  ]
  const body = `5\r\nhello\r\n0\r\n${trailers.join('\r\n')}\r\n\r\n`
  const send = (head: string[]) =>
    scene.raw(
      `POST /api/a HTTP/1.1\r\nHost: app.test\r\n${head.join('\r\n')}\r\nTransfer-Encoding: chunked\r\nTrailer: X-CSRF-Token\r\n\r\n${body}`,
    )
  expect((await send([...lines, 'Origin: https://app.test'])).status).toBe(403)
  expect((await send(unsafe)).status).toBe(200)
  const [request] = scene.internet.upstream.requests
  expect(request?.body.toString()).toBe('hello')
  expect(request?.head).not.toMatch(/evil|root|6\.6\.6\.6|trailer/i)
  expect(request?.rawBody.toString()).not.toMatch(/evil|root/)
})

test.each([
  ['Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA', 'Connection: Upgrade, HTTP2-Settings'],
  ['Upgrade: h2c', 'Connection: Upgrade'],
  ['Upgrade: TLS/1.2', 'Connection: Upgrade'],
  ['Upgrade: h2c, websocket', 'Connection: Upgrade'],
])('an upgrade to something else is not forwarded: %s', async (...headers) => {
  const { lines } = await rawSession(scene)
  const connection = await scene.connect()
  connection.send(rawRequest('GET', '/api/x', [...lines, ...headers]))
  const answers = await answersUntilEnd(connection)
  expect(answers).toHaveLength(1)
  expect(answers[0]?.status).not.toBe(101)
  const head = scene.internet.upstream.requests[0]?.head ?? ''
  expect(head).not.toMatch(/upgrade|http2-settings|h2c/i)
})

test('an odd Expect is 417, and the body behind it is not a request', async () => {
  for (const expectation of ['y 100-continue', '100-continue, y', '200-ok', '']) {
    const connection = await scene.connect()
    connection.send(post([`Expect: ${expectation}`, `Content-Length: ${smuggled.length}`], smuggled))
    const answers = await answersUntilEnd(connection)
    expect(answers.length, expectation).toBeLessThanOrEqual(1)
    if (expectation !== '') expect(answers[0]?.status, expectation).toBe(417)
    expect(scene.internet.upstream.requests.map(({ target }) => target)).not.toContain('/public/smuggled')
  }
})

test.each([401, 403, 404, 405])('bytes of a body behind an early %i are never a request', async (expected) => {
  const { lines } = await rawSession(scene)
  const [target, headers] = {
    401: ['/api/a', []],
    403: ['/api/a', [...lines, 'Origin: https://app.test']],
    404: ['/bff/nothing', []],
    405: ['/bff/login', []],
  }[expected] as [string, string[]]
  for (const size of [smuggled.length, 1_000_000]) {
    for (const framing of [`Content-Length: ${size}`, 'Transfer-Encoding: chunked']) {
      const body = smuggled.repeat(Math.ceil(size / smuggled.length)).slice(0, size)
      const wire = framing.startsWith('C') ? body : `${size.toString(16)}\r\n${body}\r\n0\r\n\r\n`
      const connection = await scene.connect()
      connection.send(`POST ${target} HTTP/1.1\r\nHost: app.test\r\n${[...headers, framing].join('\r\n')}\r\n\r\n${wire}`)
      connection.send(rawRequest('GET', '/public/second'))
      const answers = await answersUntilEnd(connection)
      // The own endpoints read no large body at all.
      expect([expected, 413]).toContain(answers[0]?.status)
      expect(answers.length).toBeLessThanOrEqual(2)
      for (const request of scene.internet.upstream.requests) expect(request.target).toBe('/public/second')
      scene.internet.upstream.requests.length = 0
    }
  }
})

test('twenty requests in one packet get twenty answers in their order', async () => {
  const { lines } = await rawSession(scene)
  const connection = await scene.connect()
  const targets = Array.from({ length: 20 }, (_, i) => (i % 3 === 0 ? `/public/${i}` : i % 3 === 1 ? `/api/${i}` : '/api//x'))
  connection.send(targets.map((target) => rawRequest('GET', target, target.startsWith('/api') ? lines : [])).join(''))
  for (const target of targets) {
    const { status, text } = await connection.response()
    expect(status).toBe(target === '/api//x' ? 400 : 200)
    if (status === 200) expect(text).toContain(target.replace('/api/', '/v1/'))
  }
})
