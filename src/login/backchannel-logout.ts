import { createHash } from 'node:crypto'
import { BffError } from '../errors.ts'
import type { Audit } from '../log.ts'
import type { EndedAtProvider } from '../session/ended-at-provider.ts'
import { providerSessionTag, subjectTag } from '../session/record.ts'
import type { Sessions } from '../session/sessions.ts'
import type { SessionStore } from '../stores/store.ts'
import type { Endpoint } from '../web.ts'
import type { LogoutClaims } from './id-token.ts'

export interface BackchannelLogoutOptions {
  readonly issuer: string
  readonly verify: (logoutToken: string) => Promise<LogoutClaims>
  readonly sessions: Sessions
  readonly store: SessionStore
  readonly endedAtProvider: EndedAtProvider
  readonly clock: () => number
  readonly audit: Audit
}

/** A logout that was begun and not finished may be tried again after this long. */
const pendingMs = 10_000
const done = Uint8Array.of(1)
const pending = Uint8Array.of(0)

/**
 * `POST /bff/backchannel-logout` (OIDC Back-Channel Logout 1.0): the provider ends sessions by its own session id, or
 * all of a subject's. 200 means that they are closed on every node; while the store is down the answer is 503, so that
 * the provider asks again. Nobody's cookie is needed, and nothing but the signature is believed.
 */
export function backchannelLogout(options: BackchannelLogoutOptions): Endpoint {
  const { issuer, verify, sessions, store, endedAtProvider, clock, audit } = options
  return async ({ request, form, requestId, clientAddress }) => {
    if (request.method !== 'POST') throw new BffError('method_not_allowed', { allow: ['POST'] })
    const tokens = form?.getAll('logout_token') ?? []
    const [logoutToken] = tokens
    if (logoutToken === undefined || tokens.length > 1)
      throw new BffError('bad_request', { detail: 'one logout_token in a form is needed' })
    const claims = await verify(logoutToken)

    // One use per token: first marked as begun, which is forgotten soon, and for good when all is closed.
    const key = `logout:${createHash('sha256')
      .update(JSON.stringify([issuer, claims.jti]))
      .digest('base64url')}`
    const mark = await store.add(key, { value: pending, expiresAtMs: clock() + pendingMs })
    if (mark === undefined)
      throw new BffError('bad_request', {
        reason: 'a logout token that was used already',
        detail: 'the logout token was used already',
      })
    // With both, only the one session is meant (section 2.7); a subject alone means all of its sessions.
    const tag =
      claims.providerSessionId === undefined
        ? subjectTag(issuer, claims.subject ?? '')
        : providerSessionTag(issuer, claims.providerSessionId)
    let ended: number
    try {
      await endedAtProvider.mark(claims)
      ended = await sessions.closeTagged(tag, 'logout_at_provider')
      await store.replace(key, mark, done, claims.expiresAtSeconds * 1000 + 60_000)
    } catch (error) {
      await forget(store, key, mark)
      throw error
    }
    audit('logout', { requestId, clientAddress, subject: claims.subject, reason: 'logout_at_provider', ended })
    return new Response(null, { status: 200 })
  }
}

/** Lets the provider try the same token again at once. Where that fails too, the mark ends by itself. */
async function forget(store: SessionStore, key: string, mark: number): Promise<void> {
  try {
    await store.delete(key, mark)
  } catch {
    // The error that led here is the one to tell.
  }
}
