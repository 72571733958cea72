import { expect, test } from 'vitest'
import type { Browser } from '../support/browser.ts'
import { simulateInternet } from '../support/internet.ts'
import { rawExchange, rawRequest } from '../support/raw-client.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

const navigation = { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' }

test("the upstream gets the user's token and nothing of the browser's", async () => {
  const { app, provider, upstream, browser } = await simulateInternet()
  const ada = browser()
  await ada.login(app)
  ada.jar.plant({ name: 'theme', value: 'dark', domain: 'app.test', sameSite: 'lax' })
  const spoofed = {
    Authorization: 'Bearer evil',
    DPoP: 'evil',
    'Proxy-Authorization': 'Basic ZXZpbA==',
    Forwarded: 'for=1.2.3.4;host=evil.test;proto=http',
    'X-Forwarded-For': '1.2.3.4',
    'X-Forwarded-Host': 'evil.test',
    'X-Forwarded-Proto': 'gopher',
    'X-Forwarded-User': 'root',
    X_Forwarded_User: 'root',
    'X.Forwarded.User': 'root',
    'X-Custom': 'kept',
  }
  const response = await ada.fetch('/api/orders/7?b=c', { headers: spoofed })
  expect(response.status).toBe(200)
  expect(response.object()).toMatchObject({ target: '/v1/orders/7?b=c', sub: 'user-ada' })
  const [seen] = upstream.requests
  expect(provider.grants.activeAccessToken(seen?.bearer ?? '')).toBeDefined()
  expect(seen?.head.match(/authorization/gi)).toHaveLength(1)
  expect(seen?.head).not.toMatch(/evil|1\.2\.3\.4|gopher|root/)
  expect(seen?.header('cookie')).toBeUndefined()
  expect(seen?.header('x-custom')).toBe('kept')
  expect(seen?.header('x-forwarded-host')).toBe('app.test')
  expect(seen?.header('x-forwarded-proto')).toBe('https')
  expect(seen?.header('x-forwarded-for')).toBe('127.0.0.1')
  expect(seen?.header('forwarded')).toMatch(/proto=https/)
  expect(seen?.header('via')).toBeDefined()
  expect(seen?.header('host')).toBe(new URL(upstream.url).host)
})

test('cookies pass only where the route lists them', async () => {
  const upstream = await startRecordingUpstream()
  const routes = [
    { path: '/api/', upstream: `${upstream.url}/`, cookies: ['theme', 'lang'] },
    { path: '/', upstream: upstream.url },
  ]
  const { app, browser } = await simulateInternet({ config: { routes } })
  const ada = browser()
  await ada.login(app)
  for (const name of ['theme', 'tracking', 'lang', '__Host-Http-coatcheck-login-9'])
    ada.jar.plant({ name, value: `v-${name}`, domain: 'app.test' })
  await ada.fetch('/api/x')
  const cookie = upstream.requests.at(-1)?.header('cookie')
  expect(cookie?.split('; ').toSorted()).toEqual(['lang=v-lang', 'theme=v-theme'])
  await upstream.close()
})

test.each([
  '/api/a?x=1&x=2&y=',
  '/api/a?b=%2B&c=a+b&d=%20',
  '/api/a%20b/%E2%82%AC?q=../..',
  '/api/files/%5B...slug%5D.js',
  '/api/[...slug].js?',
  '/api/a..b/c',
  '/api/?',
  "/api/a;v=1/b@c:d!$&'()*+,=",
])('%s arrives byte for byte', async (target) => {
  const { app, upstream, browser } = await simulateInternet()
  const ada = browser()
  await ada.login(app)
  const cookie = `Cookie: ${app.sessionCookie}=${ada.jar.get(app.sessionCookie)?.value ?? ''}`
  const response = await rawExchange(app.port, rawRequest('GET', target, [cookie, 'Sec-Fetch-Site: same-origin']))
  expect(response.status).toBe(200)
  expect(upstream.requests[0]?.target).toBe(target.replace('/api/', '/v1/'))
})

test('a fetch without a session gets 401 as JSON, never a redirect, and no cookie', async () => {
  const { browser, upstream } = await simulateInternet()
  const stranger = browser()
  for (const method of ['GET', 'POST', 'DELETE']) {
    const response = await stranger.fetch('/api/a', { method })
    expect(response.status).toBe(401)
    expect(response.hops).toHaveLength(1)
    expect(response.header('content-type')).toMatch(/^application\/problem\+json/)
    expect(response.object()).toMatchObject({ status: 401, code: 'session_required', login: '/bff/login' })
    expect(response.setCookies).toEqual([])
    expect(response.header('cache-control')).toMatch(/no-store/)
  }
  expect(upstream.connections()).toBe(0)
})

test('a page load without a session goes to the login and comes back', async () => {
  const { app, browser } = await simulateInternet()
  const ada = browser()
  const response = await ada.navigate(`${app.url}/api/report?x=1&y=2`)
  expect(response.hop(0).status).toBe(303)
  expect(response.hop(0).header('location')).toBe(`/bff/login?returnTo=${encodeURIComponent('/api/report?x=1&y=2')}`)
  expect(ada.tab.url).toBe(`${app.url}/api/report?x=1&y=2`)
  expect(response.status).toBe(200)
})

test('a page load of a link from another site ends logged in, not in a circle', async () => {
  const { app, browser } = await simulateInternet()
  const ada = browser()
  await ada.login(app)
  const response = await ada.tab.click(`${app.url}/api/report`, 'https://mail.test')
  expect(response.status).toBe(200)
  expect(ada.tab.url).toBe(`${app.url}/api/report`)
})

test('a method the route does not have is 405 with Allow', async () => {
  const { app, upstream, browser } = await simulateInternet()
  const ada = browser()
  await ada.login(app)
  const refused = await ada.fetch('/api/read-only/x', { method: 'POST', csrf: true })
  expect(refused.status).toBe(405)
  expect(refused.object()).toMatchObject({ code: 'method_not_allowed' })
  expect(refused.header('allow')).toMatch(/GET/)
  expect(upstream.requests).toEqual([])
  expect((await ada.fetch('/api/read-only/x', { method: 'HEAD' })).status).toBe(200)
})

test('what a route requires must be in the session', async () => {
  const { app, provider, upstream, logs, browser } = await simulateInternet()
  provider.loginAs('grace')
  const grace = browser()
  await grace.login(app)
  const refused = await grace.fetch('/admin/x')
  expect(refused.status).toBe(403)
  expect(refused.object()).toMatchObject({ code: 'forbidden' })
  expect(upstream.requests).toEqual([])
  expect(logs.events('policy_refused')).toHaveLength(1)
  provider.loginAs('ada')
  const ada = browser()
  await ada.login(app)
  expect((await ada.fetch('/admin/x')).status).toBe(200)
})

test('auth optional: with the token where there is a session', async () => {
  const { app, upstream, browser } = await simulateInternet()
  const ada = browser()
  expect((await ada.fetch('/optional/x', { headers: { Authorization: 'Bearer evil' } })).object()).toMatchObject({ sub: null })
  expect(upstream.requests[0]?.header('authorization')).toBeUndefined()
  await ada.login(app)
  expect((await ada.fetch('/optional/x')).object()).toMatchObject({ sub: 'user-ada' })
})

test('auth none: never a token, and no session cookie either', async () => {
  const { app, upstream, browser } = await simulateInternet()
  const ada = browser()
  await ada.login(app)
  await ada.fetch('/public/x', { headers: { Authorization: 'Bearer evil', 'X-Forwarded-User': 'root' } })
  const [seen] = upstream.requests
  expect(seen?.header('authorization')).toBeUndefined()
  expect(seen?.head).not.toMatch(/coatcheck=|root/)
})

test('an upstream that is not there is 502, one that says nothing is 504', async () => {
  const gone = await startRecordingUpstream()
  await gone.close()
  const silent = await startRecordingUpstream()
  silent.answer({ hang: true })
  const routes = [
    { path: '/gone/', upstream: gone.url },
    { path: '/silent/', upstream: silent.url, timeoutSeconds: 1 },
    { path: '/', upstream: gone.url },
  ]
  const { app, browser } = await simulateInternet({ config: { routes } })
  const ada = browser()
  await ada.login(app, '/bff/error')
  const unreachable = await ada.fetch('/gone/x')
  expect([unreachable.status, unreachable.object()['code']]).toEqual([502, 'upstream_unreachable'])
  const slow = await ada.fetch('/silent/x')
  expect([slow.status, slow.object()['code']]).toEqual([504, 'upstream_timeout'])
  await silent.close()
})

test("an answer keeps what is its own and loses what is the gateway's to say", async () => {
  const { app, upstream, browser } = await simulateInternet()
  const ada = browser()
  await ada.login(app)
  const before = ada.jar.get(app.sessionCookie)?.value
  upstream.once({
    status: 201,
    reason: 'Made',
    headers: [
      ['Set-Cookie', `${app.sessionCookie}=evil; Secure; HttpOnly; Path=/`],
      ['Set-Cookie', `${app.sessionCookie}-login-1=evil; Secure; HttpOnly; Path=/`],
      ['Set-Cookie', 'theme=dark; Path=/'],
      ['Access-Control-Allow-Origin', '*'],
      ['Access-Control-Allow-Credentials', 'true'],
      ['Connection', 'X-Hop'],
      ['X-Hop', '1'],
      ['Keep-Alive', 'timeout=5'],
      ['Proxy-Authenticate', 'Basic'],
      ['Cache-Control', 'public, max-age=31536000'],
      ['X-Kept', '1'],
    ],
    body: { ok: true },
  })
  const response = await ada.fetch('/api/a')
  expect(response.status).toBe(201)
  expect(response.setCookies).toEqual(['theme=dark; Path=/'])
  expect(ada.jar.get(app.sessionCookie)?.value).toBe(before)
  for (const name of ['access-control-allow-origin', 'access-control-allow-credentials', 'x-hop', 'proxy-authenticate']) {
    expect(response.header(name), name).toBeUndefined()
  }
  expect(response.header('cache-control')).toMatch(/private/)
  expect(response.header('cache-control')).toMatch(/no-store/)
  expect(response.header('cache-control')).not.toMatch(/public|max-age/)
  expect(response.header('x-kept')).toBe('1')
})

test.each(['body', 'header', 'location'])('an answer with a token in its %s is stopped and audited', async (where) => {
  const { app, upstream, logs, browser } = await simulateInternet()
  const ada = browser()
  await ada.login(app)
  upstream.once((request, exchange) => {
    const token = request.bearer ?? ''
    if (where === 'body') exchange.respond({ body: { echo: { authorization: `Bearer ${token}` } } })
    else exchange.respond({ headers: [[where === 'header' ? 'X-Echo' : 'Location', `https://app.test/?t=${token}`]], body: 'x' })
  })
  const response = await ada.fetch('/api/a').catch(() => undefined)
  // A body that has begun cannot become a 502 any more; it is cut then.
  if (response?.complete === true) expect([response.status, response.object()['code']]).toEqual([502, 'token_in_response'])
  expect(logs.events('token_in_response')).toHaveLength(1)
})

test('an upstream redirect is passed on and not followed', async () => {
  const { app, upstream, browser } = await simulateInternet({ safety: { locations: ['https://elsewhere.test'] } })
  const ada = browser()
  await ada.login(app)
  upstream.once({ status: 302, reason: 'Found', headers: [['Location', 'https://elsewhere.test/x']] })
  const cookie = `Cookie: ${app.sessionCookie}=${ada.jar.get(app.sessionCookie)?.value ?? ''}`
  const response = await rawExchange(app.port, rawRequest('GET', '/api/a', [cookie, 'Sec-Fetch-Site: same-origin']))
  expect(response.status).toBe(302)
  expect(upstream.requests).toHaveLength(1)
})

test('each user gets a token of that user, however calls, refreshes and connections interleave', async () => {
  const { app, provider, clock, browser } = await simulateInternet()
  const users: { user: Browser; sub: string }[] = []
  for (let index = 0; index < 12; index += 1) {
    const sub = `user-${index}`
    provider.users.set(sub, { sub, name: sub })
    provider.loginAs(sub)
    const user = browser()
    await user.login(app)
    users.push({ user, sub })
  }
  for (let round = 0; round < 4; round += 1) {
    clock.advance(301_000)
    const calls = Array.from({ length: 8 }, () => users).flat()
    const seen = await Promise.all(
      calls.map(async ({ user, sub }) => [
        (await user.fetch('/api/me')).object()['sub'],
        Object((await user.session())['user']).sub,
        sub,
      ]),
    )
    for (const [called, told, sub] of seen) expect([called, told]).toEqual([sub, sub])
  }
  expect(provider.tokenCalls('refresh_token')).toHaveLength(12 * 4)
  expect(provider.reuseDetected).toBe(0)
})

test('a prefetch or a probe without a session gets nothing', async () => {
  const { app, upstream } = await simulateInternet()
  const hints = [
    'User-Agent: kube-probe/1.30',
    'User-Agent: GoogleHC/1.0',
    'Sec-Purpose: prefetch',
    'X-Forwarded-Uri: /public/x',
    'X-Original-URL: /public/x',
    'X-Rewrite-URL: /public/x',
    'X-Forwarded-Method: OPTIONS',
    'Authorization: Bearer x',
    'Authorization: Basic eDp5',
  ]
  for (const hint of hints)
    expect((await rawExchange(app.port, rawRequest('GET', '/api/private', [hint]))).status, hint).toBe(401)
  for (const target of ['/api/private?x=/public/status', '/api/private?/public/', '/api/private/?a=.css']) {
    expect((await rawExchange(app.port, rawRequest('GET', target))).status, target).toBe(401)
  }
  const page = await rawExchange(
    app.port,
    rawRequest(
      'GET',
      '/api/private',
      Object.entries(navigation).map(([name, value]) => `${name}: ${value}`),
    ),
  )
  expect(page.status).toBe(303)
  expect(upstream.connections()).toBe(0)
})
