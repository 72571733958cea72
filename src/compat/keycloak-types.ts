/** Of the configuration, `url` and `realm` lead to the account pages, and `clientId` to the roles of the app. */
export type KeycloakConfig =
  | { readonly url: string; readonly realm: string; readonly clientId: string }
  | { readonly clientId: string; readonly oidcProvider: unknown }

/** Of the options, `onLoad` and `redirectUri` are heard: the gateway does the rest. */
export interface KeycloakInitOptions {
  readonly onLoad?: 'login-required' | 'check-sso'
  readonly redirectUri?: string
  readonly [option: string]: unknown
}

/** The gateway takes what its `login.parameters` lists. */
export interface KeycloakLoginOptions {
  /** The page comes back to it. */
  readonly redirectUri?: string
  readonly prompt?: string
  readonly maxAge?: number
  readonly loginHint?: string
  readonly acrValues?: string
  readonly locale?: string
  readonly scope?: unknown
  readonly action?: unknown
  readonly acr?: unknown
  readonly idpHint?: unknown
  readonly cordovaOptions?: unknown
}

/** Nothing of it is heard: the gateway's `logout` options say where a logout ends. */
export interface KeycloakLogoutOptions {
  readonly redirectUri?: unknown
  readonly logoutMethod?: unknown
}

export interface KeycloakError {
  readonly error: string
  readonly error_description: string
}

export interface KeycloakProfile {
  id?: string
  username?: string
  email?: string
  firstName?: string
  lastName?: string
  emailVerified?: boolean
}

export interface KeycloakRoles {
  roles: string[]
}

/** The claims that the gateway shows, which are those of the ID token and of userinfo. */
export interface KeycloakTokenParsed {
  sub?: string
  realm_access?: KeycloakRoles
  resource_access?: Record<string, KeycloakRoles>
  [claim: string]: unknown
}

export interface KeycloakUserInfo {
  sub: string
  [claim: string]: unknown
}
