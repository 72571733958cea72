import { expect, test } from 'vitest'
import { createMemoryStore } from '../../src/stores/memory.ts'
import type { SessionStore } from '../../src/stores/store.ts'
import { simulateInternet, type Internet, type InternetOptions } from '../support/internet.ts'
import { rawExchange, rawRequest, type RawResponse } from '../support/raw-client.ts'

const on = { config: { logout: { frontChannel: true } } } satisfies InternetOptions
/** As a frame in the provider's page asks: no cookie of ours goes with it. */
const framed = ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: iframe']

function ask(internet: Internet, query: string, method = 'GET', node = 0): Promise<RawResponse> {
  const request = rawRequest(method, `/bff/frontchannel-logout${query}`, framed)
  return rawExchange(internet.nodes[node]?.port ?? 0, request, method)
}

async function loggedIn(internet: Internet) {
  internet.provider.loginAs('ada')
  const browser = internet.browser()
  await browser.login(internet.app)
  return { browser, sid: internet.provider.currentUser?.sid ?? '', iss: internet.provider.issuer }
}

const isLoggedIn = async ({ browser }: Awaited<ReturnType<typeof loggedIn>>): Promise<unknown> =>
  (await browser.session())['authenticated']

const query = (iss: string, sid: string): string => `?${new URLSearchParams({ iss, sid }).toString()}`

test('ends the session of that iss and sid on every node, without a cookie and without a call to the provider', async () => {
  const internet = await simulateInternet({ ...on, nodes: 2, store: createMemoryStore() })
  const first = await loggedIn(internet)
  const second = await loggedIn(internet)
  internet.reachBy(first.browser, 1)
  expect(await isLoggedIn(first)).toBe(true)
  const answer = await ask(internet, query(first.iss, first.sid))
  expect([answer.status, answer.header('cache-control')]).toEqual([200, 'no-store'])
  expect(answer.header('content-security-policy')).toContain(`frame-ancestors ${new URL(first.iss).origin};`)
  expect(answer.header('set-cookie')).toBeUndefined()
  expect([await isLoggedIn(first), await isLoggedIn(second)]).toEqual([false, true])
  expect((await first.browser.fetch('/api/a')).status).toBe(401)
  expect(internet.provider.calls.revoke).toEqual([])
  expect(internet.logs.events('logout')).toMatchObject([{ reason: 'logout_at_provider', channel: 'front', ended: 1 }])
})

test('another iss or sid changes nothing, and the answer does not tell', async () => {
  const internet = await simulateInternet(on)
  const user = await loggedIn(internet)
  const right = await ask(internet, query(user.iss, 'no such session'))
  for (const other of [query('https://evil.test', user.sid), query(`${user.iss}/`, user.sid), query(user.iss, `${user.sid}x`)]) {
    const answer = await ask(internet, other)
    expect([answer.status, answer.text]).toEqual([200, right.text])
  }
  expect(await isLoggedIn(user)).toBe(true)
  expect(internet.logs.events('logout')).toEqual([])
})

test('both are needed, each once', async () => {
  const internet = await simulateInternet(on)
  const user = await loggedIn(internet)
  const both = query(user.iss, user.sid)
  const wrong = [
    '',
    `?iss=${encodeURIComponent(user.iss)}`,
    `?sid=${user.sid}`,
    `?iss=&sid=${user.sid}`,
    `?iss=${encodeURIComponent(user.iss)}&sid=`,
    `${both}&sid=${user.sid}`,
    `${both}&iss=${encodeURIComponent(user.iss)}`,
    query(user.iss, 's'.repeat(513)),
  ]
  for (const one of wrong) expect((await ask(internet, one)).status, one).toBe(400)
  for (const method of ['POST', 'HEAD', 'PUT', 'DELETE']) expect((await ask(internet, both, method)).status, method).toBe(405)
  expect(await isLoggedIn(user)).toBe(true)
})

test('is off unless the config says otherwise', async () => {
  const internet = await simulateInternet()
  const user = await loggedIn(internet)
  expect((await ask(internet, query(user.iss, user.sid))).status).toBe(404)
  expect(await isLoggedIn(user)).toBe(true)
})

test('while the store is down it says so: never a logout that did not happen', async () => {
  const memory = createMemoryStore()
  let isDown = false
  const deleteTagged: SessionStore['deleteTagged'] = (tag) => {
    if (isDown) throw new Error('down')
    return memory.deleteTagged(tag)
  }
  const store = new Proxy(memory, {
    get: (target, name: keyof SessionStore) => (name === 'deleteTagged' ? deleteTagged : target[name].bind(target)),
  })
  const internet = await simulateInternet({ ...on, store })
  const user = await loggedIn(internet)
  isDown = true
  const answer = await ask(internet, query(user.iss, user.sid))
  expect(answer.status).toBe(503)
  expect(answer.header('retry-after')).toBeDefined()
  isDown = false
  expect(await isLoggedIn(user)).toBe(true)
  expect((await ask(internet, query(user.iss, user.sid))).status).toBe(200)
  expect(await isLoggedIn(user)).toBe(false)
})
