import { createServer, request as ask, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { listenOnLoopback } from '../../src/dev/listen.ts'
import { launchBrowser } from '../support/chromium.ts'
import { setClientStage, until, type ClientStage } from '../support/client-stage.ts'
import { values } from '../support/exchange.ts'
import type { Internet } from '../support/internet.ts'
import { rawExchange, rawRequest } from '../support/raw-client.ts'

/**
 * RFC 9700 section 4.5, "Limitations": the attacker begins a login on his own machine, so that state, nonce and PKCE are his, and
 * has a script in the victim's page finish it at the provider, where the victim is logged in. If the script can read `code` and
 * `state` in the address of the callback, the attacker brings them to Coatcheck himself and has a session of the victim's.
 */

let browser: Browser
let stage: ClientStage | undefined

beforeAll(async () => {
  browser = await launchBrowser()
})

afterEach(async () => {
  await stage?.context.close()
  stage = undefined
})

afterAll(async () => {
  await browser.close()
})

/** A worker with the root as its scope sees every address that is loaded, the callback's too, before the server does. */
const worker = `
addEventListener('install', () => skipWaiting())
addEventListener('activate', (event) => event.waitUntil(clients.claim()))
addEventListener('fetch', (event) => {
  if (!new URL(event.request.url).pathname.endsWith('/callback')) return
  event.waitUntil(clients.matchAll().then((pages) => pages.forEach((page) => page.postMessage(event.request.url))))
  event.respondWith(new Response('', { headers: { 'Content-Type': 'text/html' } }))
})
`

/** What the injected script can do with a window or a frame that is on its way through the provider. */
const spy = `
window.seen = []
window.looks = 0
navigator.serviceWorker.addEventListener('message', ({ data }) => seen.push(data))
window.watch = (target) => {
  setInterval(() => {
    looks += 1
    try {
      const entries = target.performance.getEntriesByType('navigation').map(({ name }) => name)
      seen.push(target.location.href, target.document.URL, target.document.referrer, ...entries)
    } catch {}
  }, 1)
}
window.inject = (address, way) => {
  if (way === 'popup') return watch(open(address, 'attack', 'width=200,height=200'))
  const frame = document.body.appendChild(Object.assign(document.createElement('iframe'), { src: address }))
  watch(frame.contentWindow)
}
`

async function setVictim(
  context: BrowserContextOptions = {},
  serviceWorkers: string[] = [],
): Promise<{ internet: Internet; page: Page }> {
  stage = await setClientStage(browser, { files: { 'worker.js': worker }, config: { serviceWorkers } }, context)
  const page = await stage.openLoggedIn('ada')
  await page.evaluate(spy)
  return { internet: stage.internet, page }
}

/** The machine of the attacker: no browser, no state but the cookies of the login that he began. */
async function beginOnAttackersMachine({ app }: Internet) {
  const head = [`Host: ${app.host}`, 'Sec-Fetch-Site: none', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document']
  const begun = await rawExchange(app.port, rawRequest('GET', '/bff/login?returnTo=/', head))
  expect(begun.status).toBe(303)
  const jar = new Map<string, string>()
  const keep = (cookies: readonly string[]) => {
    for (const cookie of cookies) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      jar.set(name, value)
    }
  }
  const cookies = () => `Cookie: ${[...jar].map(([name, value]) => `${name}=${value}`).join('; ')}`
  keep(values(begun.headers, 'set-cookie'))
  expect(jar.size).toBe(1)
  return {
    authorizationUrl: begun.header('location') ?? '',
    /** Brings the callback's address to Coatcheck, and asks who he is now. */
    async finish(callbackUrl: string): Promise<unknown> {
      const { pathname, search } = new URL(callbackUrl)
      const finished = await rawExchange(app.port, rawRequest('GET', pathname + search, [...head, cookies()]))
      expect(finished.status).toBe(303)
      keep(values(finished.headers, 'set-cookie'))
      const asked = [`Host: ${app.host}`, 'Sec-Fetch-Site: same-origin', cookies()]
      const { text } = await rawExchange(app.port, rawRequest('GET', '/bff/session', asked))
      return JSON.parse(text)
    },
  }
}

/** The callback's address as the provider sent it out last: only the test can know it, the attacker cannot. */
async function callbackOnTheWire(page: Page, internet: Internet, during: () => Promise<void>): Promise<string> {
  const callback = page
    .context()
    .waitForEvent('request', (request) => isStolen(request.url()) && request.url().startsWith(internet.app.url))
  await during()
  return (await callback).url()
}

const isStolen = (address: string): boolean => /[?&]code=[^&]/.test(address) && address.includes('state=')

async function stolen(page: Page): Promise<string[]> {
  const seen: string[] = await page.evaluate('seen')
  return seen.filter(isStolen)
}

/** 47 KB of cookies that go to the callback alone. */
async function fillCookies(page: Page): Promise<void> {
  await page.evaluate("for (let n = 0; n < 12; n += 1) document.cookie = `x${n}=${'a'.repeat(3900)}; path=/bff/callback`")
}

/** Lets the script look a hundred times more. */
async function lookOn(page: Page): Promise<void> {
  const before = Number(await page.evaluate('looks'))
  await until(page, `looks > ${before} + 100`)
}

test.each(['popup', 'frame'])('the script reads no code from a %s, and the login is burnt', async (way) => {
  const { internet, page } = await setVictim()
  const attacker = await beginOnAttackersMachine(internet)
  const callback = await callbackOnTheWire(page, internet, async () => {
    await page.evaluate(`inject(${JSON.stringify(attacker.authorizationUrl)}, '${way}')`)
  })
  await expect.poll(() => internet.logs.events('login_transaction_burnt').length, { timeout: 20_000 }).toBe(1)
  // The callback led on to a page of the app, which a script can read in a popup: it looks in the right place.
  const landed = "seen.some((address) => address.startsWith(location.origin) && new URL(address).pathname !== '/app.html')"
  if (way === 'popup') await until(page, landed)
  await lookOn(page)
  expect(await stolen(page)).toEqual([])
  // Even with the code, as if it had been read: the login is over, and the provider is not asked.
  const redeemedBefore = internet.provider.tokenCalls('authorization_code').length
  expect(await attacker.finish(callback)).toEqual({ authenticated: false })
  expect(internet.provider.tokenCalls('authorization_code')).toHaveLength(redeemedBefore)
  expect(internet.logs.events('login_failed')).toHaveLength(2)
  expect(internet.logs.text()).not.toContain(new URL(callback).searchParams.get('code') ?? '?')
})

test.each(['popup', 'frame'])(
  'oversized cookies: the answer 431 in a %s has nothing in it, and its address cannot be read',
  async (way) => {
    const { internet, page } = await setVictim()
    const attacker = await beginOnAttackersMachine(internet)
    await fillCookies(page)
    const refused = page.context().waitForEvent('response', (response) => isStolen(response.url()))
    await page.evaluate(`inject(${JSON.stringify(attacker.authorizationUrl)}, '${way}')`)
    const response = await refused
    expect(response.status()).toBe(431)
    expect(response.headers()).toMatchObject({ 'content-length': '0', 'content-security-policy': 'sandbox' })
    await lookOn(page)
    expect(await stolen(page)).toEqual([])
  },
)

/** A front server as many are: it reads heads of 8 KB, and what is larger gets a page of its own. */
async function startFrontServer(): Promise<Server> {
  const front = createServer({ maxHeaderSize: 8192 }, (request, response) => {
    const passed = ask(request.url ?? '', { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      answer.pipe(response)
    })
    passed.on('error', () => response.destroy())
    request.pipe(passed)
  })
  front.on('clientError', (_error, socket) => {
    socket.end(
      'HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<h1>Header Or Cookie Too Large</h1>',
    )
  })
  await listenOnLoopback(front, 0, 'the front server')
  return front
}

async function behindFrontServer(run: (victim: { internet: Internet; page: Page }) => Promise<void>): Promise<void> {
  const front = await startFrontServer()
  try {
    const { port } = front.address() as AddressInfo
    await run(await setVictim({ proxy: { server: `http://127.0.0.1:${port}`, bypass: '<-loopback>' } }))
  } finally {
    front.closeAllConnections()
    front.close()
  }
}

test('a front server that answers oversized heads with a page of its own opens the hole: docs/production.md closes it', async () => {
  await behindFrontServer(async ({ internet, page }) => {
    const attacker = await beginOnAttackersMachine(internet)
    await fillCookies(page)
    await page.evaluate(`inject(${JSON.stringify(attacker.authorizationUrl)}, 'popup')`)
    await expect.poll(() => stolen(page), { timeout: 20_000 }).not.toEqual([])
    const [callback = ''] = await stolen(page)
    expect(await attacker.finish(callback)).toMatchObject({ authenticated: true, user: { sub: 'user-ada' } })
  })
})

test('no script becomes a service worker unless the config lists it', async () => {
  const { internet, page } = await setVictim()
  const register = (script: string) =>
    page.evaluate(`navigator.serviceWorker.register('${script}').then(() => 'registered', ({ message }) => message)`)
  expect(await register('/worker.js')).toContain('403')
  expect(await register('/worker.js?a=1')).toContain('403')
  expect(await page.evaluate("fetch('/worker.js').then(({ status }) => status)"), 'as a plain file it is there').toBe(200)
  expect(internet.logs.events('service_worker_refused').length).toBeGreaterThan(0)
})

test('not solved: a listed service worker that the attacker can fill reads the code, and he has a session of his own', async () => {
  const { internet, page } = await setVictim({}, ['/worker.js'])
  const attacker = await beginOnAttackersMachine(internet)
  await page.evaluate("navigator.serviceWorker.register('/worker.js').then(() => navigator.serviceWorker.ready)")
  await until(page, 'navigator.serviceWorker.controller !== null')
  await page.evaluate(`inject(${JSON.stringify(attacker.authorizationUrl)}, 'popup')`)
  await expect.poll(() => stolen(page), { timeout: 20_000 }).not.toEqual([])
  const [callback = ''] = await stolen(page)
  expect(internet.logs.events('login_transaction_burnt'), 'the callback never came to Coatcheck').toEqual([])
  expect(await attacker.finish(callback)).toMatchObject({ authenticated: true, user: { sub: 'user-ada' } })
})
