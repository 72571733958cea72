import { BffError } from '../errors.ts'
import type { Audit } from '../log.ts'
import type { MaybePromise } from '../stores/store.ts'
import { json, seeOther, type Endpoint } from '../web.ts'
import type { SessionCookie } from './cookies.ts'
import type { Session, SessionTokens } from './session.ts'
import type { Sessions } from './sessions.ts'

export interface LogoutOptions {
  readonly sessions: Sessions
  readonly sessionOf: (request: Request) => MaybePromise<Session | undefined>
  readonly sessionCookie: SessionCookie
  readonly postLogoutPath: string
  readonly clearSiteData: boolean
  /** The provider's logout URL; `undefined` where it has none. */
  readonly logoutUrl: (tokens: SessionTokens) => string | undefined
  /** Revokes a refresh token, retried in the background; resolves after the first try or a bounded wait. */
  readonly revoke: (refreshToken: string) => Promise<void>
  readonly audit: Audit
}

/**
 * `POST /bff/logout`. The session is closed in the store first: whatever happens afterwards, its cookie is worth
 * nothing any more. Where the store cannot do that the answer is 503 and the cookie stays: a logout is never claimed.
 */
export function logout(options: LogoutOptions): Endpoint {
  const { sessions, sessionOf, sessionCookie, postLogoutPath, audit } = options
  return async ({ request, requestId, clientAddress }) => {
    if (request.method !== 'POST') throw new BffError('method_not_allowed', { allow: ['POST'] })
    // A request from another site comes without the Strict cookie: it must not make the browser drop anything.
    if (sessionCookie.read(request.headers.get('cookie') ?? undefined).kind === 'none') return goTo(request, postLogoutPath)
    const session = await sessionOf(request)
    let location = postLogoutPath
    if (session !== undefined) {
      await sessions.close(session.key, 'logout')
      audit('logout', { requestId, clientAddress, subject: session.meta.subject, reason: 'logout' })
      if (session.tokens.refreshToken !== undefined) await options.revoke(session.tokens.refreshToken)
      location = options.logoutUrl(session.tokens) ?? postLogoutPath
    }
    const headers: Record<string, string> = options.clearSiteData ? { 'clear-site-data': '"cache", "storage"' } : {}
    return goTo(request, location, sessionCookie.cleared(), headers)
  }
}

function goTo(
  request: Request,
  location: string,
  cookies: readonly string[] = [],
  headers: Readonly<Record<string, string>> = {},
): Response {
  return isNavigation(request) ? seeOther(location, cookies, headers) : json({ logoutUrl: location }, cookies, headers)
}

/** A form post of the page itself is sent on; a fetch gets the address to go to. */
function isNavigation({ headers }: Request): boolean {
  const mode = headers.get('sec-fetch-mode')
  if (mode !== null) return mode === 'navigate'
  return (headers.get('accept') ?? '').includes('text/html')
}
