import { call, memberOf, textOf } from './calls.ts'
import type { Answer } from './calls.ts'

/** All this page knows of its session. */
export interface Session {
  readonly name: string
  readonly email: string
  /** Proves that a request comes from this page. Sent as X-CSRF-Token with everything that changes something. */
  readonly csrfToken: string
  /** ISO 8601. */
  readonly idleExpiresAt: string
  /** ISO 8601. */
  readonly expiresAt: string
}

/** The session, `none`, or an answer that says neither: then the page must not act as if it were logged out. */
export async function readSession(): Promise<Session | 'none' | Exclude<Answer, { kind: 'done' }>> {
  const answer = await call('/bff/session')
  if (answer.kind === 'logged-out') return 'none'
  if (answer.kind !== 'done') return answer
  if (memberOf(answer.body, 'authenticated') !== true) return 'none'
  const user = memberOf(answer.body, 'user')
  return {
    name: textOf(user, 'name') ?? textOf(user, 'sub') ?? 'Somebody',
    email: textOf(user, 'email') ?? '',
    csrfToken: textOf(answer.body, 'csrfToken') ?? '',
    idleExpiresAt: textOf(answer.body, 'idleExpiresAt') ?? '',
    expiresAt: textOf(answer.body, 'expiresAt') ?? '',
  }
}

/** Ends the session and gives the address at which the provider ends its own. */
export async function endSession(session: Session): Promise<string | Exclude<Answer, { kind: 'done' }>> {
  const answer = await call('/bff/logout', { method: 'POST', headers: { 'X-CSRF-Token': session.csrfToken } })
  if (answer.kind !== 'done') return answer
  return textOf(answer.body, 'logoutUrl') ?? '/'
}
