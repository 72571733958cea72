// C01 to C06, C08, A08: ways round the login check. oauth2-proxy CVE-2025-54576, CVE-2026-40575, CVE-2026-76835, CVE-2026-34457; Envoy
// CVE-2022-29226, CVE-2022-29228; mod_auth_openidc GHSA-wcvh-g65p-v576, GHSA-59jp-rwph-878r; APISIX CVE-2026-44087; better-auth CVE-2025-71401.
import { describe, expect, test } from 'vitest'
import { simulateInternet } from '../support/internet.ts'
import { rawExchange, rawRequest } from '../support/raw-client.ts'
import { hostileScene } from './support/hostile-case.ts'

const scene = hostileScene()

async function expectRefused(target: string, headers: string[] = [], method = 'GET'): Promise<void> {
  const response = await scene.raw(rawRequest(method, target, headers), { method })
  expect([400, 401, 403, 405], target).toContain(response.status)
  if (response.status === 401) expect(response.text === '' || response.text.includes('session_required')).toBe(true)
  expect(scene.internet.upstream.requests).toEqual([])
}

// C01: the decision must not come from a part of the address that does not say where it leads.
test.each([
  '/api/private?x=/public/status',
  '/api/private?/public/',
  '/api/private/?a=.css',
  '/api/private?next=/public/../public/',
  '/api/private?%2Fpublic%2F',
  '/api/private;/public/',
  '/api/private/public/',
  '/api/private%3F/public/',
  '/api/private?#/public/',
  '/api/private/.css',
  '/api/robots.txt',
  '/api/favicon.ico',
  '/api/.well-known/openid-configuration',
])('a query or a file name is no way in: %s', async (target) => {
  await expectRefused(target)
})

// C02: only the request line says what is asked for.
describe.each([
  'x-forwarded-uri',
  'x-original-url',
  'x-original-uri',
  'x-rewrite-url',
  'x-forwarded-path',
  'x-envoy-original-path',
])('an address in %s', (name) => {
  test.each(['/public/x', '/bff/login', 'https://app.test/public/x'])('%s changes nothing', async (value) => {
    await expectRefused('/api/private', [`${name}: ${value}`])
    await expectRefused('/api/private', [`${name.toUpperCase().replaceAll('-', '_')}: ${value}`, `${name}: ${value}`])
  })
})

test.each(['X-Forwarded-Method', 'X-HTTP-Method', 'X-HTTP-Method-Override', 'X-Method-Override', 'X-Original-Method'])(
  'a method in %s is no method',
  async (name) => {
    for (const value of ['OPTIONS', 'GET', 'HEAD', 'CONNECT'])
      await expectRefused('/api/private', [`${name}: ${value}`], 'DELETE')
  },
)

test('OPTIONS is no way in either, as a preflight or without', async () => {
  await expectRefused('/api/private', [], 'OPTIONS')
  await expectRefused('/api/private', ['Origin: https://app.test', 'Access-Control-Request-Method: GET'], 'OPTIONS')
})

// C03
test.each([
  'User-Agent: GoogleHC/1.0',
  'User-Agent: kube-probe/1.30',
  'User-Agent: ELB-HealthChecker/2.0',
  'User-Agent: Amazon-Route53-Health-Check-Service',
  'Sec-Purpose: prefetch',
  'Purpose: prefetch',
  'X-Moz: prefetch',
  'Next-Router-Prefetch: 1',
  'X-Middleware-Subrequest: middleware:middleware:middleware',
])('who says to be a probe is a stranger: %s', async (line) => {
  await expectRefused('/api/private', [line])
})

// C04
test.each(['Bearer x', 'bearer x', 'Basic YTpi', 'DPoP x', 'Negotiate x', 'Bearer', 'Bearer null', 'Bearer undefined', 'x'])(
  'an Authorization of the client is none: %s',
  async (value) => {
    await expectRefused('/api/private', [`Authorization: ${value}`])
    await expectRefused('/api/private', [`Authorization: ${value}`, `Authorization: ${value}`, `Proxy-Authorization: ${value}`])
  },
)

test("another user's real token is no session", async () => {
  const { internet } = scene
  await internet.browser().login(internet.app)
  const tokens = [...internet.provider.issued.keys()]
  expect(tokens.length).toBeGreaterThan(1)
  // The gateway neither judges nor forwards them: the answer is that of a stranger, and does not repeat one.
  for (const token of tokens.filter((text) => /^[\w.~+/=-]+$/.test(text)).slice(0, 6)) {
    await expectRefused('/api/private', [`Authorization: Bearer ${token}`])
    await expectRefused('/api/private', [`Cookie: access_token=${token}; id_token=${token}`])
  }
})

// C05
test('two hundred strangers and their uploads never reach the upstream, not with a byte', async () => {
  const { upstream } = scene.internet
  const before = upstream.connections()
  const bytes = upstream.received().length
  for (let round = 0; round < 10; round++) {
    await Promise.all(Array.from({ length: 20 }, () => expectRefused('/api/private')))
  }
  const connection = await scene.connect()
  connection.send(rawRequest('POST', '/api/private', [`Content-Length: ${1 << 20}`]) + 'x'.repeat(100_000))
  const response = await connection.response('POST')
  expect(response.status).toBe(401)
  expect([upstream.connections(), upstream.received().length]).toEqual([before, bytes])
})

// C06
test.each([
  'X-User',
  'X-Userinfo',
  'X-User-Id',
  'X-ID-Token',
  'X-Access-Token',
  'X-Forwarded-User',
  'X-Forwarded-Email',
  'X-Forwarded-Groups',
  'X-Forwarded-Access-Token',
  'X-Auth-Request-User',
  'X_Forwarded_User',
  'X.Forwarded.User',
  'x-forwarded_user',
  'Remote-User',
  'REMOTE_USER',
  'OIDC_CLAIM_sub',
  'X-Authenticated-User',
])('an open route tells the upstream nobody: %s', async (name) => {
  const { upstream } = scene.internet
  const response = await scene.raw(rawRequest('GET', '/public/x', [`${name}: admin`, `${name.toLowerCase()}: admin`]))
  expect(response.status).toBe(200)
  const [request] = upstream.requests
  expect(request?.headers.map(([, value]) => value)).not.toContain('admin')
})

// C08
test.each(['//x', '/api/%2e%2e/x', 'http://evil.test/', '*', '/\\x', '/bff/login?returnTo=//evil.test'])(
  'the first request of a process may be hostile (%s): what follows is as ever',
  async (target) => {
    const { app, browser, provider } = await simulateInternet()
    const headers = [
      'X-Forwarded-Host: evil.test',
      'X-Forwarded-Prefix: /x',
      'X-Forwarded-Proto: http',
      'Forwarded: host=evil.test',
    ]
    await rawExchange(app.port, rawRequest('GET', target, ['Host: evil.test', ...headers])).catch(() => undefined)
    const ada = browser()
    await ada.login(app, '/orders')
    expect(ada.tab.url).toBe(`${app.url}/orders`)
    expect(provider.calls.authorize.at(-1)?.form.get('redirect_uri')).toBe(`${app.url}/bff/callback`)
  },
)

// A08: there is no parameter that says where a logout ends.
test.each(['returnTo', 'post_logout_redirect_uri', 'returnUrl', 'redirect', 'next', 'rd'])(
  'a logout with %s ends where the config says',
  async (name) => {
    const { app, browser, provider } = await simulateInternet()
    const ada = browser()
    await ada.login(app)
    const response = await ada.fetch(`/bff/logout?${name}=https://evil.test/`, { method: 'POST', csrf: true })
    expect(response.status).toBe(200)
    const url = new URL(String(response.object()['logoutUrl']))
    expect(url.origin).toBe(provider.issuer)
    expect(url.searchParams.get('post_logout_redirect_uri')).toBe(`${app.url}/`)
    expect(url.href).not.toContain('evil.test')
  },
)

test.each(['//evil.test', '/\\evil.test', 'https://evil.test', 'javascript:alert(1)'])(
  'with a live session a login leads nowhere else: %s',
  async (returnTo) => {
    const { app, browser } = await simulateInternet()
    const ada = browser()
    await ada.login(app)
    await ada.navigate(`${app.url}/bff/login?prompt=none&returnTo=${encodeURIComponent(returnTo)}`)
    expect(new URL(ada.tab.url).origin).toBe(app.url)
  },
)
