/** A confidential client of the local provider. */
export interface DevClient {
  readonly clientId: string
  readonly clientSecret: string
  /** Shown on the sign-in page. Default: the client id. */
  readonly name?: string
  readonly redirectUris: readonly string[]
  readonly postLogoutRedirectUris?: readonly string[]
  /** Where logout tokens go (OpenID Connect Back-Channel Logout 1.0). */
  readonly backchannelLogoutUri?: string
}

/** An API that the provider issues JWT access tokens for (RFC 8707, RFC 9068). */
export interface DevResource {
  /** The resource indicator, which becomes the audience of the tokens. */
  readonly uri: string
  readonly scopes: readonly string[]
}
