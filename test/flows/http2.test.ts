import { writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { constants, type ClientHttp2Stream } from 'node:http2'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as tlsConnect, type PeerCertificate } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { makeCertificate } from '../proxy/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { startFurtherGateway } from '../support/further-gateway.ts'
import { answerOf, Http2Client } from '../support/http2-client.ts'
import { simulateInternet, type ConfigOverrides } from '../support/internet.ts'

const certificate = makeCertificate('app.test')

/** The app behind TLS, somebody who is logged in, and their connection. */
async function overTls(config: ConfigOverrides = {}) {
  const internet = await simulateInternet({ config })
  const { port, close } = await startFurtherGateway(internet, { store: internet.store, tls: certificate })
  const ada = internet.browser()
  await ada.login(internet.app)
  const id = ada.jar.get(internet.app.sessionCookie)?.value ?? ''
  const page = { cookie: `${internet.app.sessionCookie}=${id}`, 'sec-fetch-site': 'same-origin' }
  const token = String((await ada.session())['csrfToken'])
  const client = new Http2Client(port, certificate.cert)
  return { ...internet, internet, port, close, ada, id, page, token, client }
}

test('a call: the token goes up, no pseudo-header field does, and the answer has no field of HTTP/1.1', async () => {
  const { client, page, upstream, provider } = await overTls()
  const answer = await client.ask('/api/orders?page=2', { ...page, 'x-mine': 'yes', accept: 'application/json' })
  expect(answer).toMatchObject({ status: 200, reset: 0 })
  expect(answer.headers).toMatchObject({ 'cache-control': 'private, no-store', 'x-content-type-options': 'nosniff' })
  for (const name of ['connection', 'keep-alive', 'transfer-encoding']) expect(answer.headers).not.toHaveProperty(name)
  const request = upstream.requests.at(-1)
  expect(request).toMatchObject({ method: 'GET', target: '/v1/orders?page=2' })
  expect(provider.grants.activeAccessToken(request?.bearer ?? '')).toBeDefined()
  expect(request?.header('x-mine')).toBe('yes')
  expect(request?.headers.filter(([name]) => name.startsWith(':') || /^cookie$/i.test(name))).toEqual([])
  expect(request?.headers.filter(([name]) => /^host$/i.test(name))).toHaveLength(1)
  expect(request?.header('x-forwarded-host')).toBe('app.test')
})

test('login, session and logout over HTTP/2; a logout here is one everywhere', async () => {
  const { client, page, token, ada } = await overTls()
  const login = await client.ask('/bff/login?returnTo=/x')
  expect(login.status).toBe(303)
  expect(login.headers['set-cookie']).toHaveLength(1)
  expect(JSON.parse((await client.ask('/bff/session', page)).text)).toMatchObject({ authenticated: true, csrfToken: token })
  expect((await client.ask('/bff/logout', { ...page, ':method': 'POST', origin: 'https://app.test' })).status).toBe(403)
  const logout = await client.ask('/bff/logout', {
    ...page,
    ':method': 'POST',
    origin: 'https://app.test',
    'x-csrf-token': token,
  })
  expect(logout.status).toBe(200)
  expect((await client.ask('/api/a', page)).status).toBe(401)
  expect((await ada.fetch('/api/a')).status).toBe(401)
})

test('cookies come in crumbs: they are read as one, and two session cookies are none', async () => {
  const { client, internet, id, page, upstream } = await overTls()
  const name = internet.app.sessionCookie
  const crumbs = { ...page, cookie: ['theme=dark', `${name}=${id}`, 'lang=en'] }
  expect((await client.ask('/api/a', crumbs)).status).toBe(200)
  const before = upstream.requests.length
  const planted = { ...page, cookie: [`${name}=${'A'.repeat(id.length)}`, `${name}=${id}`] }
  expect((await client.ask('/api/a', planted)).status).toBe(401)
  expect(upstream.requests).toHaveLength(before)
})

test('CSRF is judged as over HTTP/1.1', async () => {
  const { client, page, token, upstream } = await overTls()
  const before = upstream.requests.length
  expect((await client.ask('/api/a', { ...page, 'sec-fetch-site': 'cross-site' })).status).toBe(403)
  expect((await client.ask('/api/a', { ...page, ':method': 'POST' }, 'x')).status).toBe(403)
  expect(upstream.requests).toHaveLength(before)
  expect((await client.ask('/api/a', { ...page, ':method': 'POST', 'x-csrf-token': token }, 'x')).status).toBe(200)
})

test('paths and authorities with two readings are refused', async () => {
  const { client, page } = await overTls()
  for (const path of ['/api/%2e%2e/admin/', '/api//a', '/api/a\\b', '/api/a%00'])
    expect((await client.ask(path, page)).status, path).toBe(400)
  expect((await client.ask('/api/a', { ...page, host: 'other.test' })).status).toBe(400)
})

test('uploads stream with and without a length, and reach the upstream whole', async () => {
  const { client, page, token, upstream } = await overTls()
  const body = Buffer.alloc(300_000, 'ab')
  const post = { ...page, ':method': 'POST', 'x-csrf-token': token }
  for (const headers of [post, { ...post, 'content-length': body.length }]) {
    expect(await client.ask('/api/upload', headers, body)).toMatchObject({ status: 200, reset: 0 })
    const request = upstream.requests.at(-1)
    expect(request?.bodyBytes).toBe(body.length)
    expect(await request?.bodyEnd).toBe(true)
  }
})

test('an upload that its client breaks off never looks whole to the upstream', async () => {
  const { client, port, page, token, upstream } = await overTls()
  const breakOffs: readonly [object, (client: Http2Client, stream: ClientHttp2Stream) => void][] = [
    [{ 'content-length': 500_000 }, (_client, stream) => stream.close(constants.NGHTTP2_CANCEL)],
    // The end of the stream comes before the length is reached.
    [{ 'content-length': 500_000 }, (_client, stream) => stream.end()],
    [{}, (other) => other.session.destroy()],
    [{}, (_client, stream) => stream.destroy(new Error('gone'))],
  ]
  for (const [length, breakOff] of breakOffs) {
    const before = upstream.requests.length
    const own = new Http2Client(port, certificate.cert)
    const stream = own.open({ ...page, ...length, ':method': 'POST', ':path': '/api/upload', 'x-csrf-token': token }, true)
    stream.write(Buffer.alloc(100_000, 'a'))
    const request = await upstream.request(before + 1)
    await eventually(() => expect(request.bodyBytes).toBe(100_000))
    breakOff(own, stream)
    expect(await request.bodyEnd).toBe(false)
  }
  expect((await client.ask('/api/next', page)).status).toBe(200)
})

test('an answer that the upstream breaks off is reset, and never looks whole to the client', async () => {
  const { client, page, upstream } = await overTls()
  upstream.once((_request, exchange) => {
    exchange.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n${'x'.repeat(65_536)}\r\n`)
    setTimeout(() => exchange.reset(), 200)
  })
  const answer = await client.ask('/api/cut', page)
  expect(answer).toMatchObject({ status: 200, reset: constants.NGHTTP2_INTERNAL_ERROR, isWhole: false })
  expect((await client.ask('/api/next', page)).status).toBe(200)
})

test('a client that resets its stream ends the call upstream, and only that', async () => {
  const { client, page, upstream } = await overTls()
  const before = upstream.requests.length
  let isCut = false
  upstream.once((_request, exchange) => {
    exchange.socket.on('close', () => (isCut = true))
    exchange.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n')
  })
  const stream = client.open({ ...page, ':path': '/api/events' })
  await new Promise((resolve) => stream.once('data', resolve))
  expect(upstream.requests).toHaveLength(before + 1)
  stream.close(constants.NGHTTP2_CANCEL)
  await eventually(() => expect(isCut).toBe(true))
  expect((await client.ask('/api/next', page)).status).toBe(200)
})

test('a large answer waits for a client that does not read', async () => {
  const { client, page, upstream } = await overTls()
  let sent = 0
  upstream.once((_request, exchange) => {
    exchange.write(`HTTP/1.1 200 OK\r\nContent-Length: ${32 << 20}\r\n\r\n`)
    const chunk = Buffer.alloc(1 << 20, 'x')
    const more = (): void => {
      while (sent < 32) {
        sent += 1
        if (!exchange.socket.write(chunk)) return
      }
    }
    exchange.socket.on('drain', more)
    more()
  })
  const stream = client.open({ ...page, ':path': '/api/large' })
  stream.pause()
  await new Promise((resolve) => stream.once('response', resolve))
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(sent).toBeLessThan(24)
  // Others on the connection are not held up by it.
  expect((await client.ask('/api/next', page)).status).toBe(200)
  const answer = answerOf(stream)
  stream.resume()
  expect((await answer).text).toHaveLength(32 << 20)
})

test('a session that ends resets its open streams', async () => {
  const { client, page, upstream, ada } = await overTls()
  upstream.once('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n')
  const stream = client.open({ ...page, ':path': '/api/events' })
  const answer = answerOf(stream)
  await new Promise((resolve) => stream.once('data', resolve))
  expect((await ada.fetch('/bff/logout', { method: 'POST', csrf: true })).status).toBe(200)
  expect(await answer).toMatchObject({ reset: constants.NGHTTP2_INTERNAL_ERROR, isWhole: false })
})

test('an answer with a token is stopped', async () => {
  const { client, page, upstream, provider } = await overTls()
  upstream.once((request, exchange) => exchange.respond({ body: { echo: request.bearer } }))
  const answer = await client.ask('/api/echo', page)
  expect(answer.status).toBe(502)
  expect(JSON.parse(answer.text)).toMatchObject({ code: 'token_in_response' })
  for (const [secret] of provider.issued) expect(answer.text).not.toContain(secret)
})

test('an early refusal of an upload reaches its client, and asks for no more of it', async () => {
  const { client, page } = await overTls()
  const stream = client.open({ ...page, ':method': 'POST', ':path': '/api/upload' }, true)
  let status = 0
  stream.on('response', (headers) => (status = headers[':status'] ?? 0))
  const ended = new Promise((resolve) => stream.once('end', resolve))
  stream.resume()
  stream.write(Buffer.alloc(4 << 20, 'x'))
  await ended
  expect(status).toBe(403)
  await eventually(() => expect(stream.closed).toBe(true))
  expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR)
  expect((await client.ask('/api/next', page)).status).toBe(200)
})

test('files, and 431 for a head that is too large', async () => {
  const { client, page, port } = await overTls()
  expect(await client.ask('/')).toMatchObject({ status: 200, text: expect.stringContaining('The app') })
  expect(await client.ask('/app.js', { ':method': 'HEAD' })).toMatchObject({ status: 200, text: '' })
  const large = await client.ask('/bff/callback?code=c', { ...page, 'x-large': 'x'.repeat(40_000) })
  expect(large).toMatchObject({ status: 431, text: '' })
  expect(large.headers).toMatchObject({ 'content-security-policy': 'sandbox', 'referrer-policy': 'no-referrer' })
  const endless = await client.ask('/api/a', { ...page, 'x-large': 'x'.repeat(60_000), 'x-larger': 'x'.repeat(60_000) })
  expect(endless).toMatchObject({ status: 0, text: '' })
  expect((await new Http2Client(port, certificate.cert).ask('/')).status).toBe(200)
})

test('HTTP/1.1 and WebSockets are served on the same port', async () => {
  const { port, page } = await overTls()
  const status = await new Promise<number | undefined>((resolve, reject) => {
    httpsRequest(
      { host: '127.0.0.1', port, path: '/api/a', ca: certificate.cert, headers: { host: 'app.test', ...page } },
      (res) => {
        res.resume()
        resolve(res.statusCode)
      },
    )
      .on('error', reject)
      .end()
  })
  expect(status).toBe(200)
  const webSocket = new WebSocket(`wss://127.0.0.1:${port}/api/socket`, {
    ca: certificate.cert,
    headers: { host: 'app.test', origin: 'https://app.test', ...page },
  })
  await new Promise((resolve, reject) => webSocket.once('open', resolve).once('error', reject))
  webSocket.send('hello')
  expect(String(await new Promise((resolve) => webSocket.once('message', resolve)))).toContain('hello')
  webSocket.terminate()
})

test('rapid resets end the connection, not the gateway', async () => {
  const { client, page, port, upstream } = await overTls()
  const before = upstream.requests.length
  for (let count = 0; count < 10_000 && !client.session.destroyed; count += 1) {
    client.open({ ...page, ':path': '/api/a' }).close(constants.NGHTTP2_CANCEL)
    if (count % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  // nghttp2 allows a burst of 1,000. Node 22 does not tell the client of the end over TLS, so what came through is counted.
  const other = new Http2Client(port, certificate.cert)
  expect((await other.ask('/api/a', page)).status).toBe(200)
  expect(upstream.requests.length - before).toBeLessThan(1_500)
})

test('TLS 1.1 is refused, and so is what is no TLS at all', async () => {
  const { port } = await overTls()
  const error = await new Promise<string | undefined>((resolve) => {
    const old = { minVersion: 'TLSv1' as const, maxVersion: 'TLSv1.1' as const, ciphers: 'DEFAULT@SECLEVEL=0' }
    const socket = tlsConnect({ host: '127.0.0.1', port, ca: certificate.cert, ...old })
    socket.on('secureConnect', () => resolve(undefined))
    socket.on('error', (refusal: NodeJS.ErrnoException) => resolve(refusal.code))
  })
  expect(error).toMatch(/^E/)
  await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow('fetch failed')
})

test('a shutdown says GOAWAY, lets calls end and cuts what does not', async () => {
  const { client, page, upstream, close } = await overTls()
  const before = upstream.requests.length
  let finish = (): void => undefined
  upstream.once((_request, exchange) => {
    finish = () => exchange.respond({ body: 'late' })
  })
  const slow = client.ask('/api/slow', page)
  await upstream.request(before + 1)
  const closing = close()
  await eventually(() => expect(client.goaway).toBe(0))
  finish()
  expect(await slow).toMatchObject({ status: 200, reset: 0 })
  await closing
  await client.closed
})

test('renewed certificate files are used without a restart, and unusable ones are not', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-tls-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  const write = ({ cert, key }: { cert: string; key: string }): void => {
    writeFileSync(files.cert, cert)
    writeFileSync(files.key, key)
  }
  write(certificate)
  const internet = await simulateInternet()
  const { port } = await startFurtherGateway(internet, { store: internet.store, tls: files })
  const shown = (): Promise<PeerCertificate> =>
    new Promise((resolve, reject) => {
      const socket = tlsConnect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate())
        socket.destroy()
      }).on('error', reject)
    })
  expect((await shown()).subject.CN).toBe('app.test')
  write({ ...makeCertificate('half'), key: certificate.key })
  await eventually(() => expect(internet.logs.events('certificate_refused')).toHaveLength(1), 20_000)
  expect((await shown()).subject.CN).toBe('app.test')
  write(makeCertificate('renewed'))
  await eventually(async () => expect((await shown()).subject.CN).toBe('renewed'), 20_000)
})
