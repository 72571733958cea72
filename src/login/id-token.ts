import { createHash } from 'node:crypto'
import {
  createRemoteJWKSet,
  customFetch,
  errors,
  jwtVerify,
  type FetchImplementation,
  type JWTPayload,
  type JWTVerifyOptions,
  type JWTVerifyResult,
} from 'jose'
import type { ProviderFetch } from './provider-fetch.ts'

/** Tolerated difference between the provider's clock and ours. */
export const clockToleranceSeconds = 30
/** An ID token from the token endpoint is fresh; an older one is a replay. */
const mostAgeSeconds = 300
/** Keys are asked for again after this long, so that a key the provider withdrew stops counting. */
const keysFreshMs = 600_000

/** A logout token says that something happened just now; one that is good for long was not made for this. */
const mostLogoutTokenSeconds = 900

/** Fetches of keys that tokens with unknown key ids may cause: so many at once, then one every few seconds. */
const reloads = { atOnce: 3, everyMs: 5_000 }

export interface IdTokenRules {
  readonly issuer: string
  readonly clientId: string
  readonly algorithms: readonly string[]
  readonly jwksUri: URL
  /** Whether a logout token must say by its typ that it is one (OIDC Back-Channel Logout 1.0 section 2.4). */
  readonly typedLogoutTokens: boolean
  readonly fetch: ProviderFetch
  readonly clock: () => number
}

/** Verifies signed tokens of one issuer with the keys of its `jwks_uri`; keys named in a token's header never count. */
export class TokenVerifier {
  readonly #rules: IdTokenRules
  readonly #keys: ReturnType<typeof createRemoteJWKSet>
  #allowance = reloads.atOnce
  #refilledAtMs: number
  #loadedAtMs = 0

  constructor(rules: IdTokenRules) {
    this.#rules = rules
    this.#refilledAtMs = rules.clock()
    // jose's own cool-down is one fetch in 30 s, which refuses logins right after a key rotation; ours allows a few.
    this.#keys = createRemoteJWKSet(rules.jwksUri, {
      [customFetch]: (url, options) => this.#fetchKeys(url, options),
      cooldownDuration: 0,
      cacheMaxAge: Infinity,
    })
  }

  /**
   * The claims of an ID token whose signature, issuer, audience, expiry and age hold (OIDC Core section 3.1.3.7).
   * `none` and HMAC algorithms cannot be configured. Rejects with a jose error otherwise.
   */
  async verifyIdToken(idToken: string, accessToken: string): Promise<JWTPayload> {
    const { clientId } = this.#rules
    const { payload, protectedHeader } = await this.#verify(idToken, {
      requiredClaims: ['iss', 'sub', 'aud', 'exp', 'iat'],
    })
    // Kinds of tokens are not interchangeable: a logout token or an access token is no ID token (RFC 8725 section 3.11).
    if (protectedHeader.typ !== undefined && protectedHeader.typ.toLowerCase() !== 'jwt')
      throw new Error('not an ID token by its typ')
    const { azp, aud, at_hash: accessTokenHash } = payload
    if (accessTokenHash !== undefined && accessTokenHash !== hashOf(accessToken, protectedHeader.alg)) {
      throw new Error('at_hash is that of another access token')
    }
    if (azp !== undefined && azp !== clientId) throw new Error('azp is another client')
    if (Array.isArray(aud) && aud.length > 1 && azp === undefined) throw new Error('several audiences without azp')
    return payload
  }

  /**
   * The claims of a logout token (OIDC Back-Channel Logout 1.0 section 2.6). Anybody can send one, so a forged one is
   * refused before it can cost a fetch of keys wherever that is possible.
   */
  async verifyLogoutToken(logoutToken: string): Promise<LogoutClaims> {
    const { payload } = await this.#verify(logoutToken, {
      requiredClaims: ['iss', 'aud', 'iat', 'exp', 'jti', 'events'],
      ...(this.#rules.typedLogoutTokens ? { typ: 'logout+jwt' } : {}),
    })
    return judgeLogoutClaims(payload)
  }

  async #verify(token: string, more: JWTVerifyOptions): Promise<JWTVerifyResult> {
    this.#refreshOldKeys()
    const { issuer, clientId, algorithms, clock } = this.#rules
    const options: JWTVerifyOptions = {
      issuer,
      audience: clientId,
      algorithms: [...algorithms],
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(clock()),
      maxTokenAge: mostAgeSeconds,
      ...more,
    }
    try {
      return await jwtVerify(token, this.#keys, options)
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
      // Several keys of the issuer fit the header: it is enough that one of them signed.
      for await (const key of error) {
        try {
          return await jwtVerify(token, key, options)
        } catch (reason) {
          if (!(reason instanceof errors.JWSSignatureVerificationFailed)) throw reason
        }
      }
      throw error
    }
  }

  #refreshOldKeys(): void {
    const nowMs = this.#rules.clock()
    if (this.#loadedAtMs !== 0 && nowMs - this.#loadedAtMs > keysFreshMs) {
      this.#loadedAtMs = nowMs
      // The old keys stay in use where the new ones cannot be had.
      this.#keys.reload().catch(() => undefined)
    }
  }

  async #fetchKeys(url: string, { headers, signal }: Parameters<FetchImplementation>[1]): Promise<Response> {
    const nowMs = this.#rules.clock()
    const refill = Math.floor((nowMs - this.#refilledAtMs) / reloads.everyMs)
    if (refill > 0) {
      this.#allowance = Math.min(reloads.atOnce, this.#allowance + refill)
      this.#refilledAtMs = nowMs
    }
    if (this.#allowance === 0) throw new KeysNotToBeHad('the keys were fetched too often just now')
    this.#allowance -= 1
    const response = await this.#rules.fetch(url, { headers: Object.fromEntries(headers), signal })
    if (response.status !== 200) throw new KeysNotToBeHad(`the keys were answered with status ${response.status}`)
    const text = await response.text()
    if (!isKeySet(text)) throw new KeysNotToBeHad('the keys were answered with something else')
    this.#loadedAtMs = nowMs
    return new Response(text, { headers: response.headers })
  }
}

/** The left half of the hash that goes with the ID token's algorithm (OIDC Core section 3.1.3.6). */
function hashOf(accessToken: string, algorithm: string): string {
  const bits = algorithm.startsWith('Ed') ? '512' : algorithm.slice(-3)
  const hash = createHash(`sha${bits}`).update(accessToken).digest()
  return hash.subarray(0, hash.length / 2).toString('base64url')
}

function isKeySet(text: string): boolean {
  try {
    const body: unknown = JSON.parse(text)
    return isObject(body) && Array.isArray(body['keys'])
  } catch {
    return false
  }
}

/** The keys may have changed, and cannot be asked for now: nothing is known about the token, good or bad. */
export class KeysNotToBeHad extends Error {
  override readonly name = 'KeysNotToBeHad'
}

/** What a verified logout token asks for. */
export interface LogoutClaims {
  readonly jti: string
  readonly issuedAtSeconds: number
  readonly expiresAtSeconds: number
  readonly subject: string | undefined
  readonly providerSessionId: string | undefined
}

const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout'

/** The claims beyond those of any JWT. Throws where one is wrong. */
export function judgeLogoutClaims(payload: JWTPayload): LogoutClaims {
  const { jti, iat, exp, sub, sid, events } = payload
  if (Object.hasOwn(payload, 'nonce')) throw new Error('a logout token has no nonce: this is something else')
  if (typeof jti !== 'string' || jti === '' || iat === undefined || exp === undefined)
    throw new Error('jti, iat or exp is not valid')
  if (exp - iat > mostLogoutTokenSeconds) throw new Error('the logout token is good for too long')
  const event: unknown = isObject(events) ? events[logoutEvent] : undefined
  if (!isObject(event)) throw new Error('the logout event is missing')
  if (
    (sub !== undefined && (typeof sub !== 'string' || sub === '')) ||
    (sid !== undefined && (typeof sid !== 'string' || sid === ''))
  ) {
    throw new Error('sub or sid is not valid')
  }
  if (sub === undefined && sid === undefined) throw new Error('neither sub nor sid')
  return {
    jti,
    issuedAtSeconds: iat,
    expiresAtSeconds: exp,
    subject: sub,
    providerSessionId: typeof sid === 'string' ? sid : undefined,
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
