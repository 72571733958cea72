import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { createMemoryStore } from '../../src/stores/memory.ts'
import { simulateInternet, type Internet } from '../support/internet.ts'
import { rawExchange, rawRequest, type RawResponse } from '../support/raw-client.ts'

const path = '/bff/backchannel-logout'
const form = 'Content-Type: application/x-www-form-urlencoded'

function send(internet: Internet, body: string, headers: readonly string[] = [form], node = 0): Promise<RawResponse> {
  return rawExchange(
    internet.nodes[node]?.port ?? 0,
    rawRequest('POST', path, [...headers, `Content-Length: ${Buffer.byteLength(body)}`], body),
  )
}

const logout = (internet: Internet, token: string, node = 0): Promise<RawResponse> =>
  send(internet, `logout_token=${token}`, [form], node)

async function devices(internet: Internet, count: number, user = 'ada') {
  internet.provider.loginAs(user)
  const browsers = []
  for (let i = 0; i < count; i += 1) {
    const browser = internet.browser()
    await browser.login(internet.app)
    browsers.push(browser)
  }
  return browsers
}

const states = async (browsers: Awaited<ReturnType<typeof devices>>): Promise<unknown[]> =>
  Promise.all(browsers.map(async (browser) => (await browser.session())['authenticated']))

test('by sid: that session ends and no other', async () => {
  const internet = await simulateInternet()
  const { provider } = internet
  const [first] = await devices(internet, 1)
  const sid = provider.currentUser?.sid
  const [second] = await devices(internet, 1)
  if (first === undefined || second === undefined) throw new Error('no browsers')
  const answer = await logout(internet, provider.signLogoutToken({ sid }))
  expect([answer.status, answer.text, answer.header('cache-control')]).toEqual([200, '', 'no-store'])
  expect(await states([first, second])).toEqual([false, true])
  expect((await first.fetch('/api/a')).status).toBe(401)
  expect(internet.logs.events('logout')).toMatchObject([{ reason: 'logout_at_provider', ended: 1 }])
})

test('by sub alone: all sessions of that subject, on every node; nobody else', async () => {
  const internet = await simulateInternet({ nodes: 2, store: createMemoryStore() })
  const mine = await devices(internet, 3)
  const others = await devices(internet, 1, 'grace')
  for (const browser of mine) internet.reachBy(browser, 1)
  expect(await states(mine), 'known to the other node').toEqual([true, true, true])
  expect((await logout(internet, internet.provider.signLogoutToken({ sub: 'user-ada' }), 0)).status).toBe(200)
  expect(await states([...mine, ...others])).toEqual([false, false, false, true])
  const again = await logout(internet, internet.provider.signLogoutToken({ sub: 'user-ada' }))
  expect(again.status, 'nothing left to end is a success').toBe(200)
  const [one] = mine
  internet.provider.loginAs('ada')
  await one?.login(internet.app)
  expect((await one?.session())?.['authenticated'], 'a new login works').toBe(true)
})

const now = (): number => Math.floor(Date.now() / 1000)
const event = 'http://schemas.openid.net/event/backchannel-logout'
const wrongClaims: [string, Record<string, unknown>][] = [
  ['another issuer', { iss: 'https://evil.test' }],
  ['the issuer with a slash', { iss: 'slash' }],
  ['another audience', { aud: 'someone-else' }],
  ['no audience', { aud: undefined }],
  ['expired', { iat: now() - 200, exp: now() - 120 }],
  ['no exp', { exp: undefined }],
  ['no iat', { iat: undefined }],
  ['issued in the future', { iat: now() + 600, exp: now() + 700 }],
  ['good for an hour', { exp: now() + 3600 }],
  ['no jti', { jti: undefined }],
  ['an empty jti', { jti: '' }],
  ['no events', { events: undefined }],
  ['another event', { events: { 'http://schemas.openid.net/event/other': {} } }],
  ['the event as text', { events: { [event]: 'yes' } }],
  ['the event as null', { events: { [event]: null } }],
  ['the event as a list', { events: { [event]: [] } }],
  ['events as a list', { events: [event] }],
  ['events as text', { events: event }],
  ['a nonce', { nonce: 'n' }],
  ['an empty nonce', { nonce: '' }],
  ['a null nonce', { nonce: null }],
  ['neither sub nor sid', { sub: undefined }],
  ['an empty sub', { sub: '' }],
  ['a sub that is no text', { sub: 1 }],
  ['a sid that is no text', { sid: ['x'] }],
]

test.each(wrongClaims)('refused with 400: %s', async (_name, claims) => {
  const internet = await simulateInternet()
  const browsers = await devices(internet, 1)
  if (claims['iss'] === 'slash') claims['iss'] = `${internet.provider.issuer}/`
  const answer = await logout(internet, internet.provider.signLogoutToken({ sub: 'user-ada', ...claims }))
  expect(answer.status).toBe(400)
  expect(JSON.parse(answer.text)).toMatchObject({ code: 'bad_request' })
  expect(answer.header('cache-control')).toBe('no-store')
  expect(await states(browsers)).toEqual([true])
})

test.each(['none', 'HS256', 'foreign key', 'ID token', 'typ JWT', 'no typ', 'cut', 'not a token', 'empty'])(
  'refused with 400: %s',
  async (kind) => {
    const internet = await simulateInternet()
    const { provider } = internet
    const browsers = await devices(internet, 1)
    const good = provider.signLogoutToken({ sub: 'user-ada' })
    const unsigned = (header: object): string =>
      `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${good.split('.')[1] ?? ''}.`
    const tokens: Record<string, () => string> = {
      none: () => unsigned({ alg: 'none', typ: 'logout+jwt' }),
      HS256: () => `${unsigned({ alg: 'HS256', typ: 'logout+jwt' })}c2lnbmF0dXJl`,
      'foreign key': () => {
        const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
        return provider.signLogoutToken({ sub: 'user-ada' }, { key: privateKey })
      },
      'ID token': () =>
        provider.signIdToken({ iss: provider.issuer, aud: 'web-bff', sub: 'user-ada', iat: now(), exp: now() + 60, nonce: 'n' }),
      'typ JWT': () => provider.signLogoutToken({ sub: 'user-ada' }, { typ: 'JWT' }),
      'no typ': () => provider.signLogoutToken({ sub: 'user-ada' }, { header: { typ: undefined } }),
      cut: () => good.slice(0, -20),
      'not a token': () => 'hello',
      empty: () => '',
    }
    expect((await logout(internet, tokens[kind]?.() ?? '')).status).toBe(400)
    expect(await states(browsers)).toEqual([true])
  },
)

test('a token counts once: a replay is refused and does not end a newer session', async () => {
  const internet = await simulateInternet()
  const token = internet.provider.signLogoutToken({ sub: 'user-ada' })
  expect((await logout(internet, token)).status).toBe(200)
  const browsers = await devices(internet, 1)
  expect((await logout(internet, token)).status).toBe(400)
  expect(await states(browsers)).toEqual([true])
})

test('while the store is down the answer is 503, and the same token works when it is back', async () => {
  const store = createMemoryStore()
  const internet = await simulateInternet({ store })
  const browsers = await devices(internet, 1)
  const token = internet.provider.signLogoutToken({ sub: 'user-ada' })
  const { deleteTagged } = store
  store.deleteTagged = () => {
    throw new Error('disk on fire')
  }
  const answer = await logout(internet, token)
  expect([answer.status, answer.header('retry-after')]).toEqual([503, '2'])
  store.deleteTagged = deleteTagged
  expect((await logout(internet, token)).status).toBe(200)
  expect(await states(browsers)).toEqual([false])
})

test('one that comes while the login is under way wins', async () => {
  const internet = await simulateInternet()
  const { provider, app } = internet
  provider.loginAs('ada')
  const ada = internet.browser()
  const held = provider.hold('token', 'after')
  const login = ada.login(app)
  await held.arrived
  expect((await logout(internet, provider.signLogoutToken({ sub: 'user-ada' }))).status).toBe(200)
  held.release()
  await login
  expect(await ada.session()).toEqual({ authenticated: false })
  expect(await internet.store.list('session:', undefined, 10), 'sessions that nobody can use').toEqual([])
})

test.each([
  ['GET', 405],
  ['PUT', 405],
  ['OPTIONS', 405],
])('%s answers %i', async (method, status) => {
  const internet = await simulateInternet()
  expect((await rawExchange(internet.app.port, rawRequest(method, path, []), method)).status).toBe(status)
})

test('one token in a form, and nothing else', async () => {
  const internet = await simulateInternet()
  const token = internet.provider.signLogoutToken({ sub: 'user-ada' })
  expect((await send(internet, `logout_token=${token}&logout_token=${token}`)).status).toBe(400)
  expect((await send(internet, JSON.stringify({ logout_token: token }), ['Content-Type: application/json'])).status).toBe(400)
  expect((await send(internet, `logout_token=${token}`, [])).status).toBe(400)
  expect((await send(internet, '')).status).toBe(400)
  expect((await send(internet, `logout_token=${'x'.repeat(70_000)}`)).status).toBe(413)
})

test('a flood of unknown key ids fetches the keys a few times only', async () => {
  const internet = await simulateInternet()
  await devices(internet, 1)
  const before = internet.provider.calls.jwks.length
  for (let i = 0; i < 100; i += 1) {
    const header = Buffer.from(JSON.stringify({ alg: 'RS256', typ: 'logout+jwt', kid: `kid-${i}` })).toString('base64url')
    const [, payload, signature] = internet.provider.signLogoutToken({ sub: 'user-ada' }).split('.')
    expect((await logout(internet, `${header}.${payload ?? ''}.${signature ?? ''}`)).status).toBe(400)
  }
  expect(internet.provider.calls.jwks.length - before).toBeLessThanOrEqual(3)
})
