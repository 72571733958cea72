import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createBffClient } from '../../src/browser/client.ts'
import type { BffClient, BffEventName } from '../../src/browser/client.ts'
import { openFakePage, sessionOf, sessionRequired, type FakePage } from './fake-page.ts'

let page: FakePage

beforeEach(() => {
  vi.useFakeTimers()
  page = openFakePage()
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const names: readonly BffEventName[] = ['login', 'logout', 'expired', 'expiring', 'change']

/** The names of the events of a client from now on; `login!` where the user changed. */
function record(client: BffClient): string[] {
  const heard: string[] = []
  for (const name of names) client.on(name, (event) => heard.push(event.userChanged ? `${name}!` : name))
  return heard
}

async function settled(): Promise<void> {
  await vi.advanceTimersByTimeAsync(1)
}

test('callers at the same time share one request, and later ones ask again', async () => {
  page.gateway = sessionOf('ada')
  const client = createBffClient()
  expect(client.snapshot()).toBe(undefined)
  const [user, session, again] = await Promise.all([client.user(), client.session(), client.session()])
  expect(user).toEqual({ sub: 'ada', name: 'ada' })
  expect(again).toBe(session)
  expect(page.sessionRequests()).toBe(1)
  await client.session()
  expect(page.sessionRequests()).toBe(2)
})

test('the snapshot is the same object until something changes, and so is the user', async () => {
  page.gateway = sessionOf('ada')
  const client = createBffClient()
  const heard = record(client)
  await client.session()
  const first = client.snapshot()
  await client.session()
  expect(client.snapshot()).toBe(first)
  expect(heard).toEqual(['change'])
  page.gateway = { ...page.gateway, idleExpiresAt: new Date(Date.now() + 3_600_000).toISOString() }
  await client.session()
  expect(client.snapshot()).not.toBe(first)
  expect(client.snapshot()?.user).toBe(first?.user)
  expect(heard).toEqual(['change', 'change'])
})

const troubles: [what: string, answer: () => Response | Promise<Response>][] = [
  ['503', () => Response.json({ code: 'store_unavailable' }, { status: 503 })],
  ['no network', () => Promise.reject(new TypeError('Failed to fetch'))],
  ['a page in place of the answer', () => new Response('<!doctype html><title>App</title>')],
  ['an empty object', () => Response.json({})],
  ['500 that says nobody is logged in', () => Response.json({ authenticated: false }, { status: 500 })],
]

test.each(troubles)('%s is not a logout', async (_what, answer) => {
  page.gateway = sessionOf('ada')
  const client = createBffClient()
  await client.session()
  const before = client.snapshot()
  const heard = record(client)
  page.gateway = answer
  await expect(client.session()).rejects.toThrow()
  await expect(client.user()).rejects.toThrow()
  await expect(client.logout()).rejects.toThrow()
  page.api = sessionRequired
  expect((await client.fetch('/api/orders')).status).toBe(401)
  for (const name of ['logout', 'expired', 'login', 'load']) page.hear(name)
  page.show(true)
  await settled()
  expect(client.snapshot()).toBe(before)
  expect(heard).toEqual([])
  expect(page.forms).toEqual([])
})

test('a trouble tells its status', async () => {
  page.gateway = () => new Response('', { status: 503 })
  await expect(createBffClient({ base: '/auth' }).session()).rejects.toMatchObject({ status: 503, message: '/auth/session: 503' })
})

test.each(['https://api.example.com/orders', 'http://app.test/api/orders', 'https://app.test:8443/api', '//evil.test/'])(
  'fetch refuses %s and says what to call instead',
  async (url) => {
    const client = createBffClient()
    await expect(client.fetch(url)).rejects.toThrow('Call the proxied path')
    expect(page.requests).toEqual([])
  },
)

test('unsafe calls carry the CSRF token, safe ones do not', async () => {
  page.gateway = sessionOf('ada')
  const client = createBffClient()
  for (const method of ['GET', 'HEAD', 'OPTIONS']) await client.fetch('/api/orders', { method })
  expect(page.sessionRequests()).toBe(0)
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) await client.fetch('/api/orders', { method })
  expect(page.sessionRequests()).toBe(1)
  const sent = page.requests.filter(({ url }) => url.includes('/api/'))
  expect(sent.map(({ headers }) => headers.get('X-CSRF-Token'))).toEqual([
    null,
    null,
    null,
    ...Array.from({ length: 4 }, () => client.snapshot()?.csrfToken),
  ])
})

test.each([
  ['header', '1'],
  ['origin', null],
] as const)('in mode %s the token stays at home', async (csrf, header) => {
  page.gateway = sessionOf('ada')
  const client = createBffClient({ csrf })
  await client.fetch('/api/orders')
  await client.fetch('/api/orders', { method: 'POST' })
  expect(page.requests.map(({ headers }) => [headers.get('X-CSRF'), headers.get('X-CSRF-Token')])).toEqual([
    [header, null],
    [header, null],
  ])
})

test.each(['Bearer', 'Bearer realm="BffSession"', 'BffSession, Bearer', 'Bearer, BffSession', 'bffsession', ''])(
  'a 401 with WWW-Authenticate: %s is the API’s and passes untouched',
  async (challenge) => {
    page.gateway = sessionOf('ada')
    const client = createBffClient({ onUnauthorized: 'popup' })
    await client.session()
    const heard = record(client)
    const answer = Response.json({ code: 'session_required' }, { status: 401, headers: { 'WWW-Authenticate': challenge } })
    page.api = () => answer
    expect(await client.fetch('/api/orders')).toBe(answer)
    expect([heard, page.opened, page.requests.length]).toEqual([[], [], 2])
  },
)

test('our own 401 tells once that the session is over, also where the page never asked before', async () => {
  for (const asksFirst of [true, false]) {
    page.gateway = sessionOf('ada')
    page.api = sessionRequired
    const client = createBffClient()
    if (asksFirst) await client.session()
    const heard = record(client)
    page.gateway = null
    const answers = await Promise.all([client.fetch('/api/a'), client.fetch('/api/b')])
    expect(answers.map(({ status }) => status)).toEqual([401, 401])
    await client.fetch('/api/c')
    expect(heard).toEqual(['change', 'expired'])
    expect(client.snapshot()).toBe(null)
    expect(page.opened).toEqual([])
  }
  expect(page.posted).toEqual(['load', 'expired'])
})

test('two calls that meet the end of the session share one login and are repeated, with the new token and the body', async () => {
  page.gateway = sessionOf('ada')
  const client = createBffClient({ onUnauthorized: 'popup' })
  await client.session()
  const heard = record(client)
  page.gateway = null
  page.api = (request) => (page.gateway === null ? sessionRequired() : new Response(request.body))
  const calls = ['one', 'two'].map((body) => client.fetch('/api/orders', { method: 'POST', body }))
  await settled()
  expect(page.opened).toEqual(['/bff/login?returnTo=%2Fbff%2Fpopup-done'])
  page.gateway = sessionOf('ada')
  page.hear('login')
  const answers = await Promise.all(calls)
  expect(await Promise.all(answers.map((answer) => answer.text()))).toEqual(['one', 'two'])
  expect(heard).toEqual(['change', 'expired', 'change', 'login'])
  expect(page.requests.slice(-2).map(({ headers }) => headers.get('X-CSRF-Token'))).toEqual([
    client.snapshot()?.csrfToken,
    client.snapshot()?.csrfToken,
  ])
  expect(page.opened).toHaveLength(1)
})

test('a call is repeated once and no more', async () => {
  page.gateway = sessionOf('ada')
  const client = createBffClient({ onUnauthorized: 'popup' })
  await client.session()
  page.api = sessionRequired
  expect((await client.fetch('/api/orders')).status).toBe(401)
  expect(page.requests.filter(({ url }) => url.endsWith('/api/orders'))).toHaveLength(2)
})

test('what one user began is not finished as another one', async () => {
  page.gateway = sessionOf('ada')
  const client = createBffClient({
    onUnauthorized: () => {
      page.gateway = sessionOf('ben')
      return true
    },
  })
  await client.session()
  const heard = record(client)
  page.gateway = null
  page.api = sessionRequired
  expect((await client.fetch('/api/orders', { method: 'POST' })).status).toBe(401)
  expect(page.requests.filter(({ url }) => url.endsWith('/api/orders'))).toHaveLength(1)
  expect(heard).toEqual(['change', 'expired', 'change', 'login!'])
})

test('a login that did not come about leaves the answer as it was', async () => {
  page.popups = false
  const client = createBffClient({ onUnauthorized: 'popup' })
  page.api = sessionRequired
  expect((await client.fetch('/api/orders')).status).toBe(401)
  expect([page.opened.length, page.requests.length]).toEqual([1, 2])
})

test('a login leaves the page and comes back to where it was', () => {
  const client = createBffClient({ base: '/auth' })
  client.login()
  client.login({ returnTo: '/a b', prompt: 'login', loginHint: 'ada@example.com', maxAge: 0 })
  expect(page.visited).toEqual([
    '/auth/login?returnTo=%2Forders%3Fpage%3D2%23top',
    '/auth/login?returnTo=%2Fa+b&prompt=login&loginHint=ada%40example.com&maxAge=0',
  ])
})

test('a popup that says nothing is found out by asking, and given up after five minutes', async () => {
  const client = createBffClient()
  await client.session()
  const first = client.loginPopup({ prompt: 'login' })
  page.gateway = sessionOf('ada')
  await vi.advanceTimersByTimeAsync(3_100)
  expect(await first).toBe(true)
  const second = client.loginPopup()
  const asked = page.sessionRequests()
  await vi.advanceTimersByTimeAsync(300_000)
  expect(await second).toBe(false)
  expect(page.sessionRequests()).toBeGreaterThan(asked)
  const after = page.sessionRequests()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(page.sessionRequests()).toBe(after)
})

test('a further call opens the window again and waits for the same login; another page’s start is no login', async () => {
  page.gateway = sessionOf('ada')
  const client = createBffClient()
  await client.session()
  const outcomes: boolean[] = []
  for (let press = 0; press < 2; press++) void client.loginPopup().then((loggedIn) => outcomes.push(loggedIn))
  page.hear('load')
  await settled()
  expect([page.opened.length, outcomes]).toEqual([2, []])
  page.hear('login')
  await settled()
  expect(outcomes).toEqual([true, true])
})
