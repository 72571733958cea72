import { afterEach, beforeEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { rawConnect, rawExchange, rawRequest } from './raw-client.ts'
import { startRecordingUpstream, type RecordingUpstream } from './recording-upstream.ts'

let upstream: RecordingUpstream

beforeEach(async () => {
  upstream = await startRecordingUpstream()
})
afterEach(() => upstream.close())

test('records head and body byte for byte', async () => {
  const bytes = 'POST /a//b?x=%2F HTTP/1.1\r\nhOsT: x\r\nX-Odd:   two  \r\nContent-Length: 3\r\n\r\n\x00\xffz'
  const response = await rawExchange(upstream.port, bytes, 'POST')
  expect(response.status).toBe(200)
  expect(upstream.received()).toBe(bytes)
  expect(upstream.requests[0]).toMatchObject({ method: 'POST', target: '/a//b?x=%2F', body: Buffer.from('\x00\xffz', 'latin1') })
  expect(upstream.requests[0]?.headers[0]).toEqual(['hOsT', 'x'])
})

test('reads a chunked body and the request that is pipelined behind it', async () => {
  const connection = await rawConnect(upstream.port)
  connection.send('POST /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n')
  expect(JSON.parse((await connection.response()).text)).toMatchObject({ target: '/1', bytes: 3 })
  expect(JSON.parse((await connection.response()).text)).toMatchObject({ target: '/2' })
  expect(upstream.connections()).toBe(1)
  connection.halfClose()
  expect(await connection.closed).toBe('end')
})

test('answers down to the byte, in pieces, and with resets', async () => {
  upstream.once('HTTP/1.1 299 Odd\r\nX-A: 1\r\nContent-Length: 5\r\n\r\nab')
  const connection = await rawConnect(upstream.port)
  connection.send(rawRequest('GET', '/'))
  await connection.bytes(45)
  expect(connection.rest().toString()).toContain('299 Odd')
  upstream.once((_request, exchange) => {
    exchange.write('HTTP/1.1 200 OK\r\n\r\nshort')
    exchange.end()
  })
  expect(await rawExchange(upstream.port, rawRequest('GET', '/'))).toMatchObject({ status: 200, text: 'short' })
  upstream.once({ reset: true })
  await expect(rawExchange(upstream.port, rawRequest('GET', '/'))).rejects.toThrow('reset')
})

test('asks for a bearer when told', async () => {
  upstream.requireBearer((token) => token === 'good')
  expect((await rawExchange(upstream.port, rawRequest('GET', '/'))).status).toBe(401)
  expect((await rawExchange(upstream.port, rawRequest('GET', '/', ['Authorization: Bearer good']))).status).toBe(200)
})

test('echoes over a WebSocket', async () => {
  const webSocket = new WebSocket(`ws://127.0.0.1:${upstream.port}/chat`)
  await new Promise((resolve) => webSocket.once('open', resolve))
  webSocket.send('hello')
  expect(String(await new Promise((resolve) => webSocket.once('message', resolve)))).toBe('hello')
  expect(upstream.requests[0]?.header('upgrade')).toBe('websocket')
  webSocket.terminate()
})
