export { configureCompat, type CompatOptions } from './page.ts'
export { LoginLoopError, NotSupportedInBffError, TokenNotInBrowserError } from './errors.ts'
export { User, type UserProfile } from './oidc-user.ts'
export { UserManagerEvents } from './oidc-events.ts'
export { UserManager } from './oidc-sign-in.ts'
export type {
  SessionStatus,
  SigninPopupArgs,
  SigninRedirectArgs,
  SigninSilentArgs,
  SignoutPopupArgs,
  SignoutRedirectArgs,
  SignoutResponse,
  SignoutSilentArgs,
  UserManagerSettings,
} from './oidc-types.ts'
export { ErrorResponse, ErrorTimeout, InMemoryWebStorage, Log, WebStorageStateStore } from './oidc-rest.ts'
