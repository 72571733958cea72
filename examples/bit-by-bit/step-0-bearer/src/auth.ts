import { User } from 'oidc-client-ts'
import type { AuthProviderProps } from 'react-oidc-context'

export const oidcConfig = {
  authority: import.meta.env.VITE_OIDC_AUTHORITY,
  client_id: 'orders-spa',
  redirect_uri: `${location.origin}/`,
  post_logout_redirect_uri: `${location.origin}/`,
  scope: 'openid profile email',
  automaticSilentRenew: true,
  onSigninCallback: () => history.replaceState({}, '', location.pathname),
} satisfies AuthProviderProps

/** The access token, for calls that are made outside of components. */
export function accessToken(): string | undefined {
  const stored = sessionStorage.getItem(`oidc.user:${oidcConfig.authority}:${oidcConfig.client_id}`)
  return stored === null ? undefined : User.fromStorageString(stored).access_token
}
