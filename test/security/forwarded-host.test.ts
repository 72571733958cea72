// I01 to I03: what the client says about our own name and scheme. caddy-security issue 269 and CVE-2024-21499, open-mercato issue 2686,
// dash-auth PR 174; Nezha CVE-2026-101090 and http-proxy-middleware CVE-2026-55602 (Host, DNS rebinding); Envoy CVE-2023-35941.
import { describe, expect, test } from 'vitest'
import { rawRequest } from '../support/raw-client.ts'
import { hostileScene } from './support/hostile-case.ts'
import { rawSession } from './support/raw-session.ts'

const scene = hostileScene()
const navigation = ['Sec-Fetch-Site: none', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document']

const lies = [
  'X-Forwarded-Host: evil.test',
  'X-Forwarded-Host: app.test, evil.test',
  'X-Forwarded-Host: evil.test, app.test',
  'X_Forwarded_Host: evil.test',
  'Forwarded: host=evil.test;proto=http',
  'Forwarded: for=1.2.3.4;host="evil.test"',
  'X-Host: evil.test',
  'X-Forwarded-Server: evil.test',
  'X-HTTP-Host-Override: evil.test',
  'X-Original-Host: evil.test',
  'X-Forwarded-Prefix: //evil.test',
  'X-Forwarded-Proto: http',
  'X-Forwarded-Proto: evil_protocol',
  'X-Forwarded-Proto: https,http',
  'X-Forwarded-Scheme: http',
  'X-Forwarded-Ssl: off',
  'Front-End-Https: off',
  'X-Forwarded-Port: 1',
  'X-Url-Scheme: http',
]

describe.each(lies)('%s', (line) => {
  test('changes nothing of a login', async () => {
    const response = await scene.raw(rawRequest('GET', '/bff/login?returnTo=/x', [line, ...navigation]))
    expect(response.status).toBe(303)
    const location = new URL(response.header('location') ?? '')
    expect(location.origin).toBe(scene.internet.provider.issuer)
    expect(location.searchParams.get('redirect_uri')).toBe('https://app.test/bff/callback')
    const cookie = response.header('set-cookie') ?? ''
    expect(cookie).toMatch(/^__Host-Http-coatcheck-login-/)
    expect(cookie).toMatch(/; Secure/)
    expect(cookie).not.toMatch(/; Domain/i)
    expect(response.text + location.href).not.toMatch(/evil|1\.2\.3\.4/)
  })

  test('changes nothing of a call, of its answer and of what the upstream is told', async () => {
    const session = await rawSession(scene)
    const response = await scene.raw(rawRequest('GET', '/api/x', [line, ...session.lines]))
    expect(response.status).toBe(200)
    const [request] = scene.internet.upstream.requests
    expect(request?.header('x-forwarded-host')).toBe('app.test')
    expect(request?.header('x-forwarded-proto')).toBe('https')
    const told = request?.headers.filter(([name]) => /forward|host|scheme|ssl|https|port|proto/i.test(name)) ?? []
    expect(told.map(([, value]) => value).join(' ')).not.toMatch(/evil|1\.2\.3\.4|https,http/)
  })

  test('changes nothing of a refusal', async () => {
    const response = await scene.raw(rawRequest('GET', '/api/x', [line]))
    expect(response.status).toBe(401)
    expect(response.headers.map(([, value]) => value).join(' ') + response.text).not.toContain('evil')
  })
})

// The Host is not part of any decision: a gateway has one origin, and behind a TLS proxy it may have another name inside.
test.each([
  'evil.test',
  'app.test:1234',
  'app.test.evil.test',
  'evilapp.test',
  '127.0.0.1',
  'localhost',
  '[::1]',
  'APP.TEST',
  'app.test.',
])('Host: %s is reflected nowhere, and no page of that name can use a session', async (host) => {
  const login = await scene.raw(rawRequest('GET', '/bff/login', [`Host: ${host}`, ...navigation]))
  if (login.status === 303)
    expect(new URL(login.header('location') ?? '').searchParams.get('redirect_uri')).toBe('https://app.test/bff/callback')
  else expect([400, 421]).toContain(login.status)
  // DNS rebinding: the page of evil.test is of another origin, and a browser says so; it has no cookie of app.test besides.
  const session = await rawSession(scene)
  const call = await scene.raw(
    rawRequest('POST', '/api/x', [
      `Host: ${host}`,
      session.cookie,
      `Origin: http://${host}`,
      'Sec-Fetch-Site: same-origin',
      `X-CSRF-Token: ${session.csrfToken}`,
      'Content-Length: 0',
    ]),
    { method: 'POST' },
  )
  expect([400, 403, 421]).toContain(call.status)
  expect(scene.internet.upstream.requests).toEqual([])
})

test.each([
  ['two Hosts', ['Host: app.test', 'Host: evil.test']],
  ['two that are the same', ['Host: app.test', 'Host: app.test']],
  ['an empty one and one', ['Host:', 'Host: app.test']],
  ['two spellings', ['Host: app.test', 'host : evil.test']],
])('%s never reach the upstream', async (_what, hosts) => {
  scene.allow({ leftOver: true })
  const session = await rawSession(scene)
  const response = await scene.raw(`GET /api/x HTTP/1.1\r\n${[...hosts, ...session.lines].join('\r\n')}\r\n\r\n`)
  expect(response.status).toBe(400)
  expect(scene.internet.upstream.requests).toEqual([])
})

test('no Host at all is 400 in HTTP/1.1', async () => {
  scene.allow({ leftOver: true })
  const response = await scene.raw('GET /public/x HTTP/1.1\r\nAccept: */*\r\n\r\n')
  expect(response.status).toBe(400)
})
