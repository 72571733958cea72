/** Cookies as text: reading a Cookie header, writing Set-Cookie. Pure. */

export interface CookieAttributes {
  readonly httpOnly: boolean
  readonly secure: boolean
  readonly sameSite: 'Strict' | 'Lax' | 'None'
  readonly maxAgeSeconds?: number
}

export type CookieReading =
  | { readonly kind: 'none' }
  | { readonly kind: 'one'; readonly value: string }
  | { readonly kind: 'many' }

const none: CookieReading = { kind: 'none' }
const many: CookieReading = { kind: 'many' }

/** The session cookie's name. A browser drops a prefixed cookie on plain http, so there it has no prefix. */
export function cookieName(config: { origin: string; session: { cookie: { name?: string | undefined } } }): string {
  return config.session.cookie.name ?? (config.origin.startsWith('https:') ? '__Host-Http-coatcheck' : 'coatcheck')
}

/** The one cookie of that name. Two are never a choice between them: somebody planted one. */
export function readCookie(header: string | undefined, name: string): CookieReading {
  if (header === undefined) return none
  let found = none
  for (let at = header.indexOf(name); at !== -1; at = header.indexOf(name, at + name.length)) {
    const value = valueAt(header, at, at + name.length)
    if (value === undefined) continue
    if (found !== none) return many
    found = { kind: 'one', value }
  }
  return found
}

/** Cookies whose name is the prefix and up to ten digits. */
export function readCookiesByPrefix(header: string | undefined, prefix: string): { name: string; value: string }[] {
  const cookies: { name: string; value: string }[] = []
  for (const [name, value] of pairs(header)) {
    if (name.startsWith(prefix) && /^\d{1,10}$/.test(name.slice(prefix.length))) cookies.push({ name, value })
  }
  return cookies
}

/** The cookies an upstream may see, well formed; empty where there are none. */
export function keepCookies(header: string, isKept: (name: string) => boolean): string {
  let kept = ''
  for (const [name, value] of pairs(header)) if (isKept(name)) kept += `${kept === '' ? '' : '; '}${name}=${value}`
  return kept
}

/** 32 bytes in base64url, in the one way that encodes them. */
export function isSessionId(value: string): boolean {
  return /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/.test(value)
}

/** A Set-Cookie value for this host alone: Path=/, no Domain (RFC 6265bis section 4.1.3.2). */
export function setCookie(name: string, value: string, attributes: CookieAttributes): string {
  const parts = [`${name}=${value}`, 'Path=/']
  if (attributes.maxAgeSeconds !== undefined) parts.push(`Max-Age=${attributes.maxAgeSeconds}`)
  if (attributes.httpOnly) parts.push('HttpOnly')
  if (attributes.secure) parts.push('Secure')
  parts.push(`SameSite=${attributes.sameSite}`)
  return parts.join('; ')
}

/** The value of a cookie whose name stands at [start, end), if a cookie begins there. */
function valueAt(header: string, start: number, end: number): string | undefined {
  let before = start - 1
  while (before >= 0 && isBlank(header.charCodeAt(before))) before -= 1
  if (before >= 0 && header[before] !== ';') return undefined
  if (header[end] !== '=') return undefined
  const semicolon = header.indexOf(';', end)
  return slice(header, end + 1, semicolon === -1 ? header.length : semicolon)
}

function* pairs(header: string | undefined): Generator<[name: string, value: string]> {
  if (header === undefined) return
  for (const part of header.split(';')) {
    const equals = part.indexOf('=')
    if (equals > 0) yield [slice(part, 0, equals), slice(part, equals + 1, part.length)]
  }
}

/** Without the blanks around it. Unlike `trim`, which takes bytes of other characters for blanks, as RFC 6265 does. */
function slice(text: string, start: number, end: number): string {
  let [from, to] = [start, end]
  while (from < to && isBlank(text.charCodeAt(from))) from += 1
  while (from < to && isBlank(text.charCodeAt(to - 1))) to -= 1
  return text.slice(from, to)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
