import type { ProxyRoute } from '../routes.ts'
import { keepCookies } from '../session/cookie.ts'
import { forwardedFor } from './client-address.ts'
import { normalName, remembered, requestName, responseName } from './header-names.ts'
import { readableCodings } from './compressed-scan.ts'

/** Pure: which header fields cross, in both directions, as flat lists of names and values. */

export interface Refused {
  readonly refused: string
}

/** What a request goes out with instead of what the browser said. */
export interface RequestAdditions {
  /** The whole Authorization value; `undefined` where there is no session. */
  readonly authorization: string | undefined
  /** Empty where it is not known. */
  readonly clientAddress: string
  /** Host and scheme of our origin. */
  readonly host: string
  readonly proto: string
  readonly requestId: string
  /** Our entry in Via. */
  readonly via: string
  /** Names of the browser's cookies that go along. */
  readonly cookies: ReadonlySet<string>
  readonly isOwnCookie: (name: string) => boolean
}

/**
 * The request's fields for the upstream. First goes what the client's own Connection field names, then what only we
 * may say, and only then our own fields are added: a client cannot have them removed (CVE-2026-33805).
 */
export function requestHeaders(raw: readonly string[], add: RequestAdditions): string[] | Refused {
  const named = connectionNamed(raw)
  const out: string[] = []
  let hosts = 0
  let cookie = ''
  let via = ''
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? ''
    const value = raw[i + 1] ?? ''
    const { normal, isDropped } = requestName(name)
    if (isDropped) {
      if (normal === 'host') hosts += 1
      else if (normal === 'cookie') cookie += cookie === '' ? value : `; ${value}`
      else if (normal === 'via') via = joined(via, value)
      continue
    }
    if (named !== undefined && named.has(normal)) continue
    out.push(name, normal === 'accept-encoding' ? readableEncodings(value) : value)
  }
  if (hosts > 1) return { refused: 'two Host fields' }
  if (via !== '' && via.includes(add.via.slice(add.via.indexOf(' ') + 1)))
    return { refused: 'a loop: the call came through here already' }
  if (add.cookies.size > 0 && cookie !== '') {
    const kept = keepCookies(cookie, (name) => add.cookies.has(name) && !add.isOwnCookie(name))
    if (kept !== '') out.push('cookie', kept)
  }
  out.push('forwarded', `for=${forwardedFor(add.clientAddress)};host="${add.host}";proto=${add.proto}`)
  if (add.clientAddress !== '') out.push('x-forwarded-for', add.clientAddress)
  out.push('x-forwarded-host', add.host, 'x-forwarded-proto', add.proto)
  out.push('x-request-id', add.requestId, 'via', joined(via, add.via))
  if (add.authorization !== undefined) out.push('authorization', add.authorization)
  return out
}

/** What a response's fields are judged by, beside its route. */
export interface ResponseRules {
  readonly origin: string
  readonly sessionCookieName: string
  /** Whether XSRF-TOKEN is ours. */
  readonly csrfCookie: boolean
  /** Empty where none is sent. */
  readonly strictTransportSecurity: string
}

type ResponseRoute = Pick<ProxyRoute, 'path' | 'upstreamOrigin' | 'upstreamBase' | 'cacheControl'>

/** A Connection field cannot take these away: the body would be read in another way than it was searched for tokens. */
const describesBody: ReadonlySet<string> = new Set(['content-length', 'content-type', 'content-encoding', 'content-range'])

/** The response's fields for the browser, or why the answer cannot be passed on. */
export function responseHeaders(
  texts: readonly string[],
  route: ResponseRoute,
  rules: ResponseRules,
  requestId: string,
): string[] | Refused {
  const named = connectionNamed(texts)
  const isPrivate = route.cacheControl === 'private'
  const out: string[] = []
  let cacheControl = ''
  let vary = ''
  let resourcePolicy = ''
  for (let i = 0; i + 1 < texts.length; i += 2) {
    const name = texts[i] ?? ''
    const value = texts[i + 1] ?? ''
    const { normal, isToken, isDropped, isCaching } = responseName(name)
    if (!isToken || !isSendable(value)) return { refused: 'a response field that cannot be sent on' }
    if (isDropped || (named !== undefined && named.has(normal) && !describesBody.has(normal))) continue
    if (normal === 'set-cookie' && !isForeignCookie(value, rules)) continue
    if (normal === 'www-authenticate' && marksOurs(value)) continue
    if (isPrivate && isCaching) {
      if (normal === 'cache-control') cacheControl = joined(cacheControl, value)
    } else if (normal === 'vary') vary = joined(vary, value)
    else if (normal === 'cross-origin-resource-policy') {
      if (name.toLowerCase() === normal) resourcePolicy = joined(resourcePolicy, value)
    } else if (normal === 'set-cookie') out.push(name, withoutDomain(value))
    else out.push(name, normal === 'location' || normal === 'content-location' ? ownLocation(value, route, rules.origin) : value)
  }
  if (isPrivate) out.push('cache-control', forbidsStoring(cacheControl) ? cacheControl : 'private, no-store')
  // The token was swapped for a cookie, so a shared cache's rule about Authorization no longer protects the answer.
  out.push('vary', vary !== '' && /(^|,)\s*(cookie|\*)\s*(,|$)/i.test(vary) ? vary : joined(vary, 'Cookie'))
  out.push('x-content-type-options', 'nosniff')
  // A browser takes one that is not valid for none at all.
  out.push(
    'cross-origin-resource-policy',
    resourcePolicy !== '' && /^(same-site|cross-origin)$/.test(resourcePolicy) ? resourcePolicy : 'same-origin',
  )
  if (rules.strictTransportSecurity !== '') out.push('strict-transport-security', rules.strictTransportSecurity)
  out.push('x-request-id', requestId)
  return out
}

/** Whether a request carries a body, and how long it says it is. */
export function bodyOf(raw: readonly string[]): 'none' | { readonly length: number | undefined } {
  let body: 'none' | { readonly length: number | undefined } = 'none'
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? ''
    if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') return { length: undefined }
    if (name.length === 14 && name.toLowerCase() === 'content-length') {
      const length = Number(raw[i + 1])
      if (length > 0) body = { length }
    }
  }
  return body
}

/** The fields that a Connection field names; `undefined` for the usual `keep-alive` and `close`. */
function connectionNamed(raw: readonly string[]): Set<string> | undefined {
  let named: Set<string> | undefined
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? ''
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue
    const value = raw[i + 1] ?? ''
    if (value === 'keep-alive' || value === 'close') continue
    for (const option of value.split(',')) {
      const normal = normalName(option.trim())
      if (normal !== 'keep-alive' && normal !== 'close' && normal !== '') (named ??= new Set()).add(normal)
    }
  }
  return named
}

/** Only codings whose answers can be searched for tokens are asked for. To ask for none at all would mean any. */
const readableEncodings = remembered((value) => {
  const kept = value.split(',').filter((item) => {
    const coding = (item.split(';', 1)[0] ?? '').trim().toLowerCase()
    return coding === 'identity' || readableCodings.includes(coding)
  })
  return kept.length === 0 ? 'identity' : kept.map((item) => item.trim()).join(', ')
})

/** A list field with one more value (RFC 9110 section 5.3). */
function joined(list: string, value: string): string {
  return list === '' ? value : `${list}, ${value}`
}

/** A value without controls: what Node sends without complaint (RFC 9110 section 5.5). */
function isSendable(value: string): boolean {
  return !/[^\t\x20-\x7e\x80-\xff]/.test(value)
}

/** The mark of our own 401 `session_required`. From an upstream it would have the page log in again, and repeat the call. */
function marksOurs(challenges: string): boolean {
  return /bffsession/i.test(challenges)
}

/** A cookie of the upstream's own: named, and not named like ours. */
function isForeignCookie(value: string, rules: ResponseRules): boolean {
  const pair = value.split(';', 1)[0] ?? ''
  const equals = pair.indexOf('=')
  const name = pair.slice(0, Math.max(0, equals)).trim().toLowerCase()
  // A nameless `=a=b` comes back as `a=b` in some browsers.
  if (name === '') return false
  const own = rules.sessionCookieName.toLowerCase()
  return name !== own && !name.startsWith(`${own}-login-`) && !(rules.csrfCookie && name === 'xsrf-token')
}

/** Set-Cookie for this host alone: with a Domain the upstream would speak for sibling hosts too, or for its own, which is not ours. */
function withoutDomain(value: string): string {
  if (!/;[\t ]*domain/i.test(value)) return value
  return value
    .split(';')
    .filter((part, index) => index === 0 || !/^\s*domain\s*(=|$)/i.test(part))
    .join(';')
}

/**
 * An address of the upstream under its base path, as the browser must call it; everything else unchanged, relative
 * ones too, as nginx does. Our origin stays in front: without it, `http://upstream///evil.test` would become
 * `//evil.test`, another site's address.
 */
function ownLocation(value: string, { path, upstreamOrigin, upstreamBase }: ResponseRoute, origin: string): string {
  const base = upstreamOrigin + withoutSlash(upstreamBase)
  if (!value.startsWith(base)) return value
  const tail = value.slice(base.length)
  if (tail.startsWith('/')) return origin + withoutSlash(path) + tail
  return tail === '' || tail.startsWith('?') || tail.startsWith('#') ? origin + path + tail : value
}

function withoutSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}

/**
 * Whether Cache-Control says no less than `private, no-store`: `no-store`, outside of quotes, and nothing that takes it
 * back for some caches, as must-understand does (RFC 9111 section 5.2.2.3).
 */
const forbidsStoring = remembered((cacheControl) => {
  if (!/no-store/i.test(cacheControl)) return false
  const bare = cacheControl.replace(/"(?:[^"\\]|\\.)*"?/g, '""')
  return /(^|[\s,])no-store([\s,]|$)/i.test(bare) && !/(^|[\s,])(public|s-maxage|must-understand)([\s,=]|$)/i.test(bare)
})
