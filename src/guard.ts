/** Where a request goes, as far as the guard cares. */
export type Zone =
  /** Coatcheck's own endpoints for scripts and forms: session, logout and so on. */
  | 'endpoint'
  /** Proxied calls. */
  | 'proxied'

/** What the guard judges: facts of one request that carries a session cookie. */
export interface GuardedRequest {
  readonly method: string
  readonly zone: Zone
  /** A WebSocket handshake. */
  readonly isUpgrade: boolean
  readonly header: (name: string) => string | undefined
  /** The form field `_csrf` of Coatcheck's own endpoints. */
  readonly formToken?: string | undefined
}

export interface GuardRules {
  readonly origin: string
  readonly mode: 'token' | 'header' | 'origin'
  readonly sameSite: 'strict' | 'lax'
}

/**
 * Cross-site request forgery: `undefined` where the request proves that this application made it, else the reason for
 * 403 `csrf_failed`. Asked for every request that comes with a session cookie, before anything is read from the store.
 *
 * The first check is Fetch Metadata, which no page can forge; it stops a sibling subdomain too, which SameSite=Strict
 * does not (RFC 10017 section 6.1.3.3). Do not let a missing header count as a good one: without Sec-Fetch-Site an
 * unsafe method needs the Origin. On top comes the mode's own proof. The content type plays no part: every decision
 * that depended on it has been bypassed (CVE-2023-29003, CVE-2024-56140).
 */
export function guard(
  request: GuardedRequest,
  rules: GuardRules,
  isCsrfToken: (presented: string) => boolean,
): string | undefined {
  return originProblem(request, rules) ?? proofProblem(request, rules, isCsrfToken)
}

function originProblem(request: GuardedRequest, rules: GuardRules): string | undefined {
  const { method, header, isUpgrade } = request
  const origin = header('origin')
  if (isUpgrade && origin !== rules.origin) return 'the WebSocket handshake has another Origin or none'
  const unsafe = !isSafe(method)
  const site = header('sec-fetch-site')
  // A page with Referrer-Policy no-referrer posts its logout form with Origin null; Fetch Metadata vouches for it then.
  const isHidden = request.zone === 'endpoint' && origin === 'null' && site === 'same-origin'
  if (unsafe && origin !== undefined && origin !== rules.origin && !isHidden) return 'another Origin'
  if (site === undefined) return unsafe && origin === undefined ? 'neither Sec-Fetch-Site nor Origin' : undefined
  if (site === 'same-origin') return undefined
  if (isUpgrade || !isTopLevelNavigation(method, header)) return 'Sec-Fetch-Site is not same-origin'
  if (site === 'none') return undefined
  return request.zone === 'proxied' && rules.sameSite === 'lax' ? undefined : 'a navigation from another site'
}

function proofProblem(
  request: GuardedRequest,
  rules: GuardRules,
  isCsrfToken: (presented: string) => boolean,
): string | undefined {
  const { method, header, zone, isUpgrade } = request
  if (isUpgrade || rules.mode === 'origin') return undefined
  const presented = header('x-csrf-token') ?? header('x-xsrf-token') ?? (zone === 'endpoint' ? request.formToken : undefined)
  if (rules.mode === 'header') {
    if (header('x-csrf') === '1' || (zone === 'endpoint' && isSafe(method))) return undefined
    // A form cannot send a header: Coatcheck's own endpoints take the token there instead.
    return zone === 'endpoint' && presented !== undefined && isCsrfToken(presented) ? undefined : 'no X-CSRF: 1'
  }
  if (isSafe(method)) return undefined
  if (presented === undefined) return 'no CSRF token'
  return isCsrfToken(presented) ? undefined : 'a wrong CSRF token'
}

/** RFC 9110 section 9.2.1, less TRACE, which is allowed nowhere. */
export function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
}

/** A top-level page load, as Fetch Metadata tells it. */
export function isTopLevelNavigation(method: string, header: (name: string) => string | undefined): boolean {
  const destination = header('sec-fetch-dest')
  return (
    (method === 'GET' || method === 'HEAD') &&
    header('sec-fetch-mode') === 'navigate' &&
    (destination === undefined || destination === 'document')
  )
}
