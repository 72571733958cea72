import { errorTable, type BffError, type ErrorCode } from './errors.ts'
import { page, pageSecurityPolicy } from './page.ts'
import { escapeHtml } from './web.ts'

/** An error as an answer, for either lane. */
export interface ProblemAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface ProblemContext {
  readonly requestId: string
  readonly basePath: string
  /** A page load gets a page, everything else JSON. */
  readonly wantsHtml: boolean
  /** Where the login that failed was to end. */
  readonly returnTo?: string | undefined
}

/** `application/problem+json` (RFC 9457), or a small page with the same code for a page load. */
export function problemAnswer(error: BffError, context: ProblemContext): ProblemAnswer {
  const headers: Record<string, string> = { 'cache-control': 'no-store', vary: 'Accept, Cookie, Origin, Sec-Fetch-Site' }
  if (error.retryAfterSeconds !== undefined) headers['retry-after'] = String(error.retryAfterSeconds)
  if (error.allow !== undefined) headers['allow'] = error.allow.join(', ')
  if (error.code === 'session_required') headers['www-authenticate'] = 'BffSession'
  if (context.wantsHtml) {
    return {
      status: error.status,
      headers: { ...headers, ...pageHeaders },
      body: errorPage(error.code, context, context.returnTo),
    }
  }
  const problem = {
    type: `urn:coatcheck:error:${error.code}`,
    title: errorTable[error.code].title,
    status: error.status,
    code: error.code,
    ...(error.detail === undefined ? {} : { detail: error.detail }),
    ...(error.code === 'session_required' ? { login: `${context.basePath}/login` } : {}),
    requestId: context.requestId,
  }
  return {
    status: error.status,
    headers: { ...headers, 'content-type': 'application/problem+json' },
    body: JSON.stringify(problem),
  }
}

const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': pageSecurityPolicy,
  'referrer-policy': 'no-referrer',
}

/** The page of an error code: what happened in plain words, the request id, and a way on. */
export function errorPage(
  code: ErrorCode,
  context: Pick<ProblemContext, 'requestId' | 'basePath'>,
  returnTo: string | undefined,
): string {
  const loginUrl = `${context.basePath}/login${returnTo === undefined ? '' : `?returnTo=${encodeURIComponent(returnTo)}`}`
  const links =
    code === 'session_required' ||
    code === 'login_failed' ||
    code === 'too_many_requests' ||
    code === 'provider_unavailable' ||
    code === 'store_unavailable'
  return page(
    errorTable[code].title,
    `<h1>${escapeHtml(errorTable[code].title)}</h1>
<p>${escapeHtml(advice[code] ?? 'Go back and try again. If it keeps happening, tell the people who run this site.')}</p>
${links ? `<p><a class="button" href="${escapeHtml(loginUrl)}">Try again</a> <a href="/">To the start page</a></p>` : '<p><a class="button" href="/">To the start page</a></p>'}
<p class="small">Code <code>${code}</code> · request <code>${escapeHtml(context.requestId)}</code></p>`,
  )
}

const advice: Partial<Record<ErrorCode, string>> = {
  login_failed: 'Nothing was changed. You can try again; if it keeps happening, tell the people who run this site.',
  session_required: 'You are not logged in, or your session has ended.',
  provider_unavailable: 'Your session, if you have one, is kept. Try again in a moment.',
  store_unavailable: 'Your session, if you have one, is kept. Try again in a moment.',
  forbidden: 'Your account does not have the permission for this.',
  login_needs_navigation: 'Open the page itself to log in.',
  too_many_requests: 'Wait a little and try again.',
  csrf_failed: 'Open the application in a tab of its own and try again from there.',
}
