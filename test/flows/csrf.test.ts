import { expect, test } from 'vitest'
import type { Browser } from '../support/browser.ts'
import { simulateInternet, type Internet } from '../support/internet.ts'
import { rawConnect, rawExchange, rawRequest, type RawConnection } from '../support/raw-client.ts'

type Mode = 'token' | 'header' | 'origin'
type SameSite = 'strict' | 'lax'

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
const sites = ['same-origin', 'same-site', 'cross-site', 'none', undefined]
const origins = ['https://app.test', 'https://evil.test', 'https://app.test.evil.test', 'http://app.test', 'null', undefined]
const proofs = ['none', 'good', 'wrong', 'foreign', 'X-CSRF: 1'] as const
const kinds = ['fetch', 'navigate'] as const

interface Case {
  readonly method: string
  readonly site: string | undefined
  readonly origin: string | undefined
  readonly proof: (typeof proofs)[number]
  readonly kind: (typeof kinds)[number]
}

/** Section 5 of the contract, for a proxied route; `undefined` where it leaves the answer open. */
function allowed({ method, site, origin, proof, kind }: Case, mode: Mode, sameSite: SameSite): boolean | undefined {
  const isSafe = method === 'GET' || method === 'HEAD'
  const isForeign = origin !== undefined && origin !== 'https://app.test'
  // Browsers write null for forms of a page under no-referrer; Sec-Fetch-Site tells then whose page it is.
  if (origin === 'null' && site === 'same-origin') return undefined
  if (!isSafe && isForeign) return false
  if (isSafe && isForeign)
    return site === 'same-origin' || site === undefined ? undefined : firstCheck() && proven() ? undefined : false
  return firstCheck() && proven()

  function firstCheck(): boolean {
    if (site === 'same-origin') return true
    if (site === undefined) return isSafe || origin === 'https://app.test'
    const isPage = isSafe && kind === 'navigate'
    return isPage && (site === 'none' || sameSite === 'lax')
  }
  function proven(): boolean {
    if (mode === 'origin') return true
    if (mode === 'header') return proof === 'X-CSRF: 1'
    return isSafe || proof === 'good'
  }
}

function cases(): Case[] {
  return methods.flatMap((method) =>
    sites.flatMap((site) =>
      origins.flatMap((origin) => proofs.flatMap((proof) => kinds.map((kind) => ({ method, site, origin, proof, kind })))),
    ),
  )
}

async function loggedIn(
  { app, provider, browser }: Internet,
  name = 'ada',
): Promise<{ user: Browser; cookie: string; token: string }> {
  provider.loginAs(name)
  const user = browser()
  await user.login(app)
  return {
    user,
    cookie: `${app.sessionCookie}=${user.jar.get(app.sessionCookie)?.value ?? ''}`,
    token: String((await user.session())['csrfToken']),
  }
}

const wrongToken = 'w'.repeat(43)

async function statusOf(
  connection: RawConnection,
  target: string,
  one: Case,
  cookie: string,
  tokens: { own: string; foreign: string },
): Promise<number> {
  const proof = {
    none: [],
    good: [`X-CSRF-Token: ${tokens.own}`],
    wrong: [`X-CSRF-Token: ${wrongToken}`],
    foreign: [`X-CSRF-Token: ${tokens.foreign}`],
    'X-CSRF: 1': ['X-CSRF: 1'],
  }[one.proof]
  const headers = [
    `Cookie: ${cookie}`,
    ...(one.site === undefined ? [] : [`Sec-Fetch-Site: ${one.site}`]),
    ...(one.kind === 'navigate'
      ? ['Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document']
      : ['Sec-Fetch-Mode: cors', 'Sec-Fetch-Dest: empty']),
    ...(one.origin === undefined ? [] : [`Origin: ${one.origin}`]),
    ...proof,
    ...(one.method === 'GET' || one.method === 'HEAD' ? [] : ['Content-Length: 0']),
  ]
  connection.send(rawRequest(one.method, target, headers))
  return (await connection.response(one.method)).status
}

test.each([
  ['token', 'strict'],
  ['header', 'strict'],
  ['origin', 'strict'],
  ['token', 'lax'],
] as const)('a proxied call in %s mode with a %s cookie: method by site by origin by proof', async (mode, sameSite) => {
  const internet = await simulateInternet({ config: { csrf: { mode }, session: { cookie: { sameSite } } } })
  const { app, upstream } = internet
  const foreign = (await loggedIn(internet, 'mallory')).token
  const { cookie, token } = await loggedIn(internet)
  const connection = await rawConnect(app.port)
  const wrong: string[] = []
  for (const one of cases()) {
    const expected = allowed(one, mode, sameSite)
    const before = upstream.requests.length
    const status = await statusOf(connection, '/api/a', one, cookie, { own: token, foreign })
    const passed = upstream.requests.length > before
    if (passed !== (status === 200))
      wrong.push(`${JSON.stringify(one)}: ${status}, though the upstream ${passed ? 'was' : 'was not'} asked`)
    else if (expected !== undefined && status !== (expected ? 200 : 403))
      wrong.push(`${JSON.stringify(one)}: ${status}, expected ${expected ? 200 : 403}`)
  }
  connection.reset()
  expect(wrong.length, `of ${cases().length}:\n${wrong.slice(0, 20).join('\n')}`).toBe(0)
})

test('a refused call is audited and does not touch the session', async () => {
  const internet = await simulateInternet()
  const { user } = await loggedIn(internet)
  const before = (await user.session())['idleExpiresAt']
  internet.clock.advance(60_000)
  const response = await user.fetch('/api/a', { method: 'POST' })
  expect(response.status).toBe(403)
  expect(response.object()).toMatchObject({ code: 'csrf_failed' })
  expect(internet.logs.events('csrf_refused')).toHaveLength(1)
  expect((await user.session())['idleExpiresAt']).toBe(before)
})

test.each([
  ['none', undefined],
  ['text/plain', 'text/plain'],
  ['Text/Plain', 'Text/Plain'],
  ['urlencoded', 'application/x-www-form-urlencoded; x'],
  ['multipart', 'multipart/form-data; boundary=x'],
  ['a leading blank', ' application/json'],
  ['json', 'application/json'],
])('the content type decides nothing: %s', async (_what, type) => {
  const internet = await simulateInternet()
  const { cookie, token } = await loggedIn(internet)
  const connection = await rawConnect(internet.app.port)
  const headers = [
    `Cookie: ${cookie}`,
    'Sec-Fetch-Site: same-origin',
    'Origin: https://app.test',
    ...(type === undefined ? [] : [`Content-Type: ${type}`]),
  ]
  connection.send(rawRequest('POST', '/api/a', headers, 'x'))
  expect((await connection.response()).status).toBe(403)
  connection.send(rawRequest('POST', '/api/a', [...headers, `X-CSRF-Token: ${token}`], 'x'))
  expect((await connection.response()).status).toBe(200)
  connection.reset()
})

test('a token counts once, in its header, and nowhere else on a proxied call', async () => {
  const internet = await simulateInternet()
  const { cookie, token } = await loggedIn(internet)
  const connection = await rawConnect(internet.app.port)
  const base = [`Cookie: ${cookie}`, 'Sec-Fetch-Site: same-origin', 'Origin: https://app.test']
  const refused: [string, string[], string?][] = [
    ['/api/a', ['X-CSRF-Token:']],
    ['/api/a', [`X-CSRF-Token: ${token}`, `X-CSRF-Token: ${wrongToken}`]],
    ['/api/a', [`X_CSRF_Token: ${token}`]],
    [`/api/a?_csrf=${token}&X-CSRF-Token=${token}`, []],
    ['/api/a', ['Content-Type: application/x-www-form-urlencoded'], `_csrf=${token}`],
    ['/api/a', [`Cookie: XSRF-TOKEN=${token}`]],
    ['/api/a', ['X-CSRF: 1']],
  ]
  for (const [target, headers, body = 'x'] of refused) {
    connection.send(rawRequest('POST', target, [...base, ...headers], body))
    expect((await connection.response()).status, `${target} ${headers.join()}`).toBe(403)
  }
  connection.reset()
  expect(internet.upstream.requests).toEqual([])
})

test('two session cookies switch nothing off: what does not prove where it comes from goes nowhere, not even as a stranger’s', async () => {
  const internet = await simulateInternet()
  const { cookie } = await loggedIn(internet)
  const planted = `${cookie}; ${internet.app.sessionCookie}=${'A'.repeat(43)}`
  for (const target of ['/optional/a', '/api/a']) {
    const response = await rawExchange(
      internet.app.port,
      rawRequest('POST', target, [`Cookie: ${planted}`, 'Sec-Fetch-Site: cross-site', 'Origin: https://evil.test'], 'x'),
      'POST',
    )
    expect(response.status, target).toBe(403)
  }
  expect(internet.upstream.requests).toEqual([])
})

test('without a session there is nothing to forge: the answer is 401', async () => {
  const { app } = await simulateInternet()
  const connection = await rawConnect(app.port)
  connection.send(rawRequest('POST', '/api/a', ['Sec-Fetch-Site: cross-site', 'Origin: https://evil.test'], 'x'))
  expect((await connection.response()).status).toBe(401)
  connection.reset()
})

test('pages of other origins: forms, images, frames and fetches reach nothing', async () => {
  const internet = await simulateInternet({ config: { session: { cookie: { sameSite: 'lax' } } } })
  const { user } = await loggedIn(internet)
  for (const from of ['https://evil.test', 'https://sub.app.test']) {
    expect((await user.tab.submit('/api/a', 'x=1', { from })).status, from).not.toBe(200)
    expect((await user.tab.submit('/api/a', '{"a":1}', { from, contentType: 'text/plain' })).status, from).not.toBe(200)
    expect((await user.tab.load('/api/a', 'image', from)).status, from).not.toBe(200)
    expect((await user.tab.load('/api/a', 'iframe', from)).status, from).not.toBe(200)
    const simple = await user.tab.fetch('/api/a', { from, method: 'POST', body: 'x', credentials: 'include' })
    expect([simple.readable, simple.status === 200], from).toEqual([false, false])
    await expect(user.tab.fetch('/api/a', { from, method: 'DELETE', credentials: 'include' })).rejects.toThrow('CORS')
    await expect(user.tab.fetch('/api/a', { from, headers: { 'X-CSRF': '1' }, credentials: 'include' })).rejects.toThrow('CORS')
    const logout = await user.tab.submit('/bff/logout', '', { from })
    expect(logout.hop(0).setCookies, from).toEqual([])
    expect([403, 405], from).toContain((await user.tab.load('/bff/logout', 'image', from)).status)
    const session = await user.tab.fetch('/bff/session', { from, credentials: 'include' })
    expect([session.readable, session.text.includes('user-ada')], from).toEqual([false, false])
  }
  expect(internet.upstream.requests).toEqual([])
  expect(await user.session(), 'still logged in').toMatchObject({ authenticated: true })
})

test('plain links, downloads, images and EventSource of the own pages work in token mode', async () => {
  const internet = await simulateInternet()
  const { user } = await loggedIn(internet)
  const { app } = internet
  expect((await user.tab.load('/api/a.png', 'image', app.url)).status).toBe(200)
  expect((await user.tab.load('/api/frame', 'iframe', app.url)).status).toBe(200)
  expect((await user.tab.click('/api/report.pdf', app.url)).status).toBe(200)
  expect((await user.navigate(`${app.url}/api/report.pdf`)).status).toBe(200)
  internet.upstream.once('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9\r\n\r\ndata: 1\n\n')
  expect((await user.tab.stream('/api/events')).status).toBe(200)
})

test('the logout form of a page carries the token as a field', async () => {
  const internet = await simulateInternet()
  const { user, token } = await loggedIn(internet)
  const { app, provider } = internet
  expect((await user.tab.submit('/bff/logout', { _csrf: wrongToken }, { from: app.url })).status).toBe(403)
  const twice = await user.tab.submit('/bff/logout', `_csrf=${token}&_csrf=${token}`, { from: app.url })
  expect(twice.status).toBe(403)
  await user.navigate('/')
  const response = await user.tab.submit('/bff/logout', { _csrf: token }, { from: app.url })
  expect(response.hop(0).status).toBe(303)
  expect(response.hop(0).header('location')).toContain(`${provider.issuer}/end_session`)
  expect(await user.session()).toEqual({ authenticated: false })
})

test('the logout form works on a page under no-referrer, where the browser writes Origin: null', async () => {
  const internet = await simulateInternet()
  const { user, cookie, token } = await loggedIn(internet)
  const connection = await rawConnect(internet.app.port)
  const fetchMetadata = ['Sec-Fetch-Site: same-origin', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document']
  const form = 'Content-Type: application/x-www-form-urlencoded'
  connection.send(
    rawRequest('POST', '/bff/logout', [`Cookie: ${cookie}`, ...fetchMetadata, 'Origin: null', form], `_csrf=${token}`),
  )
  expect((await connection.response()).status).toBe(303)
  expect(await user.session()).toEqual({ authenticated: false })
  connection.reset()
})

test('no origin gets CORS approval, by preflight or by a real request', async () => {
  const internet = await simulateInternet()
  const { cookie } = await loggedIn(internet)
  const connection = await rawConnect(internet.app.port)
  for (const origin of [
    'https://evil.test',
    'null',
    'https://evilapp.test',
    'https://app.test.evil.test',
    'http://app.test',
    'https://sub.app.test',
  ]) {
    for (const [method, target] of [
      ['OPTIONS', '/api/a'],
      ['GET', '/api/a'],
      ['OPTIONS', '/bff/session'],
      ['GET', '/bff/session'],
      ['OPTIONS', '/bff/logout'],
    ] as const) {
      const asked =
        method === 'OPTIONS'
          ? ['Access-Control-Request-Method: POST', 'Access-Control-Request-Headers: x-csrf']
          : [`Cookie: ${cookie}`]
      connection.send(
        rawRequest(method, target, [`Origin: ${origin}`, 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: cors', ...asked]),
      )
      const response = await connection.response(method)
      expect(response.head.toLowerCase(), `${method} ${target} from ${origin}`).not.toContain('access-control-allow')
    }
  }
  connection.reset()
})
