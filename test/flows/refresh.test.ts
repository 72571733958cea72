import { expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { simulateInternet, type Internet, type InternetOptions } from '../support/internet.ts'

const dueMs = 285_000
const expiredMs = 301_000

/** A session whose access token was issued so long ago; its life is 300 seconds. */
async function sessionOfAge(ageMs: number, options: InternetOptions = {}, name = 'ada') {
  const internet = await simulateInternet(options)
  internet.provider.loginAs(name)
  const user = internet.browser()
  await user.login(internet.app)
  internet.clock.advance(ageMs)
  return { internet, user, ...internet }
}

const refreshes = ({ provider }: Internet) => provider.tokenCalls('refresh_token')

test('a token that is not due is used as it is', async () => {
  const { internet, user } = await sessionOfAge(200_000)
  expect((await user.fetch('/api/a')).status).toBe(200)
  expect(refreshes(internet)).toHaveLength(0)
})

test.each([
  ['due', dueMs],
  ['expired', expiredMs],
])('a token that is %s is refreshed once, with client authentication, and the new one is used', async (_what, ageMs) => {
  const { internet, user, upstream, provider, logs } = await sessionOfAge(ageMs)
  expect((await user.fetch('/api/a')).status).toBe(200)
  expect((await user.fetch('/api/b')).status).toBe(200)
  expect(refreshes(internet)).toHaveLength(1)
  expect(refreshes(internet)[0]?.client.method).toBe('client_secret_basic')
  for (const { bearer } of upstream.requests) expect(provider.grants.activeAccessToken(bearer ?? '')).toBeDefined()
  expect(logs.events('refresh')).toHaveLength(1)
})

test.each([1, 3])('fifty calls at once over %d nodes make one refresh', async (nodes) => {
  const { internet, user, app, provider, browser } = await sessionOfAge(expiredMs, { nodes })
  const cookie = user.jar.get(app.sessionCookie)?.value ?? ''
  const clients = internet.nodes.map((_node, node) => {
    const client = browser({ node })
    client.jar.plant({ name: app.sessionCookie, value: cookie, domain: 'app.test', sameSite: 'strict' })
    return client
  })
  const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => clients[index % nodes]?.fetch(`/api/${index}`)))
  expect(answers.map((answer) => answer?.status)).toEqual(Array.from({ length: 50 }, () => 200))
  expect(refreshes(internet)).toHaveLength(1)
  expect(provider.reuseDetected).toBe(0)
  expect(await user.session()).toMatchObject({ authenticated: true })
})

test('waiters of a slow refresh share it', async () => {
  const { internet, user, provider } = await sessionOfAge(expiredMs)
  const held = provider.hold('token')
  const answers = Array.from({ length: 20 }, (_, index) => user.fetch(`/api/${index}`))
  await held.arrived
  held.release()
  expect((await Promise.all(answers)).every(({ status }) => status === 200)).toBe(true)
  expect(refreshes(internet)).toHaveLength(1)
})

test('a hundred refreshes in a row never use a token twice', async () => {
  const { internet, user, provider, clock } = await sessionOfAge(0, { config: { session: { lifetimeSeconds: 86_400 } } })
  for (let round = 0; round < 100; round += 1) {
    clock.advance(expiredMs)
    expect((await user.fetch('/api/a')).status).toBe(200)
  }
  expect(refreshes(internet)).toHaveLength(100)
  expect(provider.reuseDetected).toBe(0)
})

test('invalid_grant ends the session once: 401, the cookie cleared, and nothing asked again', async () => {
  const { internet, user, app, provider, upstream, logs } = await sessionOfAge(expiredMs)
  provider.grants.endGrantsOf('user-ada')
  const response = await user.fetch('/api/a')
  expect(response.status).toBe(401)
  expect(response.object()).toMatchObject({ code: 'session_required' })
  expect(user.jar.get(app.sessionCookie)).toBeUndefined()
  expect(refreshes(internet)).toHaveLength(1)
  expect(upstream.requests).toEqual([])
  expect(logs.events('refresh_failed')).toHaveLength(1)
  expect((await user.fetch('/api/a')).status).toBe(401)
  expect(await user.session()).toEqual({ authenticated: false })
  expect(refreshes(internet)).toHaveLength(1)
})

test('invalid_grant while the old token still has seconds to live ends the session too', async () => {
  const { user, provider } = await sessionOfAge(dueMs)
  provider.grants.endGrantsOf('user-ada')
  expect((await user.fetch('/api/a')).status).toBe(401)
  expect(await user.session()).toEqual({ authenticated: false })
})

const troubles = [
  ['500', { status: 500, body: { error: 'server_error' } }],
  ['503 with Retry-After', { status: 503, headers: { 'retry-after': '7' }, body: 'later' }],
  ['429', { status: 429, headers: { 'retry-after': '7' }, body: { error: 'slow_down' } }],
  ['502 with a page', { status: 502, headers: { 'content-type': 'text/html' }, body: '<h1>Bad Gateway</h1>' }],
  ['200 with a page', { status: 200, headers: { 'content-type': 'text/html' }, body: '<h1>Maintenance</h1>' }],
  ['200 with cut JSON', { status: 200, headers: { 'content-type': 'application/json' }, body: '{"access_token":"x' }],
  ['200 with an empty object', { status: 200, body: {} }],
  ['200 with a list', { status: 200, body: [] }],
  ['a token type nobody knows', { status: 200, body: { access_token: 'at-mac-0123456789', token_type: 'mac', expires_in: 300 } }],
  ['a reset', { reset: 'before' }],
  ['silence', { hang: true }],
  ['400 invalid_client', { status: 400, body: { error: 'invalid_client' } }],
  ['401 invalid_client', { status: 401, body: { error: 'invalid_client' } }],
] as const

test.each(troubles)('%s while the token is valid: the call goes through with it', async (_what, trouble) => {
  const { user, provider, upstream } = await sessionOfAge(dueMs, { config: { provider: { timeoutSeconds: 1 } } })
  provider.override('token', trouble)
  expect((await user.fetch('/api/a')).status).toBe(200)
  expect(provider.grants.activeAccessToken(upstream.requests[0]?.bearer ?? '')).toBeDefined()
  expect(await user.session()).toMatchObject({ authenticated: true })
})

test.each(troubles)(
  '%s when the token has expired: 503, the session and the cookie stay, and later all is well',
  async (_what, trouble) => {
    const { user, app, clock, provider, upstream } = await sessionOfAge(expiredMs, {
      config: { provider: { timeoutSeconds: 1 } },
    })
    const cookie = user.jar.get(app.sessionCookie)?.value
    provider.override('token', trouble)
    const response = await user.fetch('/api/a')
    expect(response.status).toBe(503)
    expect(response.object()).toMatchObject({ code: 'provider_unavailable' })
    expect(response.header('retry-after')).toMatch(/^\d+$/)
    expect(response.setCookies).toEqual([])
    expect(user.jar.get(app.sessionCookie)?.value).toBe(cookie)
    expect(upstream.requests).toEqual([])
    expect(await user.session()).toMatchObject({ authenticated: true })
    provider.override('token', undefined)
    clock.advance(60_000)
    expect((await user.fetch('/api/a')).status).toBe(200)
  },
)

test('a failed refresh frees the way for the next at once', async () => {
  const { user, provider } = await sessionOfAge(expiredMs)
  provider.once('token', { status: 500, body: 'x' })
  expect((await user.fetch('/api/a')).status).toBe(503)
  const startedMs = performance.now()
  expect((await user.fetch('/api/a')).status).toBe(200)
  expect(performance.now() - startedMs).toBeLessThan(1_000)
})

test('a refresh whose answer is lost is tried once more at most and then ends the session cleanly', async () => {
  const { internet, user, provider } = await sessionOfAge(expiredMs)
  provider.once('token', { reset: 'after' })
  const statuses = []
  for (let round = 0; round < 4; round += 1) statuses.push((await user.fetch('/api/a')).status)
  expect(statuses.at(-1)).toBe(401)
  expect(statuses.every((status) => status === 503 || status === 401)).toBe(true)
  expect(refreshes(internet).length).toBeLessThanOrEqual(2)
  expect(provider.reuseDetected).toBeLessThanOrEqual(1)
})

test('an answer without refresh_token or id_token keeps the old ones', async () => {
  const { user, provider, clock } = await sessionOfAge(expiredMs)
  provider.settings.rotateRefreshTokens = false
  provider.override('token', async (_call, byDefault) => {
    const { body } = await byDefault()
    const { refresh_token: _r, id_token: _i, scope: _s, ...rest } = Object(body)
    return { body: rest }
  })
  for (let round = 0; round < 3; round += 1) {
    expect((await user.fetch('/api/a')).status).toBe(200)
    clock.advance(expiredMs)
  }
  expect(await user.session()).toMatchObject({ user: { sub: 'user-ada', name: 'Ada Lovelace' } })
})

test('a rotated refresh token survives an answer without one', async () => {
  const { user, provider, clock } = await sessionOfAge(expiredMs)
  expect((await user.fetch('/api/a')).status).toBe(200)
  provider.settings.rotateRefreshTokens = false
  clock.advance(expiredMs)
  expect((await user.fetch('/api/a')).status).toBe(200)
  clock.advance(expiredMs)
  expect((await user.fetch('/api/a')).status).toBe(200)
  expect(provider.reuseDetected).toBe(0)
})

test.each([
  ['sub', { sub: 'user-grace' }],
  ['iss', { iss: 'https://evil.test' }],
  ['aud', { aud: 'another-client' }],
])('a refreshed ID token with another %s ends the session, and its tokens are given back', async (_what, change) => {
  const { user, app, provider, upstream } = await sessionOfAge(expiredMs)
  provider.makeIdToken = (claims) => provider.signIdToken({ ...claims, ...change })
  const response = await user.fetch('/api/a')
  expect([401, 503]).toContain(response.status)
  expect(upstream.requests).toEqual([])
  provider.makeIdToken = (claims) => provider.signIdToken(claims)
  expect((await user.fetch('/api/a')).status).toBe(401)
  expect(user.jar.get(app.sessionCookie)).toBeUndefined()
  await eventually(() =>
    expect([...provider.issued].filter(([value, kind]) => kind === 'refresh_token' && provider.grants.isLive(value))).toEqual([]),
  )
})

test('a client that leaves does not cancel the refresh it began', async () => {
  const { internet, user, provider } = await sessionOfAge(expiredMs)
  const held = provider.hold('token', 'after')
  const stream = user.tab.stream('/api/a').catch(() => undefined)
  await held.arrived
  user.agent.destroy()
  held.release()
  await stream
  await eventually(async () => expect((await user.fetch('/api/b')).status).toBe(200))
  expect(refreshes(internet)).toHaveLength(1)
  expect(provider.reuseDetected).toBe(0)
})

test('without a refresh token the session ends with its access token', async () => {
  const internet = await simulateInternet()
  internet.provider.settings.issueRefreshTokens = false
  const user = internet.browser()
  await user.login(internet.app)
  internet.clock.advance(dueMs)
  expect((await user.fetch('/api/a')).status).toBe(200)
  internet.clock.advance(expiredMs - dueMs)
  expect((await user.fetch('/api/a')).status).toBe(401)
  expect(internet.upstream.requests).toHaveLength(1)
})

test('without expires_in the token is used as it is', async () => {
  const internet = await simulateInternet()
  internet.provider.settings.omitExpiresIn = true
  internet.provider.settings.accessTokenLifetimeSeconds = 100_000
  const user = internet.browser()
  await user.login(internet.app)
  internet.clock.advance(1_000_000)
  expect((await user.fetch('/api/a')).status).toBe(200)
  expect(refreshes(internet)).toHaveLength(0)
})

test('a poll of the session endpoint refreshes nothing', async () => {
  const { internet, user } = await sessionOfAge(expiredMs)
  expect(await user.session()).toMatchObject({ authenticated: true })
  expect(refreshes(internet)).toHaveLength(0)
})

test('routes with a resource get a token of their own, refreshed by itself', async () => {
  const { upstream: first, ...internet } = await simulateInternet({
    config: {
      routes: [
        { path: '/orders/', upstream: 'http://127.0.0.1:1', token: { resource: 'https://orders.test' } },
        { path: '/', upstream: 'http://127.0.0.1:1' },
      ],
    },
  })
  const user = internet.browser()
  await user.login(internet.app, '/bff/error')
  expect((await user.fetch('/orders/1')).status).toBe(502)
  expect((await user.fetch('/plain')).status).toBe(502)
  expect((await user.fetch('/orders/2')).status).toBe(502)
  expect(first.requests).toEqual([])
  const resources = internet.provider.calls.token.map((call) => call.form.get('resource'))
  expect(resources.filter((resource) => resource === 'https://orders.test')).toHaveLength(1)
  expect(internet.provider.reuseDetected).toBe(0)
})

test('a session outlives a key that was replaced while the keys cannot be had', async () => {
  const internet = await simulateInternet()
  const { app, provider, clock } = internet
  const users = []
  for (let i = 0; i < 6; i += 1) {
    const user = internet.browser()
    await user.login(app)
    users.push(user)
  }
  clock.advance((provider.settings.accessTokenLifetimeSeconds + 1) * 1000)
  provider.rotateKeys()
  provider.override('jwks', { status: 503 })
  for (const user of users) expect((await user.fetch('/api/a')).status).toBe(200)
  provider.override('jwks', undefined)
  for (const user of users) expect((await user.session())['authenticated']).toBe(true)
})
