import type Original from 'keycloak-js'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openFakePage, sessionOf, type FakePage } from '../browser/fake-page.ts'

type Compat = typeof import('../../src/compat/keycloak-js.ts')

let page: FakePage
let compat: Compat
let complaints: string[]

const config = { url: 'https://id.test/', realm: 'shop', clientId: 'spa' }

beforeEach(async () => {
  vi.resetModules()
  page = openFakePage()
  complaints = []
  vi.spyOn(console, 'error').mockImplementation((text: string) => void complaints.push(text))
  compat = await import('../../src/compat/keycloak-js.ts')
})

afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

/** In the types of the original as pinned: an update that changes one of them fails to compile. */
type Supported = Pick<
  Original,
  | 'authenticated'
  | 'token'
  | 'idToken'
  | 'refreshToken'
  | 'didInitialize'
  | 'timeSkew'
  | 'onReady'
  | 'onAuthSuccess'
  | 'onAuthError'
  | 'onAuthLogout'
  | 'onTokenExpired'
  | 'login'
  | 'logout'
  | 'register'
  | 'accountManagement'
  | 'createAccountUrl'
  | 'createLogoutUrl'
  | 'createLoginUrl'
  | 'isTokenExpired'
  | 'updateToken'
  | 'clearToken'
  | 'hasRealmRole'
  | 'hasResourceRole'
  | 'loadUserProfile'
  | 'loadUserInfo'
>
const supported = (keycloak: InstanceType<Compat['default']>): Supported => keycloak

test('a guarded call does without the token, and a page without a session may look for one in silence', async () => {
  const keycloak = new compat.default(config)
  expect([keycloak.token, await keycloak.init({ onLoad: 'check-sso' }), complaints]).toEqual([undefined, false, []])
  page.gateway = sessionOf('ada')
  await keycloak.updateToken(30)
  const read = () => keycloak.token as string | undefined
  expect([read(), read(), keycloak.authenticated, keycloak.subject]).toEqual([undefined, undefined, true, 'ada'])
  expect(complaints).toHaveLength(1)
  expect(complaints[0]).toMatch(/Keycloak\.token .*keycloak-js\.test\.ts:\d+:\d+/)
  expect([JSON.stringify(supported(keycloak)).includes('refreshToken'), Object.keys(keycloak).includes('token')]).toEqual([
    false,
    false,
  ])
})

test('init tells of the user, or leaves for the login', async () => {
  page.gateway = sessionOf('ada')
  const heard: string[] = []
  const keycloak = new compat.default(config)
  keycloak.onAuthSuccess = () => void heard.push('success')
  keycloak.onReady = (authenticated) => void heard.push(`ready ${String(authenticated)}`)
  expect([await keycloak.init({ onLoad: 'login-required' }), heard]).toEqual([true, ['success', 'ready true']])
  await expect(keycloak.init()).rejects.toThrow('only be initialized once')
  page.gateway = null
  void new compat.default(config).init({ onLoad: 'login-required', redirectUri: 'https://app.test/home' })
  await vi.waitFor(() => expect(page.visited).toEqual(['/bff/login?returnTo=%2Fhome']))
})

test('an outage is an error, and neither a login nor a logout', async () => {
  page.gateway = () => Response.json({}, { status: 503 })
  const keycloak = new compat.default(config)
  const onAuthError = vi.fn<() => void>()
  const onAuthLogout = vi.fn<() => void>()
  Object.assign(keycloak, { onAuthError, onAuthLogout })
  await expect(keycloak.init({ onLoad: 'login-required' })).rejects.toMatchObject({ status: 503 })
  await expect(keycloak.updateToken(5)).rejects.toMatchObject({ status: 503 })
  await expect(keycloak.logout()).rejects.toMatchObject({ status: 503 })
  expect([page.visited, page.forms, onAuthError.mock.calls.length, onAuthLogout.mock.calls.length]).toEqual([[], [], 1, 0])
})

test('a session that ends rejects the renewal and logs out', async () => {
  page.gateway = sessionOf('ada')
  const keycloak = new compat.default(config)
  const heard: string[] = []
  keycloak.onAuthLogout = () => void heard.push('logout')
  keycloak.onAuthRefreshError = () => void heard.push('refresh error')
  await keycloak.init()
  expect([await keycloak.updateToken(5), keycloak.isTokenExpired(5), keycloak.isTokenExpired(3600)]).toEqual([false, false, true])
  page.gateway = null
  await expect(keycloak.updateToken(5)).rejects.toThrow('no session')
  expect([heard, keycloak.authenticated]).toEqual([['logout', 'refresh error'], false])
  expect(() => keycloak.isTokenExpired()).toThrow('Not authenticated')
})

test('roles come from the claims, and one that is not shown is loud', async () => {
  const claims = { realm_access: { roles: ['staff'] }, resource_access: { spa: { roles: ['edit'] } } }
  page.gateway = sessionOf('ada', { user: { sub: 'ada', given_name: 'Ada', ...claims } })
  const keycloak = new compat.default(config)
  await keycloak.init()
  expect([keycloak.hasRealmRole('staff'), keycloak.hasRealmRole('admin')]).toEqual([true, false])
  expect([keycloak.hasResourceRole('edit'), keycloak.hasResourceRole('edit', 'other')]).toEqual([true, false])
  expect(keycloak.tokenParsed?.realm_access?.roles).toEqual(['staff'])
  expect(await keycloak.loadUserProfile()).toEqual({ id: 'ada', firstName: 'Ada', emailVerified: false })
  expect(complaints).toEqual([])
  page.gateway = sessionOf('eve')
  await keycloak.updateToken()
  expect([keycloak.hasRealmRole('staff'), keycloak.tokenParsed?.realm_access]).toEqual([false, undefined])
  expect(complaints).toHaveLength(2)
  expect(complaints[0]).toMatch(/does not show realm_access at .*keycloak-js\.test\.ts/)
})

test('addresses of a login and a logout are not to be had; that of the account pages is', async () => {
  const keycloak = new compat.default(config)
  await expect(keycloak.createLoginUrl()).rejects.toBeInstanceOf(compat.NotSupportedInBffError)
  expect(() => keycloak.createLogoutUrl()).toThrow(compat.NotSupportedInBffError)
  expect(keycloak.createAccountUrl()).toBe('https://id.test/realms/shop/account')
  void keycloak.register({ loginHint: 'ada' })
  await vi.waitFor(() => expect(page.visited[0]).toContain('prompt=create&loginHint=ada'))
})
