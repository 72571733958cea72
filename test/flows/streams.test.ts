import { expect, test } from 'vitest'
import { simulateInternet } from '../support/internet.ts'
import { rawExchange, rawRequest } from '../support/raw-client.ts'

test('server-sent events pass through as they come and end with the session', async () => {
  const { app, upstream, browser } = await simulateInternet()
  const ada = browser()
  await ada.login(app)
  upstream.once((_request, exchange) => {
    exchange.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\n')
  })
  const stream = await ada.tab.stream('/api/events')
  expect(await stream.until('data: one\n\n')).toBe('data: one\n\n')
  expect((await ada.fetch('/bff/logout', { method: 'POST', csrf: true })).status).toBe(200)
  await stream.ended
  expect(stream.text).toBe('data: one\n\n')
})

test('a WebSocket passes through with the token and ends with the session', async () => {
  const { app, provider, upstream, browser } = await simulateInternet()
  const ada = browser()
  await ada.login(app)
  const webSocket = await ada.tab.webSocket('/api/chat?room=1')
  webSocket.send('hello')
  expect(String(await new Promise((resolve) => webSocket.once('message', resolve)))).toBe('hello')
  const [seen] = upstream.requests
  expect(seen?.target).toBe('/v1/chat?room=1')
  expect(seen?.header('cookie')).toBeUndefined()
  expect(provider.grants.activeAccessToken(seen?.bearer ?? '')).toBeDefined()
  const closed = new Promise((resolve) => webSocket.once('close', resolve))
  await ada.fetch('/bff/logout', { method: 'POST', csrf: true })
  await closed
  await expect(ada.tab.webSocket('/api/chat')).rejects.toThrow('401')
})

test.each(['https://evil.test', 'https://sub.app.test', 'http://app.test'])(
  'a WebSocket from %s is refused before the upstream hears of it',
  async (from) => {
    const { app, upstream, browser } = await simulateInternet()
    const ada = browser()
    await ada.login(app)
    const cookie = `Cookie: ${app.sessionCookie}=${ada.jar.get(app.sessionCookie)?.value ?? ''}`
    const handshake = [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ]
    for (const origin of [[`Origin: ${from}`], ['Origin: null'], []]) {
      const response = await rawExchange(app.port, rawRequest('GET', '/api/chat', [cookie, ...handshake, ...origin]))
      expect(response.status).toBe(403)
    }
    expect(upstream.connections()).toBe(0)
  },
)
