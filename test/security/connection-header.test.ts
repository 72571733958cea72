// I05 to I08: fields that the client names in Connection, odd names, and Authorization. @fastify/reply-from CVE-2026-33805, Traefik
// GHSA-62c8-mh53-4cqv, HAProxy GHSA-h2p2-w857-329f, Node CVE-2021-22959 and CVE-2026-21710; oauth2-proxy issues 388, 1388, 1993.
import { expect, test } from 'vitest'
import { rawRequest } from '../support/raw-client.ts'
import { hostileScene } from './support/hostile-case.ts'
import { rawSession } from './support/raw-session.ts'

const scene = hostileScene()

test.each([
  'authorization, cookie, x-forwarded-for, x-user',
  'Authorization',
  'AUTHORIZATION, X-FORWARDED-HOST, X-REQUEST-ID, VIA',
  'close, authorization',
  'keep-alive, host',
  'close, host',
  'content-length',
  'transfer-encoding, content-length',
  ' , ,authorization,,',
  'authorization;q=1, forwarded',
  '__proto__, constructor',
])('Connection: %s takes away nothing that we say', async (value) => {
  const session = await rawSession(scene)
  const response = await scene.raw(rawRequest('POST', '/api/x', [`Connection: ${value}`, ...session.unsafe], 'body-7'), {
    method: 'POST',
  })
  expect(response.status).toBe(200)
  const [request, ...more] = scene.internet.upstream.requests
  expect(more).toEqual([])
  expect(request?.bearer).toBeDefined()
  expect(request?.header('x-forwarded-host')).toBe('app.test')
  expect(request?.header('x-request-id')).toBeDefined()
  expect(request?.header('via')).toMatch(/coatcheck/)
  expect(request?.body.toString()).toBe('body-7')
})

test.each([
  ['an empty name', ': x'],
  ['a blank before the colon', 'X-Odd : x'],
  ['a folded line', 'X-Odd: a\r\n b'],
  ['a blank in front', ' X-Odd: x'],
  ['a NUL in the name', 'X-O\0dd: x'],
  ['a NUL in the value', 'X-Odd: a\0b'],
  ['a bare CR in the value', 'X-Odd: a\rb: c'],
  ['a bracket in the name', 'X-Odd(): x'],
  ['no colon', 'X-Odd'],
])('a header with %s is 400, and nothing goes on', async (_what, line) => {
  scene.allow({ leftOver: true })
  const session = await rawSession(scene)
  const response = await scene.raw(`GET /api/x HTTP/1.1\r\nHost: app.test\r\n${line}\r\n${session.lines.join('\r\n')}\r\n\r\n`)
  expect(response.status).toBe(400)
  expect(scene.internet.upstream.requests).toEqual([])
})

test.each(['__proto__: x', 'constructor: x', 'hasOwnProperty: x', 'toString: x', 'prototype: x'])(
  'a header named like a property does no harm: %s',
  async (line) => {
    const session = await rawSession(scene)
    const response = await scene.raw(rawRequest('GET', '/api/x', [line, ...session.lines]))
    expect(response.status).toBe(200)
    expect(scene.internet.upstream.requests[0]?.bearer).toBeDefined()
  },
)

test('exactly one Authorization reaches the upstream, and it is that of the session', async () => {
  const session = await rawSession(scene)
  const evil = [
    'Authorization: Bearer evil',
    'authorization: Bearer evil2',
    'AUTHORIZATION: Basic x',
    'Proxy-Authorization: Basic x',
    'Authorization : x',
  ].slice(0, 4)
  const response = await scene.raw(rawRequest('GET', '/api/x', [...evil, ...session.lines]))
  expect(response.status).toBe(200)
  const [request] = scene.internet.upstream.requests
  const sent = request?.headers.filter(([name]) => /authorization/i.test(name)) ?? []
  expect(sent).toHaveLength(1)
  expect(sent[0]?.[1]).toMatch(/^Bearer /)
  expect(sent[0]?.[1]).not.toContain('evil')
})

test.each([
  ['a=1; SID; b=2', ['a=1; SID; b=2']],
  ['in several fields', ['a=1', 'SID', 'b=2']],
  ['with names that begin alike', ['__Host-Http-coatcheck2=x; SID; __Host-Http-coatcheck-login-7=y']],
])('no cookie of ours reaches the upstream: %s', async (_what, fields) => {
  const session = await rawSession(scene)
  const own = session.cookie.replace(/^Cookie: /, '')
  const lines = fields.map((field) => `Cookie: ${field.replace('SID', own)}`)
  const response = await scene.raw(rawRequest('GET', '/api/x', [...lines, 'Sec-Fetch-Site: same-origin']))
  expect(response.status).toBe(200)
  expect(scene.internet.upstream.requests[0]?.header('cookie')).toBeUndefined()
})
