import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openFakePage, sessionOf, type FakePage } from '../browser/fake-page.ts'

type Compat = typeof import('../../src/compat/oidc-client-ts.ts')

let page: FakePage
let compat: Compat
let complaints: string[]

const settings = { authority: 'https://id.test', client_id: 'spa', redirect_uri: 'https://app.test/callback' }

beforeEach(async () => {
  vi.resetModules()
  page = openFakePage()
  complaints = []
  vi.stubGlobal('sessionStorage', new TabStorage())
  vi.spyOn(console, 'error').mockImplementation((text: string) => void complaints.push(text))
  compat = await import('../../src/compat/oidc-client-ts.ts')
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

/** The storage of a tab, which outlives its pages. */
class TabStorage extends Map<string, string> {
  getItem(key: string): string | null {
    return this.get(key) ?? null
  }
  setItem(key: string, value: string): void {
    this.set(key, value)
  }
  removeItem(key: string): void {
    this.delete(key)
  }
}

/** What a navigation leaves: the storage of the tab, and nothing of the modules. */
async function nextPage(): Promise<void> {
  vi.resetModules()
  compat = await import('../../src/compat/oidc-client-ts.ts')
}

/** A call that leaves the page settles when it fails, or when the page is shown again. */
async function leaving(call: Promise<void>): Promise<void> {
  const left = () => page.visited.length + page.forms.length
  const before = left()
  await Promise.race([call, vi.waitFor(() => expect(left()).toBe(before + 1))])
}

const outage = () => Response.json({ code: 'store_unavailable' }, { status: 503 })

test('a guarded call does without the token, and the console names the place once', async () => {
  page.gateway = sessionOf('ada')
  const user = await new compat.UserManager(settings).getUser()
  const headers: Record<string, string> = {}
  for (const _ of [1, 2, 3]) if (user?.access_token) headers['authorization'] = `Bearer ${String(user.access_token)}`
  expect([headers, user?.profile.sub, user?.expired]).toEqual([{}, 'ada', false])
  expect(complaints).toHaveLength(1)
  expect(complaints[0]).toMatch(/User\.access_token .* at .*oidc-client-ts\.test\.ts:\d+:\d+.*docs\/compat\.md/)
})

test('tokens are in no copy of a user', async () => {
  page.gateway = sessionOf('ada')
  const user = await new compat.UserManager(settings).getUser()
  expect(Object.keys({ ...user })).not.toContain('access_token')
  expect(JSON.stringify(user)).not.toContain('token"')
  expect(complaints).toEqual([])
})

test('strict mode throws where a token is read', async () => {
  compat.configureCompat({ mode: 'strict' })
  page.gateway = sessionOf('ada')
  const user = await new compat.UserManager(settings).getUser()
  expect(() => user?.access_token).toThrow(compat.TokenNotInBrowserError)
  expect(() => user?.id_token).toThrow('no token in the browser')
})

test('a role that the gateway does not show is undefined and loud; one that it shows is quiet', async () => {
  page.gateway = sessionOf('ada', { user: { sub: 'ada', groups: ['staff'] } })
  const user = await new compat.UserManager(settings).getUser()
  expect([user?.profile['groups'], complaints.length]).toEqual([['staff'], 0])
  expect(user?.profile['realm_access']).toBeUndefined()
  expect(complaints[0]).toContain('The claim realm_access was read')
})

test('an outage is an error wherever the session is asked for, and never nobody', async () => {
  page.gateway = outage
  const manager = new compat.UserManager(settings)
  const unloaded = vi.fn<() => void>()
  manager.events.addUserUnloaded(unloaded)
  const calls = [
    manager.getUser(),
    manager.signinSilent(),
    manager.signinCallback(),
    manager.querySessionStatus(),
    manager.removeUser(),
  ]
  for (const result of await Promise.allSettled(calls)) {
    expect(result.status).toBe('rejected')
    expect((result as PromiseRejectedResult).reason).toMatchObject({ status: 503 })
  }
  expect(unloaded).not.toHaveBeenCalled()
  page.gateway = null
  expect(await manager.getUser()).toBeNull()
})

test('a login comes back to the callback route with its state, and the address is not read', async () => {
  const manager = new compat.UserManager({ ...settings, ui_locales: 'de' })
  await leaving(manager.signinRedirect({ state: { page: 7 }, url_state: 'tab', prompt: 'login' }))
  expect(page.visited).toEqual(['/bff/login?returnTo=%2Fcallback&uiLocales=de&prompt=login'])
  await nextPage()
  page.gateway = sessionOf('ada')
  const next = new compat.UserManager(settings)
  const user = await next.signinRedirectCallback('https://app.test/callback?code=stolen&state=x')
  expect([user.state, user.url_state, user.profile.sub]).toEqual([{ page: 7 }, 'tab', 'ada'])
  expect((await next.getUser())?.state).toEqual({ page: 7 })
  expect((await next.signinCallback())?.state).toBeUndefined()
})

test('an outage on the callback route keeps the state for the next try', async () => {
  await leaving(new compat.UserManager(settings).signinRedirect({ state: 'kept' }))
  await nextPage()
  page.gateway = outage
  const manager = new compat.UserManager(settings)
  await expect(manager.signinCallback()).rejects.toMatchObject({ status: 503 })
  page.gateway = sessionOf('ada')
  expect((await manager.signinCallback())?.state).toBe('kept')
})

test('a callback route of another origin is not where the login returns', async () => {
  await leaving(new compat.UserManager({ ...settings, redirect_uri: 'https://evil.test/callback' }).signinRedirect())
  expect(page.visited).toEqual(['/bff/login?returnTo=%2Forders%3Fpage%3D2%23top'])
})

test('a renewal resolves while the session lives and rejects as the library does when it has ended', async () => {
  page.gateway = sessionOf('ada')
  const manager = new compat.UserManager(settings)
  const loaded: string[] = []
  manager.events.addUserLoaded((user) => void loaded.push(user.profile.sub))
  expect((await manager.signinSilent())?.profile.sub).toBe('ada')
  expect(loaded, 'as in the library').toEqual(['ada'])
  page.gateway = null
  await expect(manager.signinSilent()).rejects.toMatchObject({ name: 'ErrorResponse', error: 'login_required' })
})

test('the third login that a missing token led to is refused, over page loads', async () => {
  page.gateway = sessionOf('ada')
  vi.useFakeTimers({ toFake: ['Date'] })
  for (const _ of [1, 2]) {
    const manager = new compat.UserManager(settings)
    if (!(await manager.getUser())?.access_token) await leaving(manager.signinRedirect())
    vi.setSystemTime(Date.now() + 3000)
    await nextPage()
  }
  const manager = new compat.UserManager(settings)
  if ((await manager.getUser())?.access_token) expect.unreachable()
  await expect(manager.signinRedirect()).rejects.toBeInstanceOf(compat.LoginLoopError)
  await expect(manager.signinPopup()).rejects.toBeInstanceOf(compat.LoginLoopError)
  expect([page.visited.length, page.opened.length]).toEqual([2, 0])
  vi.setSystemTime(Date.now() + 11_000)
  await leaving(manager.signinRedirect())
  expect(page.visited).toHaveLength(3)
})

test('logins that no missing token led to are as many as the user wants', async () => {
  const manager = new compat.UserManager(settings)
  for (const _ of [1, 2, 3, 4, 5]) await leaving(manager.signinRedirect())
  expect(page.visited).toHaveLength(5)
})

test('the end of the session is told as the end of the access token', async () => {
  page.gateway = sessionOf('ada')
  const manager = new compat.UserManager(settings)
  const heard: string[] = []
  const gone = manager.events.addAccessTokenExpired(() => void heard.push('expired'))
  manager.events.addUserUnloaded(() => void heard.push('unloaded'))
  manager.events.addUserLoaded((user) => void heard.push(`loaded ${user.profile.sub}`))
  await manager.getUser()
  page.gateway = null
  await manager.signinSilent().catch(() => undefined)
  expect([heard, await manager.getUser()]).toEqual([['expired', 'unloaded'], null])
  page.gateway = sessionOf('eve')
  await manager.signinSilent()
  gone()
  page.gateway = null
  await manager.signinSilent().catch(() => undefined)
  expect(heard).toEqual(['expired', 'unloaded', 'loaded eve', 'unloaded'])
})

test('removing the user and signing out both end the session at the gateway', async () => {
  page.gateway = sessionOf('ada')
  const manager = new compat.UserManager(settings)
  await leaving(manager.removeUser())
  await leaving(manager.signoutRedirect({ post_logout_redirect_uri: 'https://app.test/' }))
  expect(page.forms.map(({ method, action }) => [method, action])).toEqual([
    ['post', '/bff/logout'],
    ['post', '/bff/logout'],
  ])
})

test('what cannot be is refused with its own error', async () => {
  const manager = new compat.UserManager(settings)
  for (const call of [
    manager.storeUser(null),
    manager.signinResourceOwnerCredentials({ username: 'ada', password: 'x' }),
    manager.dpopProof(),
    manager.generateDPoPJkt(),
  ])
    await expect(call).rejects.toBeInstanceOf(compat.NotSupportedInBffError)
  await manager.revokeTokens()
  expect(complaints[0]).toContain('revokeTokens was called')
})

test('a store of the library stores', async () => {
  const store = new compat.WebStorageStateStore({ store: new compat.InMemoryWebStorage(), prefix: 'app.' })
  await store.set('one', '1')
  expect([await store.get('one'), await store.getAllKeys(), await store.remove('one'), await store.getAllKeys()]).toEqual([
    '1',
    ['one'],
    '1',
    [],
  ])
})

test('what follows a login or a logout waits until the page is shown again', async () => {
  page.gateway = sessionOf('ada')
  const manager = new compat.UserManager(settings)
  const followed: string[] = []
  const calls = { signinRedirect: manager.signinRedirect(), signoutRedirect: manager.signoutRedirect() }
  for (const [name, call] of Object.entries(calls)) void call.then(() => followed.push(name))
  await vi.waitFor(() => expect([page.visited.length, page.forms.length]).toEqual([1, 1]))
  page.fire('pageshow', { persisted: false })
  await new Promise(setImmediate)
  expect(followed).toEqual([])
  await vi.waitFor(() => {
    page.fire('pageshow', { persisted: true })
    expect(followed).toEqual(['signinRedirect', 'signoutRedirect'])
  })
})
