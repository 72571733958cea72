import type * as Original from 'oidc-client-ts'
import { expect, test } from 'vitest'
import * as compat from '../../src/compat/oidc-client-ts.ts'

/** What the stand-in says it can do, in the types of the original as pinned: an update that changes them fails to compile. */
type Manager = Pick<
  Original.UserManager,
  | 'getUser'
  | 'removeUser'
  | 'signinRedirect'
  | 'signinRedirectCallback'
  | 'signinPopup'
  | 'signinPopupCallback'
  | 'signinSilent'
  | 'signinSilentCallback'
  | 'signinCallback'
  | 'signoutRedirect'
  | 'signoutRedirectCallback'
  | 'signoutPopup'
  | 'signoutPopupCallback'
  | 'signoutSilent'
  | 'signoutSilentCallback'
  | 'signoutCallback'
  | 'querySessionStatus'
  | 'startSilentRenew'
  | 'stopSilentRenew'
  | 'revokeTokens'
  | 'clearStaleState'
  | 'metadataService'
  | 'signinResourceOwnerCredentials'
  | 'dpopProof'
  | 'generateDPoPJkt'
>

type Added = Extract<keyof Original.UserManagerEvents, `add${string}` | `remove${string}`>

/** The members of the original that the stand-in has; users go in and out as the stand-in's own. */
type Supported<Shape> = {
  [Name in keyof Shape]: Shape[Name] extends (...parameters: infer Parameters) => Promise<infer Result>
    ? (...parameters: Parameters) => Promise<Result extends Original.User | null | undefined ? UserOf<Result> : Result>
    : Shape[Name]
}
type UserOf<Result> = Result extends Original.User
  ? Pick<
      Original.User,
      | 'access_token'
      | 'profile'
      | 'token_type'
      | 'session_state'
      | 'state'
      | 'url_state'
      | 'expires_at'
      | 'expires_in'
      | 'expired'
      | 'scopes'
    >
  : Result

const wideEnough: readonly [
  (manager: compat.UserManager) => Supported<Manager>,
  (user: compat.User) => UserOf<Original.User>,
  (
    settings: Pick<Original.UserManagerSettings, 'authority' | 'client_id' | 'redirect_uri' | 'prompt' | 'max_age'>,
  ) => compat.UserManagerSettings,
  (error: compat.ErrorResponse) => Original.ErrorResponse,
  (storage: compat.InMemoryWebStorage) => Storage,
  (store: compat.WebStorageStateStore) => Original.StateStore,
  (name: Added) => keyof compat.UserManagerEvents,
] = [
  (manager) => manager,
  (user) => user,
  (settings) => ({ ...settings }),
  (error) => error,
  (storage) => storage,
  (store) => store,
  (name) => name,
]

test('the types fit those of oidc-client-ts, and there is something to call behind each', () => {
  expect(wideEnough).toHaveLength(7)
  const members: readonly (keyof compat.UserManager)[] = ['getUser', 'signinRedirect', 'signinCallback', 'signoutRedirect']
  for (const name of members) expect(typeof compat.UserManager.prototype[name]).toBe('function')
})
