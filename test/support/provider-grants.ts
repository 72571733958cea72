import { createHash, randomBytes } from 'node:crypto'
import type { TestClock } from './clock.ts'
import type { Claims } from './signing.ts'

/** Somebody who can log in: `sub` and further claims. */
export interface ProviderUser extends Claims {
  readonly sub: string
}

/** What a user has granted; everything issued from one login belongs to it. */
export interface Grant {
  readonly user: ProviderUser
  readonly scope: string
  readonly nonce: string | undefined
  readonly sid: string
  readonly authTimeSeconds: number
  /** Resources named in the authorization request (RFC 8707 section 2.1). */
  readonly resources: readonly string[]
  revoked: boolean
}

interface PendingCode {
  readonly grant: Grant
  readonly redirectUri: string
  readonly challenge: string
  readonly expiresAtMs: number
  used: boolean
}

interface RefreshToken {
  readonly grant: Grant
  current: boolean
}

export interface AccessToken {
  readonly grant: Grant
  readonly audience: string
  readonly expiresAtMs: number
  revoked: boolean
}

/** The provider's memory: codes, refresh token families and access tokens. */
export class Grants {
  readonly #clock: TestClock
  readonly #codes = new Map<string, PendingCode>()
  readonly #refreshTokens = new Map<string, RefreshToken>()
  readonly accessTokens = new Map<string, AccessToken>()
  /** Every secret value the provider has given out or been shown, with what it is: what must never be seen again. */
  readonly issued = new Map<string, string>()
  /** How often a refresh token was used that had been replaced before. */
  reuseDetected = 0
  /** How often a code was shown a second time. */
  codeReuseDetected = 0

  constructor(clock: TestClock) {
    this.#clock = clock
  }

  newCode(grant: Grant, redirectUri: string, challenge: string): string {
    const code = this.remember(randomText('code'), 'code')
    this.#codes.set(code, { grant, redirectUri, challenge, expiresAtMs: this.#clock.now() + 60_000, used: false })
    return code
  }

  /** The grant of a code, or the error words for the client. */
  redeemCode(code: string, redirectUri: string, verifier: string): Grant | string {
    if (verifier !== '') this.remember(verifier, 'code_verifier')
    const pending = this.#codes.get(code)
    if (pending === undefined) return 'unknown code'
    if (pending.used) {
      // RFC 6749 section 4.1.2: a code used twice takes down what was issued for it.
      this.codeReuseDetected += 1
      pending.grant.revoked = true
      return 'the code was used before'
    }
    pending.used = true
    if (pending.expiresAtMs <= this.#clock.now()) return 'the code has expired'
    if (pending.redirectUri !== redirectUri) return 'another redirect_uri'
    if (createHash('sha256').update(verifier).digest('base64url') !== pending.challenge) return 'the code_verifier does not fit'
    return pending.grant
  }

  newRefreshToken(grant: Grant): string {
    const token = this.remember(randomText('rt'), 'refresh_token')
    this.#refreshTokens.set(token, { grant, current: true })
    return token
  }

  /** The grant of a refresh token, which is spent where `rotate`; or the error words. Reuse kills the family. */
  useRefreshToken(token: string, rotate: boolean): Grant | string {
    const found = this.#refreshTokens.get(token)
    if (found === undefined) return 'unknown refresh token'
    if (!found.current) {
      this.reuseDetected += 1
      found.grant.revoked = true
      return 'the refresh token was used before'
    }
    if (found.grant.revoked) return 'the grant has ended'
    if (rotate) found.current = false
    return found.grant
  }

  addAccessToken(token: string, entry: Omit<AccessToken, 'revoked'>): string {
    this.accessTokens.set(token, { ...entry, revoked: false })
    return this.remember(token, 'access_token')
  }

  /** The live access token behind a bearer value. */
  activeAccessToken(token: string): AccessToken | undefined {
    const found = this.accessTokens.get(token)
    return found !== undefined && !found.revoked && !found.grant.revoked && found.expiresAtMs > this.#clock.now()
      ? found
      : undefined
  }

  /** RFC 7009: a refresh token takes its grant with it, an access token goes alone. */
  revoke(token: string): void {
    const refresh = this.#refreshTokens.get(token)
    if (refresh !== undefined) refresh.grant.revoked = true
    const access = this.accessTokens.get(token)
    if (access !== undefined) access.revoked = true
  }

  /** Whether the refresh token would still be accepted. */
  isLive(refreshToken: string): boolean {
    const found = this.#refreshTokens.get(refreshToken)
    return found !== undefined && found.current && !found.grant.revoked
  }

  /** Ends everything of one user, as an administrator would. */
  endGrantsOf(sub: string): void {
    for (const { grant } of this.#refreshTokens.values()) if (grant.user.sub === sub) grant.revoked = true
  }

  remember(value: string, kind: string): string {
    // A value of a few characters is no secret, and is found everywhere.
    if (value.length >= 16) this.issued.set(value, kind)
    return value
  }
}

function randomText(prefix: string): string {
  return `${prefix}-${randomBytes(24).toString('base64url')}`
}
