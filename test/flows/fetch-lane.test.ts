import { expect, test } from 'vitest'
import { deferred } from '../support/deferred.ts'
import { eventually } from '../support/eventually.ts'
import { bffOf, simulateInternet, type InternetOptions } from '../support/internet.ts'

/** A logged-in user of an app whose host speaks Request and Response. */
async function loggedIn(options: InternetOptions = {}) {
  const internet = await simulateInternet(options)
  const ada = internet.browser()
  await ada.login(internet.app)
  const cookie = `${internet.app.sessionCookie}=${ada.jar.get(internet.app.sessionCookie)?.value ?? ''}`
  const bff = bffOf(internet)
  const same = { cookie, 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }
  const ask = (path: string, init: RequestInit & { duplex?: 'half' } = {}) =>
    new Request(`http://whatever.host:99${path}`, { ...init, headers: { ...same, ...(init.headers as Record<string, string>) } })
  return { ...internet, ada, bff, ask, csrf: { 'x-csrf-token': String((await ada.session())['csrfToken']) } }
}

test('own endpoints, files and a 404 are answered as by the gateway', async () => {
  const { bff, ask } = await loggedIn()
  expect(await (await bff.fetch(ask('/bff/session'))).json()).toMatchObject({ authenticated: true })
  const file = await bff.fetch(ask('/app.js'))
  expect([file.status, await file.text(), file.headers.get('etag')]).toEqual([200, 'export {}\n', expect.any(String)])
  expect((await bff.fetch(ask('/bff/nothing'))).status).toBe(404)
  expect((await bff.fetch(ask('/api/a%2fb'))).status).toBe(400)
})

test('with next, the paths of no route are given to the host, and only those', async () => {
  const { bff, ask } = await loggedIn({ config: { routes: [{ path: '/api/', upstream: 'http://127.0.0.1:9/' }] } })
  const next = () => 'the host'
  expect(await bff.fetch(ask('/own'), { next })).toBe('the host')
  expect(await bff.fetch(ask('/apix'), { next })).toBe('the host')
  for (const path of ['/bff/nothing', '/api/x', '/api/a%2fb'])
    expect(await bff.fetch(ask(path), { next })).toBeInstanceOf(Response)
  expect((await bff.fetch(ask('/own'))).status).toBe(404)
})

test('the public origin is what the upstream is told, whatever host the runtime names', async () => {
  const { bff, ask, upstream } = await loggedIn()
  await bff.fetch(ask('/api/x'))
  const [seen] = upstream.requests
  expect([seen?.header('x-forwarded-host'), seen?.header('x-forwarded-proto')]).toEqual(['app.test', 'https'])
  expect(seen?.header('x-forwarded-for') ?? 'none').not.toMatch(/\d/)
  expect(seen?.header('forwarded')).toContain('for=unknown')
})

test('the address that the host tells is the peer; a trusted one is asked for more', async () => {
  const { bff, ask, upstream } = await loggedIn({ config: { trustedProxies: ['10.0.0.0/8'] } })
  const headers = { 'x-forwarded-for': '198.51.100.7' }
  await bff.fetch(ask('/api/x', { headers }), { clientAddress: '203.0.113.5' })
  await bff.fetch(ask('/api/x', { headers }), { clientAddress: '10.1.2.3' })
  expect(upstream.requests.map((request) => request.header('x-forwarded-for'))).toEqual(['203.0.113.5', '198.51.100.7'])
})

test('what Connection names ends here, and framing is our own', async () => {
  const { bff, ask, upstream } = await loggedIn()
  await bff.fetch(ask('/api/x', { headers: { connection: 'keep-alive, x-hop', 'x-hop': '1', te: 'trailers', 'x-kept': '1' } }))
  const [seen] = upstream.requests
  expect([seen?.header('x-hop'), seen?.header('te'), seen?.header('x-kept')]).toEqual([undefined, undefined, '1'])
  const answer = await bff.fetch(ask('/api/x'))
  for (const name of ['connection', 'transfer-encoding', 'keep-alive']) expect(answer.headers.get(name)).toBeNull()
})

test('a declared length that is not kept is no whole body', async () => {
  const { bff, ask, csrf, upstream } = await loggedIn()
  const body = new Blob(['twelve bytes']).stream()
  const headers = { ...csrf, 'content-length': '20000' }
  const answer = await bff.fetch(ask('/api/x', { method: 'POST', body, duplex: 'half', headers }))
  expect(answer.status).toBe(400)
  for (const request of upstream.requests) expect(await request.bodyEnd).toBe(false)
})

test('an upload whose source breaks off is not passed on as if it were whole', async () => {
  const { bff, ask, csrf, upstream } = await loggedIn()
  let source: ReadableStreamDefaultController<Uint8Array> | undefined
  const body = new ReadableStream<Uint8Array>({ start: (control) => void (source = control) })
  const answer = bff.fetch(ask('/api/x', { method: 'POST', body, duplex: 'half', headers: csrf }))
  source?.enqueue(Buffer.from('first'))
  const seen = await upstream.request(1)
  await eventually(() => expect(seen.body.toString()).toBe('first'))
  source?.error(new Error('the client left'))
  expect((await answer).status).toBe(400)
  expect(await seen.bodyEnd).toBe(false)
})

test('an upload that is refused early is not read to its end', async () => {
  const { bff, ask } = await loggedIn()
  let pulled = 0
  const cancelled = deferred<void>()
  const body = new ReadableStream<Uint8Array>({
    pull(control) {
      pulled += 1
      control.enqueue(Buffer.alloc(65_536))
    },
    cancel: () => cancelled.resolve(),
  })
  const answer = await bff.fetch(ask('/api/x', { method: 'POST', body, duplex: 'half' }))
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([403, 'csrf_failed'])
  await cancelled.promise
  expect(pulled).toBeLessThan(200)
})

test('a reader that stops reading stops the upstream, and one that leaves ends the call', async () => {
  const { bff, ask, upstream } = await loggedIn()
  const gone = deferred<void>()
  let written = 0
  upstream.once((_request, exchange) => {
    exchange.socket.once('close', () => gone.resolve())
    exchange.write('HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n')
    const piece = Buffer.alloc(65_536)
    const more = () => {
      while (!exchange.socket.destroyed && written < 64 << 20) {
        written += piece.length
        if (!exchange.socket.write(piece)) return void exchange.socket.once('drain', more)
      }
    }
    more()
  })
  const answer = await bff.fetch(ask('/api/x'))
  const reader = answer.body?.getReader()
  await reader?.read()
  let before = -1
  await eventually(async () => {
    before = written
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(written, 'nothing is taken while nobody reads').toBe(before)
  })
  expect(written).toBeLessThan(32 << 20)
  await reader?.cancel()
  await gone.promise
})

test('headers over the limit are 431, a client that has left costs no call', async () => {
  const { bff, ask, upstream } = await loggedIn()
  const large = await bff.fetch(ask('/api/x', { headers: { 'x-large': 'x'.repeat(40_000) } }))
  expect(large.status).toBe(431)
  const control = new AbortController()
  control.abort()
  expect((await bff.fetch(ask('/api/x', { signal: control.signal }))).status).toBe(400)
  expect(upstream.requests).toEqual([])
})

test('a status that no Response can have is 502', async () => {
  const { bff, ask, upstream } = await loggedIn()
  upstream.once('HTTP/1.1 700 Odd\r\nContent-Length: 0\r\n\r\n')
  const answer = await bff.fetch(ask('/api/x'))
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([502, 'upstream_unreachable'])
})

test('a body that the host has read is told, not sent empty', async () => {
  const { bff, ask, csrf } = await loggedIn({ safety: { internalErrors: true } })
  const request = ask('/api/x', { method: 'POST', body: '{}', headers: csrf })
  await request.text()
  const answer = await bff.fetch(request)
  expect([answer.status, ((await answer.json()) as { detail: string }).detail]).toEqual([
    500,
    expect.stringContaining('read before'),
  ])
})
