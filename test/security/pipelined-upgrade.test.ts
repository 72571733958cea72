// K13: a handshake behind a request that is not answered yet (@fastify/http-proxy CVE-2026-130647). The fuzzer found it here too: Node
// gives a response's connection away once only, and what it throws then ended the process.
import { expect, test } from 'vitest'
import { rawRequest } from '../support/raw-client.ts'
import { hostileScene } from './support/hostile-case.ts'
import { rawSession } from './support/raw-session.ts'

const scene = hostileScene()
const handshake = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Origin: https://app.test',
]

test.each([
  ['a call', '/api/slow', '/api/socket'],
  ['a call of an open route', '/public/slow', '/public/socket'],
])('%s that is not answered yet, and a handshake behind it: the connection ends', async (_what, first, second) => {
  const { upstream } = scene.internet
  const session = await rawSession(scene)
  upstream.answer({ hang: true })
  const connection = await scene.connect()
  connection.send(rawRequest('GET', first, session.lines) + rawRequest('GET', second, [...session.lines, ...handshake]))
  await connection.closed
  expect(connection.received().toString('latin1')).toBe('')
  expect(upstream.requests.map(({ target }) => target)).not.toContain(second)
})

test.each(['h2c', 'websocket', 'x'])('the same by a stranger, with Upgrade: %s', async (protocol) => {
  scene.internet.upstream.answer({ hang: true })
  const connection = await scene.connect()
  connection.send(
    rawRequest('GET', '/public/slow') +
      rawRequest('GET', '/public/x', ['Connection: Upgrade', `Upgrade: ${protocol}`]) +
      'GET /api/third HTTP/1.1\r\n',
  )
  await connection.closed
  expect(scene.internet.upstream.requests.map(({ target }) => target)).toEqual(['/public/slow'])
})

test('a body of our own endpoints whose client leaves is no error of ours', async () => {
  const { logs } = scene.internet
  for (const path of ['/bff/backchannel-logout', '/bff/callback', '/bff/logout']) {
    const connection = await scene.connect()
    connection.send(
      `${rawRequest('POST', path, ['Content-Type: application/x-www-form-urlencoded', 'Content-Length: 100'])}logout_token=`,
    )
    connection.reset()
  }
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(logs.lines().filter(({ level }) => Number(level) >= 50)).toEqual([])
})
