import { BffError } from '../errors.ts'
import type { MaybePromise } from '../stores/store.ts'
import { json, type Endpoint } from '../web.ts'
import type { SessionCookie } from './cookies.ts'
import type { Session } from './session.ts'
import { sessionView } from './session-view.ts'

export interface SessionEndpointOptions {
  readonly sessionOf: (request: Request) => MaybePromise<Session | undefined>
  readonly csrfTokenOf: (session: Session) => string
  readonly sessionCookie: SessionCookie
}

/**
 * `GET /bff/session`: whether there is a session and whose. It never slides the idle timer: a page that polls must not
 * keep alive a session that nobody uses (NIST SP 800-63B section 5.2).
 */
export function sessionEndpoint({ sessionOf, csrfTokenOf, sessionCookie }: SessionEndpointOptions): Endpoint {
  return async ({ request }) => {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      throw new BffError('method_not_allowed', { allow: ['GET', 'HEAD'] })
    const session = await sessionOf(request)
    if (session === undefined) return json({ authenticated: false })
    const csrfToken = csrfTokenOf(session)
    return json({ authenticated: true, ...sessionView(session, csrfToken) }, sessionCookie.csrfWritten(csrfToken))
  }
}
