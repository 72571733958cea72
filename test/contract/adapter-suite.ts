import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { ConfigInput } from '../../src/config/schema.ts'
import type { Browser } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import { rawConnect, rawExchange, rawRequest } from '../support/raw-client.ts'
import { hostInternet, type Host, type HostedInternet } from './host-app.ts'

/** What every adapter must do, whatever framework it stands in: one file per adapter runs this. */
export function adapterSuite(host: Host): void {
  const start: Start = (overrides) => hostInternet(host.mount, overrides)

  const { mountBehindParser } = host
  const parts: ((start: Start) => void)[] = [ownEndpoints, proxiedCalls, refusals, besideTheHost]
  parts.push((begin) => compression(begin, host.decodes === true))
  if (host.webSockets) parts.push(webSockets)
  if (mountBehindParser !== undefined) parts.push(() => parserInFront(mountBehindParser))
  describe(`in ${host.name}`, () => {
    for (const part of parts) part(start)
  })
}

type Start = (overrides?: (upstream: string) => Partial<ConfigInput>) => Promise<HostedInternet>

async function loggedIn(start: Start): Promise<HostedInternet & { ada: Browser; cookie: string; csrf: string }> {
  const internet = await start()
  const ada = internet.browser()
  await ada.login(internet.app)
  const cookie = `Cookie: ${internet.app.sessionCookie}=${ada.jar.get(internet.app.sessionCookie)?.value ?? ''}`
  const csrf = `X-CSRF-Token: ${String((await ada.session())['csrfToken'])}`
  return { ...internet, ada, cookie, csrf }
}

function ownEndpoints(start: Start): void {
  test('a login ends on the page it came from, with a session', async () => {
    const { app, browser } = await start()
    const ada = browser()
    expect(await ada.session()).toEqual({ authenticated: false })
    const response = await ada.login(app, '/own?x=1')
    expect([response.status, response.text, ada.tab.url]).toEqual([200, 'own page', `${app.url}/own?x=1`])
    const callback = response.at('/bff/callback')
    expect([callback.status, callback.text]).toEqual([303, ''])
    expect(callback.header('content-security-policy')).toContain('sandbox')
    expect(await ada.session()).toMatchObject({ authenticated: true, user: { sub: 'user-ada' } })
  })

  test('the error paths of the callback are redirects under a sandbox too', async () => {
    const { app, browser } = await start()
    const ada = browser()
    for (const target of ['?error=access_denied&state=x', '?code=x&state=y', '']) {
      const response = await ada.navigate(`${app.url}/bff/callback${target}`)
      const callback = response.at('/bff/callback')
      expect([callback.status, callback.text, callback.header('cache-control')]).toEqual([303, '', 'no-store'])
      expect(callback.header('content-security-policy')).toContain('sandbox')
      expect([new URL(response.url).pathname, response.status]).toEqual(['/bff/error', 400])
    }
  })

  test('a logout is asked for with the token, ends the session and what is open', async () => {
    const { app, provider, upstream, ada } = await loggedIn(start)
    upstream.once((_request, exchange) =>
      exchange.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\n'),
    )
    const stream = await ada.tab.stream('/api/events')
    await stream.until('data: one\n\n')
    expect((await ada.fetch('/bff/logout', { method: 'POST' })).status).toBe(403)
    const response = await ada.fetch('/bff/logout', { method: 'POST', csrf: true })
    expect([response.status, response.object()['logoutUrl']]).toEqual([200, expect.stringContaining(provider.issuer)])
    await stream.ended
    expect(ada.jar.get(app.sessionCookie)).toBeUndefined()
    expect(await ada.session()).toEqual({ authenticated: false })
  })

  test('a logout by form reads its token from the form', async () => {
    const { app, ada, csrf } = await loggedIn(start)
    await ada.tab.submit(`${app.url}/bff/logout`, { _csrf: csrf.replace('X-CSRF-Token: ', '') })
    expect(await ada.session()).toEqual({ authenticated: false })
  })

  test('the provider ends a session by back-channel logout', async () => {
    const { port, provider, ada } = await loggedIn(start)
    const body = `logout_token=${provider.signLogoutToken({ sub: 'user-ada' })}`
    const form = ['Content-Type: application/x-www-form-urlencoded']
    expect((await rawExchange(port, rawRequest('POST', '/bff/backchannel-logout', form, body))).status).toBe(200)
    expect(await ada.session()).toEqual({ authenticated: false })
  })

  test('the event stream tells of the end of the session', async () => {
    const { ada } = await loggedIn(start)
    const stream = await ada.tab.stream('/bff/events')
    await ada.fetch('/bff/logout', { method: 'POST', csrf: true })
    expect(await stream.until('session-ended')).toContain('logout')
  })
}

function proxiedCalls(start: Start): void {
  test('a call carries the token, byte for byte the same target, and no cookie', async () => {
    const { provider, upstream, ada } = await loggedIn(start)
    const response = await ada.fetch('/api/a%20b/[...x]?q=%2B&r=')
    expect(response.object()).toMatchObject({ target: '/v1/a%20b/[...x]?q=%2B&r=', sub: 'user-ada' })
    expect(provider.grants.activeAccessToken(upstream.requests[0]?.bearer ?? '')).toBeDefined()
    expect(upstream.requests[0]?.header('cookie')).toBeUndefined()
  })

  test.each([20, 300_000])('a POST of %d bytes arrives whole', async (bytes) => {
    const { upstream, ada } = await loggedIn(start)
    const body = Buffer.alloc(bytes, 'coat')
    const response = await ada.fetch('/api/orders', {
      method: 'POST',
      csrf: true,
      body,
      headers: { 'Content-Type': 'application/json' },
    })
    expect(response.object()).toMatchObject({ method: 'POST', bytes })
    expect(upstream.requests[0]?.body.equals(body)).toBe(true)
    expect(upstream.requests[0]?.header('content-length')).toBe(String(bytes))
  })

  test('an expired token is renewed on the way', async () => {
    const { clock, provider, ada } = await loggedIn(start)
    clock.advance(provider.settings.accessTokenLifetimeSeconds * 1000)
    expect((await ada.fetch('/api/x')).object()).toMatchObject({ sub: 'user-ada' })
    expect(provider.tokenCalls('refresh_token')).toHaveLength(1)
  })

  test('an upload is passed on as it comes', async () => {
    const { port, upstream, cookie, csrf } = await loggedIn(start)
    const connection = await rawConnect(port)
    const head = [cookie, csrf, 'Origin: https://app.test', 'Transfer-Encoding: chunked', 'Content-Type: text/plain']
    connection.send(`${rawRequest('POST', '/api/upload', head)}5\r\nfirst\r\n`)
    const seen = await upstream.request(1)
    await eventually(() => expect(seen.body.toString()).toBe('first'))
    connection.send('4\r\nlast\r\n0\r\n\r\n')
    expect((await connection.response('POST')).text).toContain('"bytes":9')
    connection.reset()
  })

  test('an answer is passed on as it comes, and a client that leaves is told to the upstream', async () => {
    const { upstream, ada } = await loggedIn(start)
    let closed: Promise<unknown> | undefined
    upstream.once((_request, exchange) => {
      closed = new Promise((resolve) => exchange.socket.once('close', resolve))
      exchange.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\n')
    })
    const stream = await ada.tab.stream('/api/events')
    expect(await stream.until('data: one\n\n')).toBe('data: one\n\n')
    stream.abort()
    await closed
  })

  test('a client that leaves before there is an answer is told to the upstream', async () => {
    const { port, upstream, cookie } = await loggedIn(start)
    let closed: Promise<unknown> | undefined
    upstream.once((_request, exchange) => {
      closed = new Promise((resolve) => exchange.socket.once('close', resolve))
    })
    const connection = await rawConnect(port)
    connection.send(rawRequest('GET', '/api/slow', [cookie, 'Sec-Fetch-Site: same-origin']))
    await upstream.request(1)
    connection.reset()
    await closed
  })

  test('status and repeated cookies come through', async () => {
    const { upstream, ada } = await loggedIn(start)
    const cookies: [string, string][] = ['theme=dark; Path=/', 'lang=de; Path=/'].map((cookie) => ['Set-Cookie', cookie])
    upstream.once({ status: 201, headers: [...cookies, ['X-Kept', '1']] })
    const response = await ada.fetch('/api/x')
    expect([response.status, response.header('x-kept')]).toEqual([201, '1'])
    expect(response.setCookies.map((cookie) => cookie.split(';')[0])).toEqual(['theme=dark', 'lang=de'])
  })

  test('HEAD has the head alone, 204 and 304 have no body', async () => {
    const { upstream, ada } = await loggedIn(start)
    const head = await ada.fetch('/api/x', { method: 'HEAD' })
    expect([head.status, head.text]).toEqual([200, ''])
    for (const status of [204, 304]) {
      upstream.once({ status, headers: [['ETag', '"1"']] })
      const response = await ada.fetch('/api/x')
      expect([response.status, response.text, response.header('etag')]).toEqual([status, '', '"1"'])
    }
  })

  test('an answer with the token in it is stopped', async () => {
    const { upstream, logs, ada } = await loggedIn(start)
    upstream.once((request, exchange) => exchange.respond({ body: { token: request.bearer } }))
    const response = await ada.fetch('/api/x')
    expect([response.status, response.object()['code']]).toEqual([502, 'token_in_response'])
    expect(logs.events('token_in_response')).toHaveLength(1)
  })

  test('an answer that breaks off is not a whole one', async () => {
    const { upstream, ada } = await loggedIn(start)
    upstream.once((_request, exchange) => {
      exchange.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\n')
      setTimeout(() => exchange.reset(), 30)
    })
    const stream = await ada.tab.stream('/api/x')
    await stream.until('one')
    expect(await stream.ended).toBe(false)
  })
}

function compression(start: Start, decodes: boolean): void {
  test('a compressed body can be read', async () => {
    const { upstream, ada } = await loggedIn(start)
    const plain = Buffer.alloc(100_000, 'a compressed answer ')
    const body = gzipSync(plain)
    upstream.once({ headers: [['Content-Encoding', 'gzip']], body })
    const response = await ada.fetch('/api/x', { headers: { 'Accept-Encoding': 'gzip' } })
    expect([response.status, response.header('content-encoding')]).toEqual([200, decodes ? undefined : 'gzip'])
    expect(response.body.equals(decodes ? plain : body)).toBe(true)
    expect(upstream.requests[0]?.header('accept-encoding')).toBe(decodes ? undefined : 'gzip')
  })
}

function refusals(start: Start): void {
  test('without a session: 401 as JSON for a fetch, the login for a page load', async () => {
    const { app, upstream, browser } = await start()
    const stranger = browser()
    for (const method of ['GET', 'POST']) {
      const response = await stranger.fetch('/api/a', { method })
      expect([response.status, response.header('content-type')]).toEqual([401, 'application/problem+json'])
      expect(response.object()).toMatchObject({ code: 'session_required', login: '/bff/login' })
    }
    const page = await stranger.navigate(`${app.url}/api/report?x=1`)
    expect(page.hop(0).header('location')).toBe(`/bff/login?returnTo=${encodeURIComponent('/api/report?x=1')}`)
    expect(upstream.requests[0]?.target, 'and back after the login').toBe('/v1/report?x=1')
  })

  test('forged calls are refused before the upstream hears of them', async () => {
    const { port, upstream, cookie, csrf, ada } = await loggedIn(start)
    const plain = await ada.fetch('/api/orders', { method: 'POST', body: '{}' })
    expect([plain.status, plain.object()['code']]).toEqual([403, 'csrf_failed'])
    for (const header of ['Origin: https://evil.test', 'Sec-Fetch-Site: cross-site', 'X-Nothing: 1']) {
      const response = await rawExchange(port, rawRequest('POST', '/api/orders', [cookie, csrf, header], '{}'), 'POST')
      expect(response.status, header).toBe(403)
    }
    expect(upstream.requests).toEqual([])
  })

  test('400, 404, 405 and 502 are problems with a request id', async () => {
    const { port, cookie, csrf, ada } = await loggedIn(() =>
      start((upstream) => ({
        routes: [
          { path: '/api/', upstream: `${upstream}/v1/`, methods: ['GET'] },
          { path: '/gone/', upstream: 'http://127.0.0.1:9/' },
        ],
      })),
    )
    const same = 'Sec-Fetch-Site: same-origin'
    const answers = [
      await rawExchange(port, rawRequest('GET', '/api/a%2fb', [cookie, same])),
      await rawExchange(port, rawRequest('GET', '/bff/nothing', [cookie, same])),
      await rawExchange(port, rawRequest('POST', '/api/a', [cookie, csrf, same], '{}')),
      await rawExchange(port, rawRequest('GET', '/gone/x', [cookie, same])),
    ]
    expect(answers.map(({ status, text }) => [status, (JSON.parse(text) as { code: string }).code])).toEqual([
      [400, 'bad_request'],
      [404, 'not_found'],
      [405, 'method_not_allowed'],
      [502, 'upstream_unreachable'],
    ])
    expect(answers[2]?.header('allow')).toContain('GET')
    for (const answer of answers) expect(answer.header('x-request-id')).toMatch(/^[\w-]{36}$/)
    expect((await ada.fetch('/api/a')).status).toBe(200)
  })
}

function besideTheHost(start: Start): void {
  test("the host's own paths are the host's, its parser and its 404 included", async () => {
    const { ada, logs } = await loggedIn(start)
    expect((await ada.fetch('/own')).text).toBe('own page')
    const echoed = await ada.fetch('/own/echo', {
      method: 'POST',
      body: '{"a":1}',
      headers: { 'Content-Type': 'application/json' },
    })
    expect(echoed.object()).toEqual({ echo: { a: 1 } })
    const missing = await ada.fetch('/not-there')
    expect([missing.status, missing.header('content-type') ?? '']).toEqual([404, expect.not.stringContaining('problem')])
    expect(logs.text()).not.toContain('/not-there')
  })
}

function webSockets(start: Start): void {
  test('WebSockets pass with the token and end with the session; a foreign Origin is refused', async () => {
    const { app, upstream, ada } = await loggedIn(start)
    const webSocket = await ada.tab.webSocket('/api/chat', { from: app.url })
    webSocket.send('hello')
    expect(String(await new Promise((resolve) => webSocket.once('message', resolve)))).toBe('hello')
    expect(upstream.requests[0]?.bearer).toBeDefined()
    await expect(ada.tab.webSocket('/api/chat', { from: 'https://evil.app.test' })).rejects.toThrow('403')
    const closed = new Promise((resolve) => webSocket.once('close', resolve))
    await ada.fetch('/bff/logout', { method: 'POST', csrf: true })
    expect(await closed).toBe(1008)
    await expect(ada.tab.webSocket('/api/chat', { from: app.url })).rejects.toThrow('401')
  })

  test('a WebSocket handshake for a path of nobody is answered', async () => {
    const { app, ada } = await loggedIn(start)
    await expect(ada.tab.webSocket('/own/socket', { from: app.url })).rejects.toThrow('404')
  })
}

function parserInFront(mount: NonNullable<Host['mountBehindParser']>): void {
  test('a call whose body a parser in front has read gets an error that says so, and never hangs', async () => {
    const { upstream, logs, ada } = await loggedIn((overrides) => hostInternet(mount, overrides, { internalErrors: true }))
    const type = { 'Content-Type': 'application/json' }
    const response = await ada.fetch('/api/orders', { method: 'POST', csrf: true, body: '{"a":1}', headers: type })
    expect([response.status, response.object()['code']]).toEqual([500, 'internal_error'])
    expect(response.object()['detail']).toContain('ahead of every body parser')
    expect(upstream.requests).toEqual([])
    expect(logs.lines().filter((line) => line['code'] === 'internal_error')).toHaveLength(1)
    expect((await ada.fetch('/api/orders')).status, 'a call without a body goes through').toBe(200)
    const other = await ada.fetch('/api/orders', { method: 'POST', csrf: true, body: 'text' })
    expect(other.status, 'and one that the parser left alone').toBe(200)
    expect((await ada.fetch('/bff/logout', { method: 'POST', csrf: true })).status).toBe(200)
  })
}
