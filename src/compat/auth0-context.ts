import { createContext, useContext, type Context } from 'react'
import type { LoginParameters } from './page.ts'

export interface AppState {
  returnTo?: string
  [name: string]: unknown
}

/** The claims that the gateway shows. */
export interface User {
  sub?: string
  name?: string
  nickname?: string
  given_name?: string
  family_name?: string
  picture?: string
  email?: string
  email_verified?: boolean
  [claim: string]: unknown
}

/** The gateway takes what its `login.parameters` lists. */
export interface RedirectLoginOptions {
  readonly appState?: AppState
  readonly authorizationParams?: LoginParameters & { readonly redirect_uri?: string; readonly [name: string]: unknown }
  readonly fragment?: unknown
  readonly openUrl?: unknown
}

/** Nothing of it is heard: the gateway's `logout` options say where a logout ends. */
export interface LogoutOptions {
  readonly logoutParams?: unknown
  readonly clientId?: unknown
  readonly openUrl?: unknown
}

export interface Auth0ContextInterface {
  /** Also an outage, which is no logout. */
  error?: Error
  isAuthenticated: boolean
  isLoading: boolean
  user?: User
  /** Rejects with `TokenNotInBrowserError`. */
  getAccessTokenSilently: (options?: object) => Promise<never>
  /** Rejects with `TokenNotInBrowserError`. */
  getAccessTokenWithPopup: (options?: object, config?: object) => Promise<never>
  /** The claims that the gateway shows. */
  getIdTokenClaims: () => Promise<User | undefined>
  loginWithRedirect: (options?: RedirectLoginOptions) => Promise<void>
  loginWithPopup: (options?: Pick<RedirectLoginOptions, 'authorizationParams'>, config?: object) => Promise<void>
  logout: (options?: LogoutOptions) => Promise<void>
  /** Reads nothing from the address. */
  handleRedirectCallback: (url?: string) => Promise<{ appState?: AppState }>
}

export const Auth0Context: Context<Auth0ContextInterface | undefined> = createContext<Auth0ContextInterface | undefined>(
  undefined,
)

/** @throws where there is no `Auth0Provider` above. */
export function useAuth0(): Auth0ContextInterface {
  const context = useContext(Auth0Context)
  if (!context) throw new Error('useAuth0 needs an Auth0Provider above it')
  return context
}
