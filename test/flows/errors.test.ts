import { expect, test } from 'vitest'
import { createMemoryStore } from '../../src/stores/memory.ts'
import type { BrowserResponse } from '../support/browser-response.ts'
import { simulateInternet, type Internet } from '../support/internet.ts'
import { deferred } from '../support/deferred.ts'
import { rawExchange, rawRequest } from '../support/raw-client.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

function expectProblem(response: BrowserResponse, status: number, code: string, { logs }: Internet): void {
  expect(response.status).toBe(status)
  expect(response.header('content-type')).toMatch(/^application\/problem\+json/)
  const problem = response.object()
  expect(problem).toMatchObject({ status, code })
  expect(
    Object.keys(problem).every((key) =>
      ['type', 'title', 'status', 'code', 'detail', 'requestId', 'login', 'instance'].includes(key),
    ),
    Object.keys(problem).join(),
  ).toBe(true)
  expect(String(problem['title']).length).toBeGreaterThan(5)
  expect(response.header('cache-control')).toMatch(/no-store/)
  expect(response.header('x-content-type-options')).toBe('nosniff')
  const requestId = String(problem['requestId'])
  expect(requestId).toMatch(/^[\w-]{16,}$/)
  expect(response.header('x-request-id')).toBe(requestId)
  expect(
    logs.lines().filter((line) => line['requestId'] === requestId).length,
    'the log has the request id',
  ).toBeGreaterThanOrEqual(1)
}

test('every refusal of a fetch is a problem document with a request id that the log has', async () => {
  const gone = await startRecordingUpstream()
  await gone.close()
  const upstream = await startRecordingUpstream()
  const routes = [
    { path: '/api/', upstream: `${upstream.url}/v1/`, maxBodyBytes: 10 },
    { path: '/get/', upstream: upstream.url, methods: ['GET' as const] },
    { path: '/admin/', upstream: upstream.url, require: { claims: { role: 'nobody' } } },
    { path: '/gone/', upstream: gone.url },
  ]
  const internet = await simulateInternet({ config: { routes }, safety: { openPaths: ['/'] } })
  const stranger = internet.browser()
  expectProblem(await stranger.fetch('/api/a'), 401, 'session_required', internet)
  expectProblem(await stranger.fetch('/bff/login'), 400, 'login_needs_navigation', internet)
  const ada = internet.browser()
  await ada.login(internet.app, '/bff/error')
  expectProblem(await ada.fetch('/api/a', { method: 'POST' }), 403, 'csrf_failed', internet)
  expectProblem(await ada.fetch('/admin/a'), 403, 'forbidden', internet)
  expectProblem(await ada.fetch('/get/a', { method: 'POST', csrf: true }), 405, 'method_not_allowed', internet)
  expectProblem(await ada.fetch('/nowhere'), 404, 'not_found', internet)
  expectProblem(await ada.fetch('/bff/nowhere'), 404, 'not_found', internet)
  expectProblem(
    await ada.fetch('/api/a', { method: 'POST', csrf: true, body: 'x'.repeat(11) }),
    413,
    'content_too_large',
    internet,
  )
  expectProblem(await ada.fetch('/gone/a'), 502, 'upstream_unreachable', internet)
  expectProblem(await ada.fetch('/bff/session', { method: 'POST', csrf: true }), 405, 'method_not_allowed', internet)
  await upstream.close()
})

test('a page load gets a small page with the same code and nothing from elsewhere', async () => {
  const internet = await simulateInternet()
  const ada = internet.browser()
  internet.provider.loginAs('grace')
  await ada.login(internet.app)
  const response = await ada.navigate(`${internet.app.url}/admin/x`)
  expect(response.status).toBe(403)
  expect(response.header('content-type')).toMatch(/^text\/html/)
  expect(response.text).toContain('forbidden')
  expect(response.text).not.toMatch(/<script|https?:\/\//)
  expect(response.text).toContain(String(response.header('x-request-id')))
  expect(response.header('content-security-policy')).toContain("default-src 'none'")
  expect(response.header('x-content-type-options')).toBe('nosniff')
})

test('every answer of an https origin says Strict-Transport-Security and nosniff', async () => {
  const internet = await simulateInternet()
  const ada = internet.browser()
  await ada.login(internet.app)
  for (const path of ['/', '/app.js', '/bff/session', '/bff/error', '/bff/landing', '/bff/nowhere', '/nowhere.png', '/api/a']) {
    const response = await ada.fetch(path)
    expect(response.header('strict-transport-security'), path).toMatch(/max-age=31536000/)
    expect(response.header('x-content-type-options'), path).toBe('nosniff')
  }
  const plain = await simulateInternet({ scheme: 'http' })
  expect((await plain.browser().fetch('/bff/session')).header('strict-transport-security')).toBeUndefined()
})

const broken = () => Promise.reject(new Error('connection refused: redis://user:hunter2@10.0.0.1'))

test('a store that cannot be read is 503 for sessions, and for nobody else; the cookie stays', async () => {
  const store = createMemoryStore()
  const internet = await simulateInternet({ store })
  const { app, upstream } = internet
  const ada = internet.browser()
  await ada.login(app)
  const cookie = ada.jar.get(app.sessionCookie)?.value
  const { get, holds } = store
  store.get = broken
  store.holds = () => false
  for (const path of ['/api/a', '/bff/session', '/admin/x']) {
    const response = await ada.fetch(path)
    expectProblem(response, 503, 'store_unavailable', internet)
    expect(response.header('retry-after')).toMatch(/^\d+$/)
    expect(response.setCookies).toEqual([])
    expect(response.text).not.toContain('hunter2')
  }
  expect((await ada.fetch('/public/x')).status, 'an open route').toBe(200)
  expect((await ada.fetch('/app.js')).status, 'a file').toBe(200)
  expect((await internet.browser().fetch('/api/a')).status, 'a stranger').toBe(401)
  expect(await internet.browser().session(), 'a stranger').toEqual({ authenticated: false })
  expect(upstream.requests.filter(({ target }) => target.startsWith('/v1/'))).toEqual([])
  const page = await ada.navigate(`${app.url}/api/report`)
  expect(page.status).toBe(503)
  expect(page.header('location')).toBeUndefined()
  store.get = get
  store.holds = holds
  expect(ada.jar.get(app.sessionCookie)?.value).toBe(cookie)
  expect((await ada.fetch('/api/a')).status).toBe(200)
})

test.each(['answers', 'fails'])('a client that leaves while the store is asked, which then %s, ends no session', async (how) => {
  const store = createMemoryStore()
  const internet = await simulateInternet({ store })
  const ada = internet.browser()
  await ada.login(internet.app)
  const { get, holds } = store
  const [asked, held] = [deferred(), deferred()]
  store.holds = () => false
  store.get = async (key) => {
    asked.resolve()
    await held.promise
    return how === 'fails' ? broken() : get(key)
  }
  const left = ada.tab.stream('/api/a').catch(() => undefined)
  await asked.promise
  ada.agent.destroy()
  held.resolve()
  await left
  store.get = get
  store.holds = holds
  expect((await ada.fetch('/api/b')).status).toBe(200)
  expect(await ada.session()).toMatchObject({ authenticated: true })
  expect(internet.logs.events('session_ended')).toEqual([])
})

test('a store that cannot be written makes a login a visible 503, not a circle', async () => {
  const store = createMemoryStore()
  const internet = await simulateInternet({ store })
  const ada = internet.browser()
  const { add } = store
  store.add = broken
  const response = await ada.login(internet.app, '/x')
  expect(response.status).toBe(503)
  expect(response.header('retry-after')).toMatch(/^\d+$/)
  expect(response.text).toContain('store_unavailable')
  expect(ada.jar.get(internet.app.sessionCookie)).toBeUndefined()
  store.add = add
  await ada.login(internet.app, '/x')
  expect(await ada.session()).toMatchObject({ authenticated: true })
})

test('nor does it look like a login that went well to somebody who has a session already', async () => {
  const store = createMemoryStore()
  const internet = await simulateInternet({ store })
  const ada = internet.browser()
  await ada.login(internet.app, '/before')
  const { add } = store
  store.add = broken
  const response = await ada.login(internet.app, '/x')
  expect(response.status).toBe(503)
  expect(ada.tab.url).not.toBe(`${internet.app.url}/x`)
  store.add = add
  expect(await ada.session()).toMatchObject({ authenticated: true })
})

test('a touch that cannot be written does not stop a call', async () => {
  const store = createMemoryStore()
  const internet = await simulateInternet({ store })
  const ada = internet.browser()
  await ada.login(internet.app)
  store.touch = broken
  internet.clock.advance(120_000)
  expect((await ada.fetch('/api/a')).status).toBe(200)
})

test('a wiped store is one 401 for each user, and then a login', async () => {
  let store = createMemoryStore()
  const internet = await simulateInternet({ store })
  const ada = internet.browser()
  await ada.login(internet.app)
  const wiped = createMemoryStore()
  Object.assign(store, {
    get: wiped.get.bind(wiped),
    holds: wiped.holds.bind(wiped),
    replace: wiped.replace.bind(wiped),
    touch: wiped.touch.bind(wiped),
    add: wiped.add.bind(wiped),
    delete: wiped.delete.bind(wiped),
  })
  store = wiped
  const response = await ada.fetch('/api/a')
  expect(response.status).toBe(401)
  expect(ada.jar.get(internet.app.sessionCookie)).toBeUndefined()
  await ada.login(internet.app)
  expect((await ada.fetch('/api/a')).status).toBe(200)
})

test.each([
  ['a header that is too large', rawRequest('GET', '/bff/callback?code=x', [`X-Long: ${'a'.repeat(70_000)}`])],
  [
    'too many headers',
    rawRequest(
      'GET',
      '/bff/callback?code=x',
      Array.from({ length: 3_000 }, (_, index) => `X-${index}: aaaaaaaaaaaaaaaa`),
    ),
  ],
])('%s is 431 with an empty body', async (_what, bytes) => {
  const { app } = await simulateInternet()
  const response = await rawExchange(app.port, bytes)
  expect(response.status).toBe(431)
  expect(response.body.length).toBe(0)
})

test.each([
  '/api/../admin/x',
  '/api/%2e%2e/admin/x',
  '/public/..%2fadmin/x',
  '/public/%2e%2e%2fadmin/x',
  '/public\\..\\admin',
  '/public/..%5cadmin/x',
  '/public/..;/admin/x',
  '//admin/x',
  '/public//../admin/x',
  '/public%00/../admin/x',
  '/%zz',
  '/%',
])('a path with two readings, %s, is 400 or judged as what it becomes', async (target) => {
  const { app, upstream } = await simulateInternet()
  const response = await rawExchange(app.port, rawRequest('GET', target))
  expect([400, 401, 404]).toContain(response.status)
  expect(upstream.requests).toEqual([])
  const again = await rawExchange(app.port, rawRequest('GET', '/bff/session'))
  expect(again.status).toBe(200)
})
