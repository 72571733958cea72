import { BffError } from './errors.ts'
import { guard, isTopLevelNavigation, type GuardRules } from './guard.ts'
import { describeError, type Audit } from './log.ts'
import { callbackHeaders } from './login/callback.ts'
import { readReturnTo } from './login/return-to.ts'
import { problemAnswer } from './problem.ts'
import type { Metrics } from './metrics.ts'
import { endpointOf, type EndpointName } from './routes.ts'
import type { SessionCookie } from './session/cookies.ts'
import type { Endpoint, WebCall } from './web.ts'

export interface EndpointsOptions {
  readonly basePath: string
  readonly strictTransportSecurity: string
  readonly endpoints: Readonly<Partial<Record<EndpointName, Endpoint>>>
  readonly guardRules: GuardRules
  readonly sessionCookie: SessionCookie
  readonly isCsrfToken: (sessionId: string, presented: string) => boolean
  readonly audit: Audit
  readonly metrics: Metrics
}

/** The endpoints that prove by other means where they were called from: by their state, or by having no effect. */
const withoutGuard: ReadonlySet<EndpointName> = new Set([
  'login',
  'callback',
  'landing',
  'popup-done',
  'error',
  'backchannel-logout',
  'frontchannel-logout',
])

/** The web lane: Coatcheck's own endpoints, `Request` in, `Response` out, nothing cached. Never rejects. */
export class Endpoints {
  readonly #options: EndpointsOptions

  constructor(options: EndpointsOptions) {
    this.#options = options
  }

  async answer(call: Omit<WebCall, 'form'>): Promise<Response> {
    const name = endpointOf(call.url.pathname, this.#options.basePath)
    let response: Response
    try {
      response = await this.#run(name, call)
    } catch (error) {
      response = this.refuse(call, BffError.from(error), error)
    }
    if (name === 'callback') for (const [key, value] of Object.entries(callbackHeaders)) response.headers.set(key, value)
    return this.#finish(response, call.requestId)
  }

  /** The answer for an error; logs the reason once. */
  refuse(call: Omit<WebCall, 'form'>, error: BffError, thrown: unknown): Response {
    const { request, requestId, log, url } = call
    this.#options.metrics.refused(error.code)
    const line = { requestId, method: request.method, path: url.pathname, code: error.code, reason: error.reason ?? error.detail }
    if (error.status >= 500) log.error({ ...line, error: describeError(thrown) }, 'request failed')
    else if (error.code !== 'csrf_failed')
      log.warn(error.cause === undefined ? line : { ...line, error: describeError(error.cause) }, 'request refused')
    const wantsHtml = wantsPage(request.method, (name) => request.headers.get(name) ?? undefined)
    const { status, headers, body } = problemAnswer(error, {
      requestId,
      basePath: this.#options.basePath,
      wantsHtml,
      returnTo: returnToOf(url),
    })
    return new Response(body, { status, headers })
  }

  async #run(name: EndpointName | 'unknown' | undefined, call: Omit<WebCall, 'form'>): Promise<Response> {
    const endpoint = name === undefined || name === 'unknown' ? undefined : this.#options.endpoints[name]
    if (name === undefined || name === 'unknown' || endpoint === undefined) throw new BffError('not_found')
    const form = await readForm(call.request)
    if (!withoutGuard.has(name)) this.#guard(name, call, form)
    return endpoint({ ...call, form })
  }

  #guard(
    name: EndpointName,
    { request, requestId, clientAddress, url }: Omit<WebCall, 'form'>,
    form: URLSearchParams | undefined,
  ): void {
    const { guardRules, sessionCookie, isCsrfToken, audit } = this.#options
    const presented = sessionCookie.read(request.headers.get('cookie') ?? undefined)
    const { headers } = request
    // A form of another site comes without the Strict cookie; it must not reach the logout for that reason.
    const isForeign = name === 'logout' && request.method === 'POST' && (headers.has('origin') || headers.has('sec-fetch-site'))
    if (presented.kind === 'none' && !isForeign) return
    const tokens = form?.getAll('_csrf') ?? []
    const refused = guard(
      {
        method: request.method,
        zone: 'endpoint',
        isUpgrade: false,
        header: (field) => headers.get(field) ?? undefined,
        formToken: tokens.length === 1 ? tokens[0] : undefined,
      },
      presented.kind === 'none' ? { ...guardRules, mode: 'origin' } : guardRules,
      (token) => presented.kind === 'one' && isCsrfToken(presented.id, token),
    )
    if (refused === undefined) return
    audit('csrf_refused', { requestId, clientAddress, method: request.method, path: url.pathname, reason: refused })
    throw new BffError('csrf_failed', { reason: refused })
  }

  #finish(response: Response, requestId: string): Response {
    const { headers } = response
    const defaults: Record<string, string> = {
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      vary: 'Cookie, Origin, Sec-Fetch-Site',
    }
    for (const [name, value] of Object.entries(defaults)) if (!headers.has(name)) headers.set(name, value)
    headers.set('x-request-id', requestId)
    if (this.#options.strictTransportSecurity !== '')
      headers.set('strict-transport-security', this.#options.strictTransportSecurity)
    return response
  }
}

/** The page of a failed login leads back to where it was to end. */
function returnToOf(url: URL): string | undefined {
  const returnTo = readReturnTo(url.searchParams.get('returnTo'))
  return returnTo === '/' ? undefined : returnTo
}

/**
 * The head of the redirect to the login, for a page load that needs a session; `undefined` for everything else, which gets 401.
 * A prefetch is not sent there either: it must not begin a login.
 */
export function loginRedirect(
  request: { readonly method: string; readonly target: string; readonly header: (name: string) => string | undefined },
  basePath: string,
): Record<string, string> | undefined {
  const { method, target, header } = request
  const isPrefetch = /prefetch|prerender/i.test(`${header('sec-purpose') ?? ''} ${header('purpose') ?? ''}`)
  if ((method !== 'GET' && method !== 'HEAD') || isPrefetch || !wantsPage(method, header)) return undefined
  return {
    location: `${basePath}/login?returnTo=${encodeURIComponent(target)}`,
    'cache-control': 'no-store',
    vary: 'Cookie, Sec-Fetch-Mode, Accept',
    'content-length': '0',
  }
}

/** A page load gets pages; fetch, images and the like get JSON. Without Fetch Metadata, Accept tells. */
export function wantsPage(method: string, header: (name: string) => string | undefined): boolean {
  if (header('sec-fetch-mode') !== undefined) return isTopLevelNavigation(method, header) || isFormPost(method, header)
  return (method === 'GET' || method === 'HEAD' || method === 'POST') && (header('accept') ?? '').includes('text/html')
}

function isFormPost(method: string, header: (name: string) => string | undefined): boolean {
  return method === 'POST' && header('sec-fetch-mode') === 'navigate' && header('sec-fetch-dest') === 'document'
}

async function readForm(request: Request): Promise<URLSearchParams | undefined> {
  if (request.method === 'GET' || request.method === 'HEAD') return undefined
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase()
  return type === 'application/x-www-form-urlencoded' ? new URLSearchParams(await request.text()) : undefined
}
