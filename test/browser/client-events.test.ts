import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createBffClient } from '../../src/browser/client.ts'
import { openFakePage, sessionOf, type FakePage } from './fake-page.ts'

let page: FakePage

beforeEach(() => {
  vi.useFakeTimers()
  page = openFakePage()
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

async function settled(): Promise<void> {
  await vi.advanceTimersByTimeAsync(1)
}

/** A client that knows Ada's session, and the names of its events. */
async function loggedIn(idleMs = 1_800_000) {
  page.gateway = sessionOf('ada', { idleExpiresAt: new Date(Date.now() + idleMs).toISOString() })
  const client = createBffClient()
  await client.session()
  const heard: string[] = []
  for (const name of ['login', 'logout', 'expired', 'expiring'] as const)
    client.on(name, (event) => heard.push(event.userChanged ? `${name}!` : name))
  return { client, heard, session: page.gateway }
}

test('a minute before the end there is a warning, and at the end it is over', async () => {
  const { client, heard } = await loggedIn()
  await vi.advanceTimersByTimeAsync(1_739_000)
  expect([heard, page.sessionRequests()]).toEqual([[], 1])
  await vi.advanceTimersByTimeAsync(2_000)
  expect([heard, page.sessionRequests()]).toEqual([['expiring'], 2])
  page.gateway = null
  await vi.advanceTimersByTimeAsync(62_000)
  expect([heard, page.sessionRequests()]).toEqual([['expiring', 'expired'], 3])
  expect(client.snapshot()).toBe(null)
  await vi.advanceTimersByTimeAsync(86_400_000)
  expect(page.sessionRequests()).toBe(3)
})

test('a session that was used meanwhile is not about to end', async () => {
  const { heard, session } = await loggedIn()
  await vi.advanceTimersByTimeAsync(600_000)
  page.gateway = { ...session, idleExpiresAt: new Date(Date.now() + 1_800_000).toISOString() }
  await vi.advanceTimersByTimeAsync(1_200_000)
  expect(heard).toEqual([])
  await vi.advanceTimersByTimeAsync(550_000)
  expect(heard).toEqual(['expiring'])
})

test('a wrong clock of the computer moves nothing: the answer’s Date counts', async () => {
  const session = sessionOf('ada')
  const client = createBffClient()
  const heard: string[] = []
  client.on('expiring', () => heard.push('expiring'))
  const behind = { ...session, idleExpiresAt: new Date(Date.now() - 3_600_000 + 1_800_000).toISOString() }
  page.gateway = () =>
    Response.json({ authenticated: true, ...behind }, { headers: { Date: new Date(Date.now() - 3_600_000).toUTCString() } })
  await client.session()
  await vi.advanceTimersByTimeAsync(1_730_000)
  expect(heard).toEqual([])
  await vi.advanceTimersByTimeAsync(20_000)
  expect(heard).toEqual(['expiring'])
})

test('an outage at the end of the session is asked again every few seconds until it tells', async () => {
  const { client, heard } = await loggedIn(120_000)
  page.gateway = () => new Response('', { status: 503 })
  await vi.advanceTimersByTimeAsync(130_000)
  expect(client.snapshot()).not.toBe(null)
  expect(heard).toEqual(['expiring'])
  page.gateway = null
  await vi.advanceTimersByTimeAsync(6_000)
  expect(heard).toEqual(['expiring', 'expired'])
})

test('a logout is a form post with the token, and the others hear of it when the page goes', async () => {
  const { client, session } = await loggedIn()
  await client.logout()
  expect(page.forms).toEqual([{ method: 'post', action: '/bff/logout', fields: { _csrf: session.csrfToken } }])
  expect(page.posted).toEqual(['load'])
  page.fire('pagehide')
  expect(page.posted).toEqual(['load', 'logout'])
})

test.each(['logout', 'expired'])('another tab says %s: this one asks, and tells it by that name', async (name) => {
  const { client, heard } = await loggedIn()
  page.gateway = null
  page.hear(name)
  await settled()
  expect([heard, client.snapshot()]).toEqual([[name], null])
  expect(page.posted).toEqual(['load'])
})

test('what another tab says is not believed', async () => {
  const { client, heard } = await loggedIn()
  for (const name of ['logout', 'expired', 'login', 'load', '{"sub":"eve"}']) {
    page.hear(name)
    await settled()
  }
  expect([heard, client.snapshot()?.user.sub]).toEqual([[], 'ada'])
})

test('a hidden tab asks when it is shown', async () => {
  const { heard } = await loggedIn()
  page.gateway = null
  page.show(false)
  page.hear('logout')
  await settled()
  expect([heard, page.sessionRequests()]).toEqual([[], 1])
  page.show(true)
  await settled()
  expect(heard).toEqual(['logout'])
})

test('news that comes while an answer is on its way is asked for again', async () => {
  const { heard } = await loggedIn()
  let answer: (response: Response) => void = () => undefined
  page.gateway = () => new Promise((resolve) => (answer = resolve))
  page.show(true)
  page.hear('logout')
  page.gateway = null
  answer(Response.json({ authenticated: true, ...sessionOf('ada') }))
  await settled()
  expect(heard).toEqual(['logout'])
})

test('another user is told as one, also where nobody was logged in between', async () => {
  const { heard, client } = await loggedIn()
  page.gateway = sessionOf('ben')
  await client.session()
  page.gateway = null
  await client.session()
  page.gateway = sessionOf('ada')
  await client.session()
  expect(heard).toEqual(['login!', 'expired', 'login!'])
})

test('a page out of the back-forward cache asks again; a fresh one does not', async () => {
  const { heard } = await loggedIn()
  page.gateway = null
  page.fire('pageshow', { persisted: false })
  await settled()
  expect(heard).toEqual([])
  page.fire('pageshow', { persisted: true })
  await settled()
  expect(heard).toEqual(['expired'])
})

test('other tabs hear names and nothing else', async () => {
  const { client } = await loggedIn()
  page.gateway = null
  await client.session()
  page.gateway = sessionOf('ben')
  await client.session()
  await client.logout()
  page.fire('pagehide')
  expect(page.posted).toEqual(['load', 'expired', 'logout'])
})

test('who has unsubscribed hears no more', async () => {
  const { client } = await loggedIn()
  const heard: string[] = []
  const off = client.on('expired', () => heard.push('first'))
  client.on('expired', () => heard.push('second'))
  off()
  page.gateway = null
  await client.session()
  expect(heard).toEqual(['second'])
})

test('on a server a client opens nothing', () => {
  vi.stubGlobal('document', undefined)
  vi.stubGlobal('BroadcastChannel', undefined)
  expect(createBffClient().snapshot()).toBe(undefined)
})

test('there is no way to ask for a token', () => {
  expect(Object.keys(createBffClient()).filter((name) => /token/i.test(name))).toEqual([])
})
