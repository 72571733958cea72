import { createServer, type IncomingMessage } from 'node:http'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import type { Bff } from '../../src/bff.ts'
import { deferred } from '../support/deferred.ts'
import { bffOf, simulateInternet, type InternetOptions } from '../support/internet.ts'
import { listenOnLoopback } from '../support/loopback.ts'
import { rawConnect, rawRequest } from '../support/raw-client.ts'

/** A logged-in user, and what code of the server sees of a request of theirs. */
async function loggedIn(options: InternetOptions = {}) {
  const internet = await simulateInternet(options)
  const ada = internet.browser()
  await ada.login(internet.app)
  const cookie = `${internet.app.sessionCookie}=${ada.jar.get(internet.app.sessionCookie)?.value ?? ''}`
  const bff = bffOf(internet)
  const page = new Request(`${internet.app.url}/page`, { headers: { cookie: `theme=dark; ${cookie}` } })
  return { internet, ...internet, ada, bff, cookie, page }
}

/** A request as Node gives it. */
async function nodeRequest(cookie: string): Promise<IncomingMessage> {
  const seen = deferred<IncomingMessage>()
  const listener = await listenOnLoopback(createServer((req) => seen.resolve(req)))
  onTestFinished(() => listener.close())
  const connection = await rawConnect(listener.port)
  connection.send(rawRequest('GET', '/', [`Cookie: ${cookie}`, 'X-Forwarded-For: 203.0.113.9']))
  return seen.promise
}

test('the session of a request is what the page would be told, by every kind of request', async () => {
  const { bff, ada, cookie, page } = await loggedIn()
  const { authenticated, ...told } = await ada.session()
  expect([authenticated, told['user']]).toEqual([true, expect.objectContaining({ sub: 'user-ada' })])
  const get = (name: string) => (name === 'cookie' ? cookie : null)
  for (const request of [page, page.headers, { get }, { headers: { get } }, { cookie }, { headers: { cookie } }])
    expect(await bff.session(request)).toEqual(told)
  expect(await bff.session(await nodeRequest(cookie))).toEqual(told)
})

test('no session: none, an unknown one, two cookies, and one that has ended', async () => {
  const { bff, ada, cookie, page, app } = await loggedIn()
  const unknown = `${app.sessionCookie}=${'A'.repeat(43)}`
  for (const text of ['', 'theme=dark', unknown, `${cookie}; ${unknown}`])
    expect(await bff.session({ cookie: text })).toBeUndefined()
  expect(await bff.session({})).toBeUndefined()
  await ada.fetch('/bff/logout', { method: 'POST', csrf: true })
  expect(await bff.session(page)).toBeUndefined()
})

test('reading the session does not keep it alive; calling an API does', async () => {
  const { bff, clock, page } = await loggedIn()
  const before = (await bff.session(page))?.idleExpiresAt
  clock.advance(200_000)
  expect((await bff.session(page))?.idleExpiresAt).toBe(before)
  await bff.fetch(page, '/api/x')
  expect((await bff.session(page))?.idleExpiresAt).not.toBe(before)
})

test("an API is called by the route's path or by its own address, with the token and nothing of the browser's", async () => {
  const { bff, page, cookie, upstream, provider } = await loggedIn()
  const byPath = await bff.fetch(page, '/api/orders?x=1', {
    headers: { authorization: 'Bearer evil', cookie: 'a=b', 'x-kept': '1' },
  })
  expect([byPath.status, await byPath.json()]).toEqual([
    200,
    expect.objectContaining({ target: '/v1/orders?x=1', sub: 'user-ada' }),
  ])
  const byUrl = await bff.fetch(page.headers, `${upstream.url}/v1/orders/7`)
  expect(await byUrl.json()).toMatchObject({ target: '/v1/orders/7', sub: 'user-ada' })
  const byNode = await bff.fetch(await nodeRequest(cookie), new URL(`${upstream.url}/optional/y`))
  expect(await byNode.json()).toMatchObject({ target: '/optional/y', sub: 'user-ada' })
  for (const { bearer, head } of upstream.requests) {
    expect(provider.grants.activeAccessToken(bearer ?? '')).toBeDefined()
    expect(head).not.toMatch(/evil|coatcheck=|a=b|theme/)
  }
  expect(upstream.requests[0]?.header('x-kept')).toBe('1')
  expect(upstream.requests[2]?.header('x-forwarded-for'), 'the forwarded address of nobody trusted').toBe('127.0.0.1')
})

test('a POST needs no proof of the page, and its body streams', async () => {
  const { bff, page, upstream } = await loggedIn()
  const sent = await bff.fetch(page, '/api/orders', {
    method: 'POST',
    body: JSON.stringify({ a: 1 }),
    headers: { 'content-type': 'application/json' },
  })
  expect(await sent.json()).toMatchObject({ method: 'POST', bytes: 7 })
  expect(upstream.requests[0]?.header('content-type')).toBe('application/json')
  const body = new Blob(['first', 'last']).stream()
  const streamed = await bff.fetch(page, '/api/orders', { method: 'PUT', body, duplex: 'half' })
  expect(await streamed.json()).toMatchObject({ method: 'PUT', bytes: 9 })
})

test.each([
  ['gzip', gzipSync],
  ['br', brotliCompressSync],
  ['deflate', deflateSync],
])('a body that comes in %s is given in plain, as by any fetch', async (coding, compress) => {
  const { bff, page, upstream } = await loggedIn()
  upstream.once({ headers: [['Content-Encoding', coding]], body: compress('{"a":1}') })
  const answer = await bff.fetch(page, '/api/x')
  expect(await answer.json()).toEqual({ a: 1 })
  expect([answer.headers.get('content-encoding'), answer.headers.get('content-length')]).toEqual([null, null])
  upstream.once({ headers: [['Content-Encoding', coding]], body: compress('x'.repeat(70_000)).subarray(0, -4) })
  await expect((await bff.fetch(page, '/api/x')).text()).rejects.toThrow()
})

test.each([
  'https://evil.test/v1/x',
  '//evil.test/v1/x',
  'http://127.0.0.1:1/v1/x',
  '/own',
  '/index.html',
  '/bff/session',
  'UPSTREAM/v2/x',
  'UPSTREAM/v1x',
  'UPSTREAM/admin',
])('%s is no address that is configured: nothing is sent', async (address) => {
  const { bff, page, upstream } = await loggedIn()
  const given = address.replace('UPSTREAM', upstream.url)
  await expect(bff.fetch(page, given)).rejects.toMatchObject({ code: 'not_found' })
  expect(upstream.connections()).toBe(0)
})

test.each(['/api/a%2f..%2fb', '/api/a;x=1/..%5cb', 'data:,x'])('%s is refused', async (address) => {
  const { bff, page, upstream } = await loggedIn()
  await expect(bff.fetch(page, address)).rejects.toMatchObject({ code: expect.stringMatching(/bad_request|not_found/) })
  expect(upstream.connections()).toBe(0)
})

test('an address that a longer route leads away from is not reached by the shorter one', async () => {
  const { bff, page, upstream } = await loggedIn()
  // /api/read-only/x is a route of its own, whose base is the same place: it is found, with its own methods.
  expect((await bff.fetch(page, `${upstream.url}/v1/read-only/x`)).status).toBe(200)
  expect((await bff.fetch(page, `${upstream.url}/v1/read-only/x`, { method: 'DELETE' })).status).toBe(405)
})

test('what the page would be told is told here too: 401, 403, 502 with a token in it, 503', async () => {
  const { internet, bff, page, upstream, provider, clock } = await loggedIn()
  const html = { headers: { accept: 'text/html' } }
  const stranger = await bff.fetch({ cookie: '' }, '/api/x', html)
  expect([stranger.status, await stranger.json()]).toEqual([401, expect.objectContaining({ code: 'session_required' })])
  provider.loginAs('grace')
  const grace = internet.browser()
  await grace.login(internet.app)
  const cookie = `${internet.app.sessionCookie}=${grace.jar.get(internet.app.sessionCookie)?.value ?? ''}`
  expect((await bff.fetch({ cookie }, '/admin/x')).status).toBe(403)
  upstream.once((request, exchange) => exchange.respond({ body: { token: request.bearer } }))
  expect((await bff.fetch(page, '/api/x')).status).toBe(502)
  clock.advance(301_000)
  await provider.stop()
  const outage = await bff.fetch(page, '/api/x')
  expect([outage.status, outage.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/\d/)])
  await provider.start()
  expect((await bff.fetch(page, '/api/x')).status, 'and nobody was logged out').toBe(200)
})

test('twenty calls for one screen make one refresh', async () => {
  const { bff, page, clock, provider } = await loggedIn()
  clock.advance(301_000)
  const answers = await Promise.all(Array.from({ length: 20 }, async (_, n) => bff.fetch(page, `/api/${n}`)))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
  expect(provider.tokenCalls('refresh_token')).toHaveLength(1)
})

test('a caller that gives up rejects with its reason, and the upstream hears of it', async () => {
  const { bff, page, upstream } = await loggedIn()
  const gone = deferred<void>()
  upstream.once((_request, exchange) => void exchange.socket.once('close', () => gone.resolve()))
  const control = new AbortController()
  const call = bff.fetch(page, '/api/slow', { signal: control.signal })
  await upstream.request(1)
  control.abort(new Error('no longer needed'))
  await expect(call).rejects.toThrow('no longer needed')
  await gone.promise
})

test('a store that cannot be asked is an error, and never "no session"', async () => {
  const { bff, page, store } = await loggedIn()
  const { get } = store
  store.get = () => Promise.reject(new Error('down'))
  const holds = store.holds
  store.holds = () => false
  await expect(bff.session(page)).rejects.toMatchObject({ code: 'store_unavailable' })
  expect((await bff.fetch(page, '/api/x')).status).toBe(503)
  store.get = get
  store.holds = holds
  expect(await bff.session(page)).toBeDefined()
})

test('the guard lets pass what proves to come from the app, and refuses the rest', async () => {
  const { bff, app, cookie, logs } = await loggedIn()
  const csrfToken = (await bff.session({ cookie }))?.csrfToken ?? ''
  const post = (headers: Record<string, string>) =>
    new Request(`${app.url}/do`, { method: 'POST', headers: { cookie, ...headers } })
  const same = { 'sec-fetch-site': 'same-origin', origin: app.url }
  expect(() => bff.guard(post({ ...same, 'x-csrf-token': csrfToken }))).not.toThrow()
  expect(() => bff.guard(post(same), { csrfToken })).not.toThrow()
  expect(() => bff.guard({ cookie, ...same }, { csrfToken })).not.toThrow()
  expect(() => bff.guard(new Request(`${app.url}/read`, { headers: { cookie, 'sec-fetch-site': 'same-origin' } }))).not.toThrow()
  const refused: [Parameters<Bff['guard']>[0], string | undefined][] = [
    [post(same), undefined],
    [post(same), 'wrong'],
    [post({ origin: 'https://evil.test', 'x-csrf-token': csrfToken }), csrfToken],
    [post({ 'sec-fetch-site': 'same-site', 'x-csrf-token': csrfToken }), csrfToken],
    [post({ 'x-csrf-token': csrfToken }), csrfToken],
    // A client may name its headers as it likes: a field `method` is not the method.
    [{ cookie, ...same, method: 'GET' }, undefined],
    [new Request(`${app.url}/read`, { headers: { cookie, 'sec-fetch-site': 'cross-site' } }), undefined],
  ]
  for (const [request, token] of refused)
    expect(() => bff.guard(request, { csrfToken: token })).toThrow(expect.objectContaining({ code: 'csrf_failed' }))
  expect(logs.events('csrf_refused')).toHaveLength(refused.length)
  expect(() => bff.guard(new Request(app.url, { method: 'POST' })), 'without a session there is nothing to forge').not.toThrow()
})

test('nothing that server code is given holds a token', async () => {
  const { internet, bff, page } = await loggedIn()
  const text = JSON.stringify([await bff.session(page), await (await bff.fetch(page, '/api/x')).text()])
  for (const secret of internet.provider.issued.keys()) expect(text).not.toContain(secret)
})

test('a page that needs a session sends a page load to the login, and nothing else', async () => {
  const { bff, app, cookie, store } = await loggedIn()
  const ask = (headers: Record<string, string>, method = 'GET') =>
    bff.requireSession(new Request(`${app.url}/orders?x=1`, { method, headers }))
  const load = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', accept: 'text/html' }
  expect(await ask({ ...load, cookie })).toBeUndefined()
  const sent = await ask(load)
  expect([sent?.status, sent?.headers.get('location')]).toEqual([303, `${app.url}/bff/login?returnTo=%2Forders%3Fx%3D1`])
  expect((await ask({ accept: 'text/html' }))?.status, 'a browser from before Fetch Metadata').toBe(303)
  const others: [Record<string, string>, string?][] = [
    [{ 'sec-fetch-mode': 'cors', accept: '*/*', rsc: '1' }],
    [{ ...load, 'sec-purpose': 'prefetch' }],
    [{ ...load, 'sec-fetch-dest': 'iframe' }],
    [load, 'POST'],
  ]
  for (const [headers, method] of others) expect((await ask(headers, method))?.status).toBe(401)
  store.get = () => Promise.reject(new Error('down'))
  store.holds = () => false
  expect((await ask({ ...load, cookie }))?.status).toBe(503)
})
