import { createContext, useContext, type Context } from 'react'
import type { UserManagerEvents } from './oidc-events.ts'
import type { UserManager } from './oidc-sign-in.ts'
import type { UserManagerSettings } from './oidc-types.ts'
import type { User } from './oidc-user.ts'

export type Navigator =
  | 'signinRedirect'
  | 'signinResourceOwnerCredentials'
  | 'signinPopup'
  | 'signinSilent'
  | 'signoutRedirect'
  | 'signoutPopup'
  | 'signoutSilent'

/** Why it is not known who is logged in, or why something did not work. An outage is told here, and is no logout. */
export type ErrorContext = Error & { innerError?: unknown } & (
    | { source: 'signinCallback' | 'signoutCallback' | 'renewSilent' | 'unknown' }
    | { source: Navigator; args: unknown }
  )

export interface AuthState {
  user?: User | null
  isLoading: boolean
  isAuthenticated: boolean
  activeNavigator?: Navigator
  error?: ErrorContext
}

export interface AuthContextProps
  extends
    AuthState,
    Pick<UserManager, Navigator>,
    Pick<
      UserManager,
      'clearStaleState' | 'querySessionStatus' | 'revokeTokens' | 'startSilentRenew' | 'stopSilentRenew' | 'removeUser'
    > {
  readonly settings: UserManagerSettings
  readonly events: UserManagerEvents
}

export const AuthContext: Context<AuthContextProps | undefined> = createContext<AuthContextProps | undefined>(undefined)

/** @throws where there is no `AuthProvider` above. */
export function useAuth(): AuthContextProps {
  const context = useContext(AuthContext)
  if (!context) throw new Error('useAuth needs an AuthProvider above it')
  return context
}
