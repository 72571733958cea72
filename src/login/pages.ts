import { createHash } from 'node:crypto'
import { BffError, errorTable, type ErrorCode } from '../errors.ts'
import { page, pageSecurityPolicy } from '../page.ts'
import { errorPage } from '../problem.ts'
import type { Session } from '../session/session.ts'
import type { MaybePromise } from '../stores/store.ts'
import { escapeHtml, html, seeOther, type Endpoint, type WebCall } from '../web.ts'
import { readReturnTo } from './return-to.ts'

const pageHeaders = { 'content-security-policy': pageSecurityPolicy, 'referrer-policy': 'no-referrer' }

/**
 * `GET /bff/landing`: a page without any code in its address that goes on to the app by itself. That hop is
 * same-origin, so a Strict cookie goes with it.
 */
export const landing: Endpoint = async ({ request, url }) => {
  if (request.method !== 'GET') throw new BffError('method_not_allowed', { allow: ['GET'] })
  const returnTo = readReturnTo(url.searchParams.get('returnTo'))
  const link = escapeHtml(returnTo)
  const body = page('Logging you in', `<p>You are logged in. <a href="${link}">Continue</a></p>`)
  return html(200, body, { ...pageHeaders, refresh: `0; url=${returnTo}` })
}

/** Tells the app's other pages, by name only, that there is news, on the channel of this base path; then the window goes. */
const popupScript = "new BroadcastChannel('coatcheck'+location.pathname.slice(0,-11)).postMessage('login');close()"
const popupPolicy = `${pageSecurityPolicy}; script-src 'sha256-${createHash('sha256').update(popupScript).digest('base64')}'`

/**
 * `GET /bff/popup-done`: where a login in a window of its own ends. It takes no parameter, leads nowhere and knows no
 * code: the callback answered with a redirect before. A BroadcastChannel also crosses `Cross-Origin-Opener-Policy`.
 */
export const popupDone: Endpoint = async ({ request }) => {
  if (request.method !== 'GET') throw new BffError('method_not_allowed', { allow: ['GET'] })
  const body = page('Logged in', `<p>You are logged in. You can close this window.</p>\n<script>${popupScript}</script>`)
  return html(200, body, { ...pageHeaders, 'content-security-policy': popupPolicy })
}

/** The codes a failed login can end with. */
const shownCodes: ReadonlySet<string> = new Set<ErrorCode>([
  'login_failed',
  'provider_unavailable',
  'store_unavailable',
  'bad_request',
  'internal_error',
  'too_many_requests',
])

/** `GET /bff/error?code=...`: a plain page with a link to try again, or the app where the browser is logged in already. */
export function loginError(basePath: string, sessionOf: (request: Request) => MaybePromise<Session | undefined>): Endpoint {
  return async (call) => {
    const { request, url } = call
    if (request.method !== 'GET') throw new BffError('method_not_allowed', { allow: ['GET'] })
    const asked = url.searchParams.get('code') ?? ''
    const code = shownCodes.has(asked) ? (asked as ErrorCode) : 'login_failed'
    const returnTo = readReturnTo(url.searchParams.get('returnTo'))
    if (code === 'login_failed' && (await isLoggedIn(call, sessionOf))) return seeOther(returnTo)
    const { status } = errorTable[code]
    const headers: Record<string, string> = { ...pageHeaders }
    if (status === 503 || status === 429) headers['retry-after'] = '5'
    // Arrived by a redirect from another site, the browser kept a Strict cookie back: one same-origin hop shows it.
    if (request.headers.get('sec-fetch-site') === 'cross-site' && !url.searchParams.has('again')) {
      const again = new URL(url)
      again.searchParams.set('again', '1')
      headers['refresh'] = `0; url=${again.pathname}${again.search}`
    }
    return html(
      status,
      errorPage(code, { requestId: call.requestId, basePath }, returnTo === '/' ? undefined : returnTo),
      headers,
    )
  }
}

async function isLoggedIn(
  { request }: WebCall,
  sessionOf: (request: Request) => MaybePromise<Session | undefined>,
): Promise<boolean> {
  try {
    return (await sessionOf(request)) !== undefined
  } catch {
    return false
  }
}
