import type { Session } from '../browser/types.ts'
import type { AppState } from './breaker.ts'
import { claimsOf, hideTokens } from './loudness.ts'

/** The claims that the gateway shows. */
export interface UserProfile {
  readonly sub: string
  name?: string
  given_name?: string
  family_name?: string
  middle_name?: string
  nickname?: string
  preferred_username?: string
  profile?: string
  picture?: string
  website?: string
  email?: string
  email_verified?: boolean
  gender?: string
  birthdate?: string
  zoneinfo?: string
  locale?: string
  phone_number?: string
  phone_number_verified?: boolean
  updated_at?: number
  /** Part of the ID token, which stays on the server. */
  readonly iss: never
  /** Part of the ID token, which stays on the server. */
  readonly aud: never
  /** Part of the ID token, which stays on the server. `User.expires_at` says when the session ends. */
  readonly exp: never
  /** Part of the ID token, which stays on the server. */
  readonly iat: never
  [claim: string]: unknown
}

/** A user of the session. `User` of oidc-client-ts without what is not in the browser. */
export class User {
  /** Stays on the server: reads `undefined`, and the console says where it was read. */
  declare readonly access_token: never
  /** Stays on the server, as `access_token` does. */
  declare readonly id_token: never
  /** Stays on the server, as `access_token` does. */
  declare readonly refresh_token: never
  readonly token_type: string = 'Cookie'
  readonly session_state: string | null = null
  readonly profile: UserProfile
  /** Seconds since 1970: when the session ends if nothing is done with it. */
  readonly expires_at: number
  readonly state: unknown
  readonly url_state?: string

  constructor({ user, idleExpiresAt, expiresAt }: Session, { state, url_state }: AppState = {}) {
    this.profile = claimsOf(user) as UserProfile
    this.expires_at = Math.floor(Math.min(Date.parse(idleExpiresAt), Date.parse(expiresAt)) / 1000)
    this.state = state
    if (url_state !== undefined) this.url_state = url_state
  }

  get expires_in(): number {
    return this.expires_at - Math.floor(Date.now() / 1000)
  }

  get expired(): boolean {
    return this.expires_in <= 0
  }

  /** None: scopes belong to the tokens. */
  get scopes(): string[] {
    return []
  }
}

hideTokens(User.prototype, 'User', ['access_token', 'id_token', 'refresh_token'])
