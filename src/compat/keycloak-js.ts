export { configureCompat, type CompatOptions } from './page.ts'
export { LoginLoopError, NotSupportedInBffError, TokenNotInBrowserError } from './errors.ts'
export { Keycloak as default } from './keycloak.ts'
export type {
  KeycloakConfig,
  KeycloakError,
  KeycloakInitOptions,
  KeycloakLoginOptions,
  KeycloakLogoutOptions,
  KeycloakProfile,
  KeycloakRoles,
  KeycloakTokenParsed,
  KeycloakUserInfo,
} from './keycloak-types.ts'
