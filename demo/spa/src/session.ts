import { createBffClient } from 'coatcheck/browser'
import type { Answer } from './calls.ts'

/** The page's one way to Coatcheck. */
export const bff = createBffClient()

/** All this page knows of its session. */
export interface Session {
  readonly name: string
  readonly email: string
  /** Proves that a request comes from this page. `bff.fetch` sends it with everything that changes something. */
  readonly csrfToken: string
  /** ISO 8601. */
  readonly idleExpiresAt: string
  /** ISO 8601. */
  readonly expiresAt: string
}

/** The session, `none`, or an answer that says neither: then the page must not act as if it were logged out. */
export async function readSession(): Promise<Session | 'none' | Exclude<Answer, { kind: 'done' }>> {
  try {
    const session = await bff.session()
    if (session === null) return 'none'
    const { user, csrfToken, idleExpiresAt, expiresAt } = session
    return { name: user.name ?? user.sub, email: user.email ?? '', csrfToken, idleExpiresAt, expiresAt }
  } catch {
    return { kind: 'unavailable', retryAfterSeconds: 2 }
  }
}
