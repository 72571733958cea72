/**
 * Path confusion: J01 (Oathkeeper CVE-2026-33494, OpenFlagr CVE-2026-0650), J02 (better-auth CVE-2025-71399), J03
 * (@fastify/http-proxy CVE-2026-85124), J04 (CVE-2026-127060), J05 (Perl Reverse::Proxy), J06 (Next.js CVE-2026-44578), J07
 * (Authelia CVE-2021-32637), J08 (Traefik CVE-2026-48020, CVE-2026-40912), J09 (fastify-reply-from issue 460).
 */
import { describe, expect, test } from 'vitest'
import { rawRequest } from '../support/raw-client.ts'
import { hostileScene } from './support/hostile-case.ts'
import { rawSession } from './support/raw-session.ts'

const scene = hostileScene()

/** Without a session: nothing behind a protected route may be reached, and nothing above an open one. */
const confusing = [
  '/public/../admin/x',
  '/public/./../admin/x',
  '/public/%2e%2e/admin/x',
  '/public/%2E%2E/admin/x',
  '/public/.%2e/admin/x',
  '/public/%2e./admin/x',
  '/public/..%2fadmin/x',
  '/public/..%2Fadmin/x',
  '/public/%2e%2e%2fadmin/x',
  '/public/%252e%252e/admin/x',
  '/public/%252e%252e%252fadmin/x',
  '/public/%25252e%25252e/admin/x',
  '/public/%2%65%2%65/admin/x',
  '/public/%c0%ae%c0%ae/admin/x',
  '/public/%e0%80%ae%e0%80%ae/admin/x',
  '/public/a/../../admin/x',
  '/public/a%2f..%2f..%2fadmin/x',
  '/public/..',
  '/public/.',
  '/public/.. /admin',
  '/public/..%20/admin',
  '/public/..%09/admin',
  '/public/..%00/admin',
  '//api/private',
  '/api//private',
  '/./api/private',
  '///admin',
  '/%2fapi/private',
  '/public//../admin',
  '/public\\..\\admin',
  '/public/..%5cadmin',
  '/public%5c..%5cadmin',
  '/public/..%255cadmin',
  '\\admin',
  '/\\admin',
  '/public/..;/admin',
  '/public/..;x=y/..;/admin',
  '/public/%2e%2e;/admin',
  '/public/..%3b/admin',
  '/public/.;/../admin',
  '/;/admin/x',
  '/public/;/x',
  '/public/a%3f//admin',
  '/public/a%23//admin',
  '/public%00/../admin',
  '/public/%00',
  '/public/x%0d%0aX-A:%201',
  '/public/x%0aX-A:1',
  '/public/x%20HTTP/1.1%0d%0aHost:evil.test',
  '/public/x%7f',
  '/public/#/../admin',
  '/public/x#frag',
  '/public/%',
  '/public/%z',
  '/public/%zz',
  '/public/%2',
  '/public/%u002e%u002e/admin',
  '/public/\u00e9',
  '/public/\u00ff/x',
]

describe('a path with two readings is refused before anything is asked', () => {
  test.each(confusing)('%j', async (path) => {
    for (const target of [path, `${path}?x=1`, `https://app.test${path.startsWith('/') ? '' : '/'}${path}`]) {
      const connection = await scene.connect()
      connection.send(rawRequest('GET', target))
      expect((await connection.response()).status, target).toBe(400)
    }
    expect(scene.internet.upstream.requests).toEqual([])
  })
})

test('with a session of an ordinary user they do not reach what needs a role', async () => {
  const { lines } = await rawSession(scene)
  for (const path of confusing) {
    const connection = await scene.connect()
    connection.send(rawRequest('GET', path.replace('/public', '/api'), lines))
    expect((await connection.response()).status, path).toBe(400)
  }
  expect(scene.internet.upstream.requests).toEqual([])
})

test.each([
  ['/ADMIN/x', '/Admin/x', '/%61dmin/x', '/adm%69n/x', '/api;a=b/private', '/admin;x/y', '/%41pi/x'],
  ['/admin%3fx', '/admin%23x', '/api%3f/../x'],
])('other spellings of a protected route are not a way around it: %j', async (...paths) => {
  for (const path of paths.flat()) {
    const connection = await scene.connect()
    connection.send(rawRequest('GET', path))
    const { status } = await connection.response()
    expect([200, 400, 401, 404], path).toContain(status)
  }
  expect(scene.internet.upstream.requests).toEqual([])
})

test.each([
  'http://10.0.0.1/',
  'http://10.0.0.1/public/x',
  'http://169.254.169.254/latest/meta-data',
  'https://app.test.evil.test/public/x',
  'https://app.test@evil.test/public/x',
  'https://app.test:1/public/x',
  'http://app.test/public/x',
  'ftp://app.test/public/x',
  'ws://app.test/public/x',
  'HTTPS://evil.test/public/x',
  '//evil.test/public/x',
  'app.test/public/x',
  '*',
  '?x',
  'public/x',
  'javascript:alert(1)',
])('the destination never comes from the request line: %s', async (target) => {
  for (const host of ['app.test', 'evil.test', '10.0.0.1']) {
    for (const more of [[], ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']]) {
      const connection = await scene.connect()
      connection.send(rawRequest('GET', target, [`Host: ${host}`, ...more]))
      expect((await connection.response()).status).toBe(400)
    }
  }
  expect(scene.internet.upstream.requests).toEqual([])
})

test('the absolute form of our own origin is the path, and judged as one', async () => {
  for (const [target, status] of [
    ['https://app.test/public/x', 200],
    ['HTTPS://APP.test/public/x', 200],
    ['https://app.test/api/x', 401],
    ['https://app.test/public/../api/x', 400],
  ] as const) {
    const connection = await scene.connect()
    connection.send(rawRequest('GET', target))
    expect((await connection.response()).status, target).toBe(status)
  }
})

test('a prefix ends on a segment boundary, and what is left of the path is judged too', async () => {
  const { lines } = await rawSession(scene)
  const ask = async (path: string) => {
    const connection = await scene.connect()
    connection.send(rawRequest('GET', path, lines))
    return (await connection.response()).status
  }
  for (const path of ['/apixyz', '/api.json', '/api-x', '/apix/../api/a', '/adminx']) {
    expect([200, 400, 404], path).toContain(await ask(path))
    expect(scene.internet.upstream.requests, path).toEqual([])
  }
  for (const path of ['/api/../admin', '/api/%2e%2e/admin', '/api%2f..%2fadmin', '/api/..%2fadmin'])
    expect(await ask(path)).toBe(400)
  expect(scene.internet.upstream.requests).toEqual([])
})

test.each(['/api/READ-ONLY/x', '/api/read%2donly/x', '/api/read-only;a/x', '/api/%72ead-only/x'])(
  'a path that the upstream takes for one of a stricter route is refused: %s',
  async (path) => {
    const { unsafe } = await rawSession(scene)
    for (const method of ['GET', 'POST']) expect((await scene.raw(rawRequest(method, path, unsafe))).status).toBe(400)
    expect(scene.internet.upstream.requests).toEqual([])
  },
)

test('a target of 30 KB is 414, and none of it is reflected', async () => {
  const connection = await scene.connect()
  connection.send(rawRequest('GET', `/public/${'a'.repeat(30_000)}`))
  const { status, text } = await connection.response()
  expect(status).toBe(414)
  expect(text.length).toBeLessThan(2_000)
})

test.each([
  '/public/files/[...slug].js',
  '/public/a..b/c',
  '/public/...',
  '/public/..a',
  '/public/x/%5B...y%5D',
  '/public/%E2%82%AC',
  '/public/a%20b',
  '/public/a?q=../..',
  '/public/a?q=%2e%2e%2f&r=//x\\y'.replace('\\', '%5C'),
  '/public/a?%',
  '/public/a?%zz',
  '/public/a?x=%00%0d%0a',
  '/public/a?',
  '/public/a;v=1',
  "/public/~user/@x:y!$&'()*+,=",
  '/public/%ff',
  '/public/%E0%A4%A4',
  '/public/AbC',
])('what has one reading arrives byte for byte: %s', async (target) => {
  const connection = await scene.connect()
  connection.send(rawRequest('GET', target))
  expect((await connection.response()).status).toBe(200)
  expect(scene.internet.upstream.requests.map((request) => request.target)).toEqual([target])
})
