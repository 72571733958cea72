import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createMemoryStore } from '../../src/stores/memory.ts'
import { launchBrowser } from '../support/chromium.ts'
import { appPage, isReady, knows, leaveBy, setClientStage, until, userOf, type ClientStage } from '../support/client-stage.ts'
import { createTestClock } from '../support/clock.ts'
import type { InternetOptions } from '../support/internet.ts'
import { rawExchange, rawRequest } from '../support/raw-client.ts'
import type { UpstreamRequest } from '../support/recording-upstream.ts'

let browser: Browser
let stage: ClientStage | undefined

beforeAll(async () => {
  browser = await launchBrowser({ backForwardCache: true })
})

afterEach(async () => {
  await stage?.context.close()
  stage = undefined
})

afterAll(async () => {
  await browser.close()
})

async function setStage(options?: InternetOptions): Promise<ClientStage> {
  stage = await setClientStage(browser, options)
  return stage
}

/** The provider ends the user's sessions, behind the back of every page. */
async function endElsewhere({ internet }: ClientStage): Promise<void> {
  const body = `logout_token=${internet.provider.signLogoutToken({ sub: 'user-ada' })}`
  const fields = ['Content-Type: application/x-www-form-urlencoded', `Content-Length: ${body.length}`]
  const { status } = await rawExchange(internet.app.port, rawRequest('POST', '/bff/backchannel-logout', fields, body))
  expect(status).toBe(200)
}

const eventsOf = (page: Page): Promise<unknown> => page.evaluate('events')

test('two tabs: a login, another user and a logout in one of them reach the other', async () => {
  const { internet, open, openLoggedIn } = await setStage()
  const first = await open()
  const second = await openLoggedIn()
  await knows(first, 'user-ada')
  expect(await eventsOf(first)).toEqual(['login'])

  internet.provider.loginAs('grace')
  await leaveBy(second, "bff.login({ prompt: 'login' })")
  await isReady(second)
  const grace = await userOf(second)
  expect(grace).not.toBe('user-ada')
  await knows(first, String(grace))
  expect(await eventsOf(first)).toEqual(['login', 'login!'])

  await leaveBy(second, 'bff.logout()')
  await knows(first, null)
  expect(await eventsOf(first)).toEqual(['login', 'login!', 'logout'])
  expect(new URL(second.url()).pathname).toBe('/')
  expect(internet.provider.calls.end_session).toHaveLength(1)
  expect(internet.provider.calls.revoke.length).toBeGreaterThan(0)
  expect(await stage?.context.cookies(internet.app.url)).toEqual([])
})

test('a popup under Cross-Origin-Opener-Policy: same-origin on both sides logs in, and the page keeps its state', async () => {
  const { internet, context, open } = await setStage()
  const { provider, upstream } = internet
  provider.settings.interactive = true
  provider.override('authorize', async (_call, byDefault) => {
    const answer = await byDefault()
    return { ...answer, headers: { ...answer.headers, 'cross-origin-opener-policy': 'same-origin' } }
  })
  upstream.answer({
    headers: [
      ['Content-Type', 'text/html'],
      ['Cross-Origin-Opener-Policy', 'same-origin'],
    ],
    body: appPage,
  })
  const page = await open('/public/app.html')
  await page.evaluate("window.draft = 'half a form'")
  const addresses: string[] = []
  const opening = context.waitForEvent('page')
  await page.evaluate('void bff.loginPopup().then((loggedIn) => (window.outcome = loggedIn))')
  const popup = await opening
  popup.on('framenavigated', (frame) => addresses.push(frame.url()))
  const button = popup.getByRole('button', { name: 'Continue' })
  await button.waitFor()
  expect(await popup.evaluate('window.opener === null && crossOriginIsolated === false')).toBe(true)
  const closing = popup.waitForEvent('close')
  await button.click()
  await closing
  await until(page, 'window.outcome !== undefined')
  expect(await page.evaluate('[outcome, draft, bff.snapshot().user.sub, events]')).toEqual([
    true,
    'half a form',
    'user-ada',
    ['login'],
  ])
  const own = addresses.filter((address) => address.startsWith(internet.app.url))
  expect(own.at(-1)).toBe(`${internet.app.url}/bff/popup-done`)
  expect(own.filter((address) => /code=|state=/.test(address))).toEqual([])
})

test('expiry while idle: a warning a minute before, and the end by itself, without anything that keeps it alive', async () => {
  const clock = createTestClock()
  const { internet, context, openLoggedIn } = await setStage({ clock, config: { session: { idleTimeoutSeconds: 1800 } } })
  // Node stamps answers by the machine's clock; in life that is the gateway's.
  await context.route('**/bff/session', async (route) => {
    const response = await route.fetch()
    await route.fulfill({ response, headers: { ...response.headers(), date: new Date(clock.now()).toUTCString() } })
  })
  await context.clock.install()
  const page = await openLoggedIn()
  const pass = async (ms: number) => {
    clock.advance(ms)
    await page.clock.fastForward(ms)
  }
  await pass(28 * 60_000)
  expect(await eventsOf(page)).toEqual([])
  await pass(65_000)
  await until(page, "events.includes('expiring')")
  expect(await userOf(page)).toBe('user-ada')
  await pass(65_000)
  await knows(page, null)
  expect(await eventsOf(page)).toEqual(['expiring', 'expired'])
  expect(internet.upstream.requests).toEqual([])
})

test('ended elsewhere: the next call tells, and with /bff/events the page knows without a call', async () => {
  const set = await setStage()
  const calling = await set.openLoggedIn()
  await endElsewhere(set)
  expect(await calling.evaluate("bff.fetch('/api/orders').then(({ status }) => status)")).toBe(401)
  expect(await eventsOf(calling)).toEqual(['expired'])
  expect(set.internet.upstream.requests).toEqual([])

  const listening = await set.openLoggedIn()
  await listening.evaluate(`new Promise((resolve, reject) => {
    const source = new EventSource('/bff/events')
    source.addEventListener('session-ended', () => void bff.session())
    source.onopen = resolve
    source.onerror = reject
  })`)
  await endElsewhere(set)
  await knows(listening, null)
  expect(await eventsOf(listening)).toEqual(['expired'])
})

test('a page out of the back-forward cache does not stay logged in', async () => {
  const set = await setStage()
  const page = await set.openLoggedIn()
  await page.goto(`${set.internet.app.url}/other.html`)
  await endElsewhere(set)
  await page.goBack({ waitUntil: 'commit' })
  await knows(page, null)
  expect(await page.evaluate('[shown, events]')).toEqual([['new', 'again'], ['expired']])
})

test('two calls that meet the end of the session share one login, and both are done then', async () => {
  const set = await setStage()
  const page = await set.openLoggedIn('ada', '/app.html?onUnauthorized=popup')
  await endElsewhere(set)
  set.internet.provider.loginAs('ada')
  const before = set.internet.provider.calls.authorize.length
  const answers = await page.evaluate(`Promise.all(
    ['one', 'two'].map((body) => bff.fetch('/api/orders', { method: 'POST', body }).then((answer) => answer.json())))`)
  expect(answers).toMatchObject([
    { method: 'POST', sub: 'user-ada', bytes: 3 },
    { method: 'POST', sub: 'user-ada', bytes: 3 },
  ])
  expect(set.internet.provider.calls.authorize.length - before).toBe(1)
  expect(set.internet.upstream.requests.map(({ body }) => body.toString()).toSorted()).toEqual(['one', 'two'])
  expect(await eventsOf(page)).toEqual(['expired', 'login'])
})

test('a 401 of the API passes untouched, also where it pretends to be ours', async () => {
  const { internet, context, openLoggedIn } = await setStage()
  const page = await openLoggedIn('ada', '/app.html?onUnauthorized=popup')
  for (const challenge of ['Bearer error="invalid_token"', 'BffSession', 'Bearer, BffSession']) {
    internet.upstream.once({
      status: 401,
      reason: 'Unauthorized',
      headers: [
        ['WWW-Authenticate', challenge],
        ['Content-Type', 'application/problem+json'],
      ],
      body: JSON.stringify({ type: 'urn:coatcheck:error:session_required', code: 'session_required', status: 401 }),
    })
    const answer = await page.evaluate(`bff.fetch('/api/orders', { method: 'POST' }).then(async (answer) =>
      [answer.status, answer.headers.get('www-authenticate'), (await answer.json()).code])`)
    expect(answer).toEqual([401, challenge.includes('BffSession') ? null : challenge, 'session_required'])
  }
  expect(internet.upstream.requests).toHaveLength(3)
  expect([await eventsOf(page), context.pages().length]).toEqual([[], 1])
})

test('a store outage is no logout, in the page neither', async () => {
  let isDown = false
  const clock = createTestClock()
  const memory = createMemoryStore({ clock })
  const store = new Proxy(memory, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...words: unknown[]): unknown => {
        if (isDown && name === 'holds') return false
        if (isDown && name !== 'close') throw new Error('the store is down')
        return Reflect.apply(value, target, words)
      }
    },
  })
  const { openLoggedIn } = await setStage({ clock, store })
  const page = await openLoggedIn()
  isDown = true
  expect(await page.evaluate('bff.session().catch(({ status }) => status)')).toBe(503)
  expect(await page.evaluate('bff.logout().catch(({ status }) => status)')).toBe(503)
  expect(await page.evaluate("bff.fetch('/api/orders').then(({ status }) => status)")).toBe(503)
  expect([await userOf(page), await eventsOf(page)]).toEqual(['user-ada', []])
  isDown = false
  expect(await page.evaluate("bff.fetch('/api/orders').then(({ status }) => status)")).toBe(200)
})

test('another origin is refused in the page, before anything is sent', async () => {
  const { internet, openLoggedIn } = await setStage()
  const page = await openLoggedIn()
  const words = await page.evaluate(`bff.fetch('${internet.upstream.url}/v1/orders').catch(({ message }) => message)`)
  expect(words).toContain('Call the proxied path')
  expect(internet.upstream.requests satisfies UpstreamRequest[]).toEqual([])
})
