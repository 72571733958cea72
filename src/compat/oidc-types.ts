import type { LoginParameters } from './page.ts'

/** Settings of oidc-client-ts. The gateway has its own, so only those of `LoginParameters` and `redirect_uri` are heard. */
export interface UserManagerSettings extends LoginParameters {
  readonly authority: string
  readonly client_id: string
  readonly redirect_uri: string
  readonly post_logout_redirect_uri?: string | undefined
  readonly [setting: string]: unknown
}

/** The gateway takes what its `login.parameters` lists. */
export interface SigninRedirectArgs extends LoginParameters {
  readonly state?: unknown
  readonly url_state?: string | undefined
  /** The callback route of the app. The page comes back to it, without `code` and `state`. */
  readonly redirect_uri?: string | undefined
  readonly nonce?: unknown
  readonly scope?: unknown
  readonly resource?: unknown
  readonly extraQueryParams?: unknown
  readonly extraTokenParams?: unknown
  readonly redirectMethod?: unknown
  readonly redirectTarget?: unknown
  readonly popupWindowFeatures?: unknown
  readonly popupWindowTarget?: unknown
  readonly popupSignal?: unknown
  readonly popupAbortOnClose?: unknown
  readonly silentRequestTimeoutInSeconds?: unknown
  readonly forceIframeAuth?: unknown
}

export type SigninPopupArgs = SigninRedirectArgs
export type SigninSilentArgs = SigninRedirectArgs

/** Nothing of it is heard: the gateway's `logout` options say where a logout ends. */
export interface SignoutRedirectArgs {
  readonly state?: unknown
  readonly url_state?: unknown
  readonly id_token_hint?: unknown
  readonly post_logout_redirect_uri?: unknown
  readonly extraQueryParams?: unknown
  readonly redirectMethod?: unknown
  readonly redirectTarget?: unknown
  readonly popupWindowFeatures?: unknown
  readonly popupWindowTarget?: unknown
  readonly popupSignal?: unknown
  readonly popupAbortOnClose?: unknown
  readonly silentRequestTimeoutInSeconds?: unknown
}

export type SignoutPopupArgs = SignoutRedirectArgs
export type SignoutSilentArgs = SignoutRedirectArgs

export interface SignoutResponse {
  readonly state: string | null
  error: string | null
  error_description: string | null
  error_uri: string | null
  userState: unknown
}

export interface SessionStatus {
  readonly session_state: string
  readonly sub?: string
}
