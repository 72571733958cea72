/** What a provider gave at login or refresh, as the session keeps it. */
export interface TokenSet {
  readonly accessToken: string
  /** Epoch milliseconds; absent where the provider did not say. */
  readonly accessTokenExpiresAtMs?: number | undefined
  /** Epoch milliseconds: a little before the expiry, when a refresh is due. */
  readonly refreshAtMs?: number | undefined
}

/** The part of a session that opens only with the user's cookie. */
export interface SessionTokens extends TokenSet {
  readonly refreshToken?: string | undefined
  readonly idToken: string
  /** Scopes the provider granted, separated by spaces (RFC 6749 section 3.3). */
  readonly scope: string
  /** Access tokens for single resources (RFC 8707), by `resourceKey`. */
  readonly resources: Readonly<Record<string, TokenSet>>
  /** Claims of the ID token and of userinfo. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** The part of a session that the server can read by itself: what lists of sessions and logout by sub or sid need. */
export interface SessionMeta {
  readonly issuer: string
  readonly subject: string
  /** The provider's session id (OIDC Front-Channel Logout 1.0 section 3), where it gave one. */
  readonly providerSessionId?: string | undefined
  readonly createdAtMs: number
  /** The absolute end, fixed at login. */
  readonly expiresAtMs: number
  /** A short label of the browser that logged in. */
  readonly device: string
}

/** An opened session. Lives in memory only. */
export interface Session {
  /** Where the store keeps it: a hash of the id. */
  readonly key: string
  /** The 256 random bits that only the user's cookie holds. */
  readonly id: string
  readonly version: number
  readonly meta: SessionMeta
  readonly tokens: SessionTokens
  /** Epoch milliseconds: when it ends if nothing is done with it. Moves with `Sessions.touch`. */
  idleExpiresAtMs: number
}

/** An access token for one API: which resource, and which part of the scope. */
export interface TokenRecipe {
  readonly resource: string
  readonly scope?: string | undefined
}

export function resourceKey(recipe: TokenRecipe): string {
  return recipe.scope === undefined ? recipe.resource : `${recipe.resource} ${recipe.scope}`
}

/** The token a call needs: the session's own, or that of its route's resource. `undefined` where there is none yet. */
export function tokenFor(session: Session, recipe: TokenRecipe | undefined): TokenSet | undefined {
  return recipe === undefined ? session.tokens : session.tokens.resources[resourceKey(recipe)]
}

/** A token that is about to expire is renewed before it is used; one whose end is unknown is used as it is. */
export function isRefreshDue(token: TokenSet | undefined, nowMs: number): boolean {
  return token === undefined || (token.refreshAtMs !== undefined && nowMs >= token.refreshAtMs)
}

export function isExpired(token: TokenSet | undefined, nowMs: number): boolean {
  return token === undefined || (token.accessTokenExpiresAtMs !== undefined && nowMs >= token.accessTokenExpiresAtMs)
}

/** When a token issued now ends and when it is due: a tenth of its life earlier, at most 30 seconds. */
export function tokenTimes(
  nowMs: number,
  expiresInSeconds: number | undefined,
): Pick<TokenSet, 'accessTokenExpiresAtMs' | 'refreshAtMs'> {
  if (expiresInSeconds === undefined) return {}
  const lifeMs = Math.max(0, expiresInSeconds) * 1000
  return { accessTokenExpiresAtMs: nowMs + lifeMs, refreshAtMs: nowMs + lifeMs - Math.min(30_000, lifeMs / 10) }
}

/** Every token text of a session: what must never appear in an answer. */
export function tokenTexts(tokens: SessionTokens): string[] {
  const texts = [tokens.accessToken, tokens.idToken, ...Object.values(tokens.resources).map((t) => t.accessToken)]
  if (tokens.refreshToken !== undefined) texts.push(tokens.refreshToken)
  return texts
}
