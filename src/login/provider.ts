import * as oidc from 'openid-client'
import type { ProviderConfig } from '../config/schema.ts'
import { BffError } from '../errors.ts'
import type { SessionTokens, TokenRecipe } from '../session/session.ts'
import { tokenTimes } from '../session/session.ts'
import { RefreshRejected, type TokenAnswer } from '../session/tokens.ts'
import { clockToleranceSeconds, KeysNotToBeHad, TokenVerifier, type LogoutClaims } from './id-token.ts'
import { Lazy } from './metadata.ts'
import { clientAuth } from './provider-auth.ts'
import { isRejectedGrant, isWrongIdToken, providerError } from './provider-error.ts'
import type { ProviderFetch } from './provider-fetch.ts'
import type { Transaction } from './transaction.ts'

export interface ProviderOptions {
  readonly config: ProviderConfig
  readonly redirectUri: string
  readonly postLogoutRedirectUri: string
  readonly idTokenHint: boolean
  /** Every resource that some route wants a token of its own for (RFC 8707). */
  readonly resources: readonly string[]
  readonly fetch: ProviderFetch
  readonly clock: () => number
}

/** What a successful login brings. */
export interface LoginAnswer {
  readonly issuer: string
  readonly subject: string
  readonly providerSessionId?: string | undefined
  readonly tokens: SessionTokens
}

interface Discovered {
  readonly metadata: oidc.ServerMetadata
  readonly verifier: TokenVerifier
}

type Grant = Awaited<ReturnType<typeof oidc.refreshTokenGrant>>

/**
 * The OpenID provider, by openid-client; signatures of ID tokens, which that leaves unverified when they come from the
 * token endpoint, by jose. Everything it throws is a `BffError` (`provider_unavailable` for trouble that may pass,
 * `login_failed` for an answer that is wrong) or a `RefreshRejected`.
 */
export class Provider {
  readonly #options: ProviderOptions
  readonly #discovered: Lazy<Discovered>
  readonly #fetch: oidc.CustomFetch
  #auth: Promise<oidc.ClientAuth> | undefined

  constructor(options: ProviderOptions) {
    this.#options = options
    this.#fetch = (url, { method, headers, body, signal }) =>
      options.fetch(url, { method, headers, body: body instanceof ArrayBuffer ? new Uint8Array(body) : body, signal })
    this.#discovered = new Lazy(() => this.#discover(), options.clock)
  }

  /** Makes sure that the provider is discovered. Throws `provider_unavailable`. */
  async discover(): Promise<void> {
    await this.#discovered.get()
  }

  /** Where a login sends the browser: code flow, PKCE S256, state and nonce; by PAR where the provider asks for it. */
  async authorizationUrl(transaction: Transaction): Promise<URL> {
    const { config, redirectUri, resources } = this.#options
    const client = await this.#client()
    const parameters = new URLSearchParams({
      ...config.authorizationParameters,
      redirect_uri: redirectUri,
      scope: config.scope,
      state: transaction.state,
      nonce: transaction.nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(transaction.codeVerifier),
      code_challenge_method: 'S256',
      ...transaction.parameters,
    })
    if (config.responseMode === 'form_post') parameters.set('response_mode', 'form_post')
    for (const resource of resources) parameters.append('resource', resource)
    try {
      const usesPar = client.serverMetadata().require_pushed_authorization_requests === true
      return usesPar
        ? await oidc.buildAuthorizationUrlWithPAR(client, parameters)
        : oidc.buildAuthorizationUrl(client, parameters)
    } catch (error) {
      throw providerError(error, 'login_failed')
    }
  }

  /**
   * Exchanges the code. `iss` and `state` are compared before the token endpoint is called (RFC 9207, RFC 9700 section
   * 4.4), then the ID token and the userinfo answer are validated; nothing of the answer is used before that.
   */
  async exchange(callback: URLSearchParams, transaction: Transaction): Promise<LoginAnswer> {
    const { config, redirectUri, clock } = this.#options
    const client = await this.#client()
    const callbackUrl = new URL(redirectUri)
    callbackUrl.search = callback.toString()
    const maxAge = transaction.parameters['max_age']
    try {
      const grant = await oidc.authorizationCodeGrant(client, callbackUrl, {
        expectedState: transaction.state,
        expectedNonce: transaction.nonce,
        pkceCodeVerifier: transaction.codeVerifier,
        idTokenExpected: true,
        ...(maxAge === undefined ? {} : { maxAge: Number(maxAge) }),
      })
      if (!isBearer(grant)) throw new BffError('login_failed', { reason: 'the access token is no bearer token' })
      const idToken = required(grant.id_token, 'an ID token')
      const idTokenClaims = await (await this.#discovered.get()).verifier.verifyIdToken(idToken, grant.access_token)
      checkAuthenticationContext(transaction, idTokenClaims['acr'])
      const subject = required(idTokenClaims.sub, 'a subject')
      const userInfo = await this.#userInfo(client, grant.access_token, subject)
      const issuer = required(idTokenClaims.iss, 'an issuer')
      const sid = idTokenClaims['sid']
      return {
        issuer,
        subject,
        providerSessionId: typeof sid === 'string' && sid !== '' ? sid : undefined,
        tokens: {
          accessToken: grant.access_token,
          ...tokenTimes(clock(), grant.expires_in),
          refreshToken: grant.refresh_token,
          idToken,
          scope: grant.scope ?? config.scope,
          resources: {},
          claims: { ...userInfo, ...idTokenClaims },
        },
      }
    } catch (error) {
      throw providerError(error, 'login_failed')
    }
  }

  /** Refreshes; with a recipe, for that resource. The caller compares the subject with its session's. */
  async refresh(refreshToken: string, recipe: TokenRecipe | undefined): Promise<TokenAnswer> {
    const client = await this.#client()
    const parameters: Record<string, string> = {}
    if (recipe !== undefined) parameters['resource'] = recipe.resource
    if (recipe?.scope !== undefined) parameters['scope'] = recipe.scope
    let grant: Grant
    try {
      grant = await oidc.refreshTokenGrant(client, refreshToken, parameters)
    } catch (error) {
      if (isRejectedGrant(error)) throw new RefreshRejected('the provider refused the refresh token', { cause: error })
      if (isWrongIdToken(error)) {
        // The new token is not to be had; revoking the old one ends what grew out of it (RFC 7009 section 2.1).
        throw new RefreshRejected('the refreshed ID token is not valid', { cause: error, left: refreshToken })
      }
      throw providerError(error, 'provider_unavailable')
    }
    if (!isBearer(grant))
      throw new RefreshRejected('the access token is no bearer token', { left: grant.refresh_token ?? refreshToken })
    return {
      accessToken: grant.access_token,
      expiresInSeconds: grant.expires_in,
      refreshToken: grant.refresh_token,
      scope: grant.scope,
      ...(await this.#refreshedIdToken(grant, refreshToken)),
    }
  }

  /** Where only the keys cannot be had, the old ID token stays: the rotated refresh token must not be lost over that. */
  async #refreshedIdToken(grant: Grant, refreshToken: string): Promise<Pick<TokenAnswer, 'idToken' | 'idTokenClaims'>> {
    const { id_token: idToken, access_token: accessToken } = grant
    if (idToken === undefined) return {}
    const { verifier } = await this.#discovered.get()
    try {
      return { idToken, idTokenClaims: await verifier.verifyIdToken(idToken, accessToken) }
    } catch (error) {
      if (providerError(error, 'login_failed').code === 'provider_unavailable') return { idTokenClaims: { ...grant.claims() } }
      throw new RefreshRejected('the refreshed ID token is not valid', {
        cause: error,
        left: grant.refresh_token ?? refreshToken,
      })
    }
  }

  /** Verifies a back-channel logout token. Throws `bad_request` where it is not valid. */
  async verifyLogoutToken(logoutToken: string): Promise<LogoutClaims> {
    const { verifier } = await this.#discovered.get()
    try {
      return await verifier.verifyLogoutToken(logoutToken)
    } catch (error) {
      const { code, reason } = providerError(error, 'login_failed')
      // A stranger can send tokens with unknown key ids all day; to him the answer stays 400.
      if (code === 'provider_unavailable' && !(error instanceof KeysNotToBeHad))
        throw new BffError(code, { reason: reason ?? code, retryAfterSeconds: 5, cause: error })
      throw new BffError('bad_request', {
        reason: 'the logout token is not valid',
        detail: 'the logout token is not valid',
        cause: error,
      })
    }
  }

  /** Revokes a refresh token (RFC 7009). Resolves where the provider has no revocation endpoint. */
  async revoke(refreshToken: string): Promise<void> {
    const client = await this.#client()
    if (client.serverMetadata().revocation_endpoint === undefined) return
    try {
      await oidc.tokenRevocation(client, refreshToken, { token_type_hint: 'refresh_token' })
    } catch (error) {
      throw providerError(error, 'provider_unavailable')
    }
  }

  /**
   * The provider's logout URL (OpenID Connect RP-Initiated Logout 1.0), or `undefined` where it has none or was never
   * reached. It carries no token unless `logout.idTokenHint` asks for it.
   */
  logoutUrl(tokens: SessionTokens): string | undefined {
    const endpoint = this.#discovered.known?.metadata.end_session_endpoint
    if (endpoint === undefined) return undefined
    const { config, postLogoutRedirectUri, idTokenHint } = this.#options
    const url = new URL(endpoint)
    url.searchParams.set('client_id', config.clientId)
    url.searchParams.set('post_logout_redirect_uri', postLogoutRedirectUri)
    const hint = [tokens.claims['login_hint'], tokens.claims['sid'], tokens.claims['sub']].find((c) => typeof c === 'string')
    if (typeof hint === 'string') url.searchParams.set('logout_hint', hint)
    if (idTokenHint) url.searchParams.set('id_token_hint', tokens.idToken)
    return url.href
  }

  async #userInfo(client: oidc.Configuration, accessToken: string, subject: string): Promise<Record<string, unknown>> {
    if (!this.#options.config.userInfo || client.serverMetadata().userinfo_endpoint === undefined) return {}
    return { ...(await oidc.fetchUserInfo(client, accessToken, subject)) }
  }

  async #discover(): Promise<Discovered> {
    const { config, clock } = this.#options
    try {
      const found = await oidc.discovery(new URL(config.issuer), config.clientId, undefined, undefined, {
        [oidc.customFetch]: this.#fetch,
        timeout: config.timeoutSeconds,
        ...(this.#allowsHttp() ? { execute: [oidc.allowInsecureRequests] } : {}),
      })
      const metadata = found.serverMetadata()
      // OIDC Discovery section 4.3: the very same string, not merely an equal URL.
      if (metadata.issuer !== config.issuer) throw new Error('the discovery document names another issuer')
      const jwksUri = new URL(required(metadata.jwks_uri, 'a jwks_uri'))
      if (jwksUri.protocol !== 'https:' && !this.#allowsHttp()) throw new Error('jwks_uri is not https')
      const { issuer, clientId } = config
      const { fetch } = this.#options
      const algorithms = config.idTokenAlgorithms
      const typedLogoutTokens = !config.acceptUntypedLogoutTokens
      const verifier = new TokenVerifier({ issuer, clientId, algorithms, jwksUri, typedLogoutTokens, fetch, clock })
      return { metadata, verifier }
    } catch (error) {
      throw providerError(error, 'provider_unavailable')
    }
  }

  /** A client for one operation: its clock is ours, which may be another than the machine's. */
  async #client(): Promise<oidc.Configuration> {
    const { config, clock } = this.#options
    const { metadata } = await this.#discovered.get()
    const client = new oidc.Configuration(
      metadata,
      config.clientId,
      {
        [oidc.clockSkew]: Math.round((clock() - Date.now()) / 1000),
        [oidc.clockTolerance]: clockToleranceSeconds,
        // RFC 8705 section 5: where a certificate is shown the provider may have addresses of their own.
        use_mtls_endpoint_aliases: config.clientAuth.includes('tls_client_auth'),
      },
      await (this.#auth ??= clientAuth(config)),
    )
    client[oidc.customFetch] = this.#fetch
    client.timeout = config.timeoutSeconds
    if (this.#allowsHttp()) oidc.allowInsecureRequests(client)
    return client
  }

  #allowsHttp(): boolean {
    // The config was checked: a plain http issuer is on loopback, or the operator insists.
    return new URL(this.#options.config.issuer).protocol === 'http:'
  }
}

/** A requested authentication context that was not met is a failed login, not a weaker one (ASVS 6.8.4). */
function checkAuthenticationContext(transaction: Transaction, acr: unknown): void {
  const asked = transaction.parameters['acr_values']
  if (asked !== undefined && !(typeof acr === 'string' && asked.split(' ').includes(acr))) {
    throw new BffError('login_failed', { reason: 'the requested authentication context was not met' })
  }
}

function required(value: string | undefined, what: string): string {
  if (value === undefined || value === '') throw new Error(`the provider's answer lacks ${what}`)
  return value
}

/** A client must not use a token of a type that it does not know how to use (RFC 6749 section 7.1): DPoP needs a proof. */
function isBearer({ token_type: type }: Pick<Grant, 'token_type'>): boolean {
  return type.toLowerCase() === 'bearer'
}
