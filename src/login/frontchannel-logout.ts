import { BffError } from '../errors.ts'
import type { Audit } from '../log.ts'
import { page, pageSecurityPolicy } from '../page.ts'
import { providerSessionTag } from '../session/record.ts'
import type { Sessions } from '../session/sessions.ts'
import { html, type Endpoint } from '../web.ts'

export interface FrontchannelLogoutOptions {
  readonly issuer: string
  readonly sessions: Sessions
  readonly audit: Audit
}

/** A sid of a provider is far shorter; what is longer is never looked up. */
const longestSid = 512

/**
 * `GET /bff/frontchannel-logout?iss=...&sid=...` (OIDC Front-Channel Logout 1.0 section 2): the provider's logout page
 * loads it in a frame, where browsers show no Strict cookie, so the session is found by `sid`. The call is not signed: it
 * ends sessions of exactly that `iss` and `sid`, revokes nothing at the provider, and does nothing with one of the two.
 * 503 while the store is down, never a logout that did not happen.
 */
export function frontchannelLogout({ issuer, sessions, audit }: FrontchannelLogoutOptions): Endpoint {
  const provider = new URL(issuer).origin
  const headers = {
    'content-security-policy': pageSecurityPolicy.replace("frame-ancestors 'none'", `frame-ancestors ${provider}`),
  }
  return async ({ request, url, requestId, clientAddress }) => {
    if (request.method !== 'GET') throw new BffError('method_not_allowed', { allow: ['GET'] })
    const [iss, sid] = [only(url, 'iss'), only(url, 'sid')]
    if (iss === undefined || sid === undefined || sid.length > longestSid)
      throw new BffError('bad_request', { detail: 'one iss and one sid are needed' })
    const ended = iss === issuer ? await sessions.closeTagged(providerSessionTag(issuer, sid), 'logout_at_provider') : 0
    if (ended > 0) audit('logout', { requestId, clientAddress, reason: 'logout_at_provider', channel: 'front', ended })
    // The same answer whether there was such a session: nobody learns from it which ones there are.
    return html(200, page('Logged out', '<p>Done.</p>'), headers)
  }
}

/** A parameter that is there once and says something. */
function only(url: URL, name: string): string | undefined {
  const [value, another] = url.searchParams.getAll(name)
  return value === '' || another !== undefined ? undefined : value
}
