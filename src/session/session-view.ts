import type { Session } from './session.ts'
import { publicClaims } from './user.ts'

/** What may be known of a session outside: whose it is and how long it lasts. Never a token. */
export interface SessionView {
  /** Claims of the ID token and of userinfo, `sub` among them. */
  readonly user: Readonly<Record<string, unknown>>
  /** For unsafe requests of the page: the header `X-CSRF-Token`, or the form field `_csrf`. */
  readonly csrfToken: string
  /** ISO 8601: when the session ends if nothing is done with it. */
  readonly idleExpiresAt: string
  /** ISO 8601: when it ends in any case. */
  readonly expiresAt: string
}

export function sessionView(session: Session, csrfToken: string): SessionView {
  return {
    user: publicClaims(session.tokens.claims),
    csrfToken,
    idleExpiresAt: new Date(session.idleExpiresAtMs).toISOString(),
    expiresAt: new Date(session.meta.expiresAtMs).toISOString(),
  }
}
