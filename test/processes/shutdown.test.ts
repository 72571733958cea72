import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { deferred } from '../support/deferred.ts'
import { eventually } from '../support/eventually.ts'
import { rawRequest } from '../support/raw-client.ts'
import { deploy, pageRequest, type Deployment } from './support/deployment.ts'
import { inTime } from './support/in-time.ts'

/** How a new connection is met. */
function tryToConnect(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => resolve('accepted'))
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'))
    socket.once('close', () => socket.destroy())
  })
}

async function drained(deployment: Deployment): Promise<void> {
  await eventually(async () => expect(await deployment.ready()).toBe(503))
}

test('SIGTERM: calls in flight finish, nobody new comes in, readiness says so, and the exit code is 0', async () => {
  const deployment = await deploy()
  const user = await deployment.user('ada')
  const token = String((await user.session())['csrfToken'])
  const { upstream } = deployment
  const { process: gateway, port } = deployment.node()
  expect(await deployment.ready()).toBe(200)

  const go = deferred()
  // One call waits for its head, one is in the middle of its answer, one in the middle of its upload.
  upstream.once(async (_request, exchange) => {
    await go.promise
    exchange.respond({ body: { call: 'waiting' } })
  })
  upstream.once(async (_request, exchange) => {
    exchange.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst')
    await go.promise
    exchange.write('-last')
  })
  const before = upstream.requests.length
  const waiting = await deployment.connect()
  waiting.send(pageRequest(user, 'GET', '/api/waiting'))
  await upstream.request(before + 1)
  const streaming = await deployment.connect()
  streaming.send(pageRequest(user, 'GET', '/api/streaming'))
  await streaming.bytes(1)
  const uploading = await deployment.connect()
  const half = 'x'.repeat(50_000)
  uploading.send(
    pageRequest(user, 'POST', '/api/uploading', [
      'Origin: https://app.test',
      `X-CSRF-Token: ${token}`,
      'Content-Length: 100000',
    ]) + half,
  )
  await upstream.request(before + 3)
  const idle = await deployment.connect()
  idle.send(pageRequest(user, 'GET', '/bff/session'))
  await idle.response()

  gateway.signal('SIGTERM')
  await drained(deployment)
  expect(await idle.closed).toBe('end')
  expect(await tryToConnect(port)).toBe('ECONNREFUSED')
  expect(gateway.isRunning).toBe(true)
  go.resolve()
  uploading.send(half)

  const answer = await waiting.response()
  expect(answer).toMatchObject({ status: 200, complete: true })
  expect(JSON.parse(answer.text)).toEqual({ call: 'waiting' })
  expect(await streaming.response()).toMatchObject({ status: 200, complete: true, text: 'first-last' })
  expect(JSON.parse((await uploading.response('POST')).text)).toMatchObject({ bytes: 100_000 })
  expect(await inTime(gateway.exited, 'the exit')).toEqual({ code: 0, signal: null })
  expect(gateway.lines().at(-1)).toMatchObject({ event: 'stopped' })
})

test('SIGTERM: WebSockets are closed with 1001, and the process does not wait for them', async () => {
  const deployment = await deploy()
  const user = await deployment.user('ada')
  const { process: gateway } = deployment.node()
  const webSocket = await user.tab.webSocket('/api/socket')
  const closed = new Promise<number>((resolve) => webSocket.once('close', resolve))
  const startedMs = performance.now()
  gateway.signal('SIGTERM')
  expect(await inTime(closed, 'the close frame')).toBe(1001)
  expect(await inTime(gateway.exited, 'the exit')).toEqual({ code: 0, signal: null })
  expect(performance.now() - startedMs).toBeLessThan(4_000)
  await eventually(() => expect(deployment.upstream.webSockets.size).toBe(0))
})

test('SIGTERM: what does not end by itself is cut after shutdownSeconds, and the exit code is 0', async () => {
  const deployment = await deploy({ limits: { shutdownSeconds: 1 } })
  const user = await deployment.user('ada')
  const { process: gateway } = deployment.node()
  deployment.upstream.once('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: hello\n\n')
  const stream = await user.tab.stream('/api/events')
  await stream.until('hello')
  deployment.upstream.once({ hang: true })
  const hanging = await deployment.connect()
  hanging.send(pageRequest(user, 'GET', '/api/hanging'))
  const before = deployment.upstream.requests.length
  await deployment.upstream.request(before)
  gateway.signal('SIGTERM')
  await drained(deployment)
  expect(await inTime(stream.ended, 'the end of the stream')).toBe(false)
  await inTime(hanging.closed, 'the end of the hanging call')
  expect(await inTime(gateway.exited, 'the exit')).toEqual({ code: 0, signal: null })
})

test('SIGTERM with nothing to do: a quick exit, and the sessions are there after a restart', async () => {
  const deployment = await deploy()
  const user = await deployment.user('ada')
  const { process: gateway } = deployment.node()
  gateway.signal('SIGTERM')
  expect(await inTime(gateway.exited, 'the exit', 2_000)).toEqual({ code: 0, signal: null })
  await deployment.crash()
  expect(await user.session()).toMatchObject({ authenticated: true })
})

test('a refused upgrade whose client keeps its side open holds nothing up', async () => {
  const deployment = await deploy({ limits: { shutdownSeconds: 1 } })
  await deployment.user('ada')
  const { process: gateway } = deployment.node()
  const upgrade = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ]
  const connection = await deployment.connect()
  connection.send(rawRequest('GET', '/api/socket', upgrade))
  expect((await connection.response()).status).toBe(401)
  gateway.signal('SIGTERM')
  expect(await inTime(gateway.exited, 'the exit', 4_000)).toEqual({ code: 0, signal: null })
})
