import { BffError } from '../errors.ts'
import type { LoginCookies } from '../session/cookies.ts'
import { seeOther, type Endpoint } from '../web.ts'
import type { Provider } from './provider.ts'
import { isOverlong, readReturnTo } from './return-to.ts'
import type { Transactions } from './transaction.ts'

export interface LoginStartOptions {
  readonly provider: Provider
  readonly transactions: Transactions
  readonly cookies: LoginCookies
  /** What a link may set, by its name in the link. */
  readonly parameters: readonly LoginParameter[]
  /** The store key of the session that the request's cookie names, if it names one. */
  readonly sessionKeyOf: (request: Request) => string | undefined
  /** Counts the request; rejects with `too_many_requests`. */
  readonly limit: (clientAddress: string) => Promise<void>
}

/** Parameters of a login link, and what they become in the authorization request (OIDC Core section 3.1.2.1). */
const loginParameters = {
  prompt: {
    name: 'prompt',
    valid: /^(none|(login|consent|select_account|create)( (login|consent|select_account|create)){0,3})$/,
  },
  loginHint: { name: 'login_hint', valid: /^[^\p{C}]{1,256}$/u },
  acrValues: { name: 'acr_values', valid: /^[\x21-\x7e]+( [\x21-\x7e]+){0,9}$/ },
  maxAge: { name: 'max_age', valid: /^\d{1,9}$/ },
  uiLocales: { name: 'ui_locales', valid: /^[A-Za-z0-9-]{1,35}( [A-Za-z0-9-]{1,35}){0,9}$/ },
} as const

export type LoginParameter = keyof typeof loginParameters

/**
 * `GET /bff/login`: makes a transaction, sealed in a cookie of this browser, and sends it to the provider. Only a page
 * navigation does; a fetch, a frame, an image or a prefetch would pile up transactions that nobody finishes.
 */
export function loginStart({ provider, transactions, cookies, parameters, sessionKeyOf, limit }: LoginStartOptions): Endpoint {
  return async ({ request, url, clientAddress }) => {
    await limit(clientAddress)
    if (request.method !== 'GET') throw new BffError('method_not_allowed', { allow: ['GET'] })
    const notNavigation = whyNotNavigation(request.headers)
    if (notNavigation !== undefined) throw new BffError('login_needs_navigation', { reason: notNavigation })
    const transaction = transactions.begin({
      returnTo: readReturnToOf(url),
      parameters: readParameters(url, parameters),
      replaces: sessionKeyOf(request),
    })
    const location = await provider.authorizationUrl(transaction)
    const cookieHeader = request.headers.get('cookie') ?? undefined
    const name = cookies.newName(cookieHeader)
    const outdated = cookies.outdated(cookieHeader, (value, of) => transactions.open(value, of)?.startedAtMs)
    return seeOther(location.href, [
      ...outdated.map((old) => cookies.cleared(old)),
      cookies.written(name, transactions.seal(transaction, name)),
    ])
  }
}

/** A request without Fetch Metadata counts as a navigation: old browsers must be able to log in. */
function whyNotNavigation(headers: Headers): string | undefined {
  const mode = headers.get('sec-fetch-mode')
  if (mode !== null && mode !== 'navigate') return 'Sec-Fetch-Mode is not navigate'
  const destination = headers.get('sec-fetch-dest')
  if (destination !== null && destination !== 'document') return 'Sec-Fetch-Dest is not document'
  const purpose = `${headers.get('sec-purpose') ?? ''} ${headers.get('purpose') ?? ''} ${headers.get('x-moz') ?? ''}`
  return /prefetch|prerender|preview/i.test(purpose) ? 'a prefetch' : undefined
}

function readReturnToOf(url: URL): string {
  const values = url.searchParams.getAll('returnTo')
  if (values.length > 1) throw new BffError('bad_request', { detail: 'returnTo is given more than once' })
  const [value] = values
  if (value !== undefined && isOverlong(value)) throw new BffError('bad_request', { detail: 'returnTo is too long' })
  return readReturnTo(value)
}

function readParameters(url: URL, allowed: readonly LoginParameter[]): Record<string, string> {
  const parameters: Record<string, string> = {}
  for (const key of allowed) {
    const values = url.searchParams.getAll(key)
    const [value] = values
    if (value === undefined) continue
    const { name, valid } = loginParameters[key]
    if (values.length > 1 || !valid.test(value)) throw new BffError('bad_request', { detail: `${key} is not valid` })
    parameters[name] = value
  }
  return parameters
}
