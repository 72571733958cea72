import { isSameSite, isTrustworthy, type Initiator } from './site.ts'

export interface Cookie {
  readonly name: string
  readonly value: string
  readonly domain: string
  readonly hostOnly: boolean
  readonly path: string
  readonly secure: boolean
  readonly httpOnly: boolean
  readonly sameSite: 'strict' | 'lax' | 'none' | 'default'
  /** Epoch milliseconds; `undefined` for a session cookie. */
  readonly expiresAtMs: number | undefined
  readonly createdAtMs: number
}

/** What decides which cookies go along (RFC 6265bis section 5.2). */
export interface CookieContext {
  readonly url: URL
  readonly method: string
  readonly initiator: Initiator
  /** A navigation of the tab itself, not of a frame in it. */
  readonly isTopLevel: boolean
  /** The origin of the page in the tab; `undefined` where the tab itself navigates. */
  readonly top: string | undefined
}

/** A cookie that the browser dropped, and the rule it broke. */
export interface Refusal {
  readonly header: string
  readonly rule: string
}

const laxByDefaultGraceMs = 120_000

/** The cookies of one browser, with the rules of RFC 6265bis and the `__Host-Http-` prefix of layered cookies. */
export class CookieJar {
  readonly #now: () => number
  #cookies: Cookie[] = []
  readonly refused: Refusal[] = []
  /** Every value a server ever set, with the cookie's name. */
  readonly seen = new Map<string, string>()

  constructor(now: () => number) {
    this.#now = now
  }

  /** The live cookies, oldest first. */
  all(): readonly Cookie[] {
    const now = this.#now()
    this.#cookies = this.#cookies.filter((cookie) => cookie.expiresAtMs === undefined || cookie.expiresAtMs > now)
    return this.#cookies
  }

  get(name: string): Cookie | undefined {
    return this.all().find((cookie) => cookie.name === name)
  }

  /** Puts a cookie there without any rule, as an attacker with a foothold might. */
  plant(cookie: Pick<Cookie, 'name' | 'value' | 'domain'> & Partial<Cookie>): void {
    const defaults = {
      hostOnly: true,
      path: '/',
      secure: true,
      httpOnly: true,
      sameSite: 'lax',
      expiresAtMs: undefined,
      createdAtMs: this.#now(),
    } as const
    this.#store({ ...defaults, ...cookie })
  }

  clear(host?: string): void {
    this.#cookies = host === undefined ? [] : this.#cookies.filter((cookie) => !domainMatches(cookie, host))
  }

  /** The Cookie field, or `undefined` where no cookie goes along. */
  header(context: CookieContext): string | undefined {
    const sameSite = sameSiteContext(context)
    const { url } = context
    const fitting = this.all().filter((cookie) => {
      if (!domainMatches(cookie, url.hostname) || !pathMatches(cookie.path, url.pathname)) return false
      if (cookie.secure && !isTrustworthy(url)) return false
      if (cookie.sameSite === 'none' || sameSite === 'strict') return true
      if (cookie.sameSite === 'strict') return false
      if (sameSite === 'lax') return true
      // Chromium's two minutes in which a cookie without SameSite goes along with a cross-site form.
      const isYoung = this.#now() - cookie.createdAtMs < laxByDefaultGraceMs
      return sameSite === 'lax-unsafe' && cookie.sameSite === 'default' && isYoung
    })
    fitting.sort((a, b) => b.path.length - a.path.length || a.createdAtMs - b.createdAtMs)
    return fitting.length === 0 ? undefined : fitting.map((cookie) => `${cookie.name}=${cookie.value}`).join('; ')
  }

  /** Takes a Set-Cookie field, or drops it by the rules. */
  set(header: string, context: CookieContext): void {
    const cookie = parseSetCookie(header, context.url, this.#now())
    const rule = typeof cookie === 'string' ? cookie : brokenRule(cookie, context)
    if (typeof cookie === 'string' || rule !== undefined) return void this.refused.push({ header, rule: rule ?? 'unreadable' })
    if (cookie.value !== '') this.seen.set(cookie.value, cookie.name)
    this.#store(cookie)
  }

  #store(cookie: Cookie): void {
    const old = this.#cookies.find((c) => c.name === cookie.name && c.domain === cookie.domain && c.path === cookie.path)
    this.#cookies = this.#cookies.filter((c) => c !== old)
    this.#cookies.push(old === undefined ? cookie : { ...cookie, createdAtMs: old.createdAtMs })
    this.all()
  }
}

/** How close the request is to the site it goes to. */
function sameSiteContext({ url, method, initiator, isTopLevel, top }: CookieContext): 'strict' | 'lax' | 'lax-unsafe' | 'cross' {
  const near = (origin: string) => isSameSite(origin, url.origin.replace(/^ws/, 'http'))
  const initiatorIsNear = initiator === 'none' || (initiator !== 'opaque' && near(initiator.origin))
  if (isTopLevel) {
    if (initiatorIsNear) return 'strict'
    return method === 'GET' || method === 'HEAD' ? 'lax' : 'lax-unsafe'
  }
  return initiatorIsNear && (top === undefined || near(top)) ? 'strict' : 'cross'
}

function parseSetCookie(header: string, url: URL, nowMs: number): Cookie | string {
  const [pair = '', ...attributes] = header.split(';')
  const equals = pair.indexOf('=')
  const name = equals < 0 ? '' : pair.slice(0, equals).trim()
  const value = pair.slice(equals + 1).trim()
  if (name === '' && value === '') return 'name and value are empty'
  if (/[\0-\x08\x0a-\x1f\x7f]/.test(header)) return 'control characters'
  if (name.length + value.length > 4096) return 'name and value are over 4096 octets'
  const named = new Map<string, string>()
  for (const attribute of attributes) {
    const [key = '', ...rest] = attribute.split('=')
    named.set(key.trim().toLowerCase(), rest.join('=').trim())
  }
  const domain = (named.get('domain') ?? '').replace(/^\./, '').toLowerCase()
  const maxAge = named.get('max-age')
  const expires = named.get('expires')
  const expiresAtMs =
    maxAge !== undefined && /^-?\d+$/.test(maxAge)
      ? nowMs + Number(maxAge) * 1000
      : expires === undefined
        ? undefined
        : Date.parse(expires)
  const path = named.get('path') ?? ''
  const sameSite = named.get('samesite')?.toLowerCase()
  return {
    name,
    value,
    domain: domain === '' ? url.hostname : domain,
    hostOnly: domain === '',
    path: path.startsWith('/') ? path : url.pathname.replace(/\/[^/]*$/, '') || '/',
    secure: named.has('secure'),
    httpOnly: named.has('httponly'),
    sameSite: sameSite === 'strict' || sameSite === 'lax' || sameSite === 'none' ? sameSite : 'default',
    expiresAtMs,
    createdAtMs: nowMs,
  }
}

/** The rule the cookie breaks (RFC 6265bis section 5.7 and the prefixes of section 4.1.3), or `undefined`. */
function brokenRule(cookie: Cookie, context: CookieContext): string | undefined {
  const { url } = context
  const lower = cookie.name.toLowerCase()
  const isHttps = url.protocol === 'https:'
  if (!cookie.hostOnly && !(url.hostname === cookie.domain || url.hostname.endsWith(`.${cookie.domain}`)))
    return 'Domain is not of this host'
  if (cookie.secure && !isTrustworthy(url)) return 'Secure from an insecure address'
  if (cookie.sameSite === 'none' && !cookie.secure) return 'SameSite=None without Secure'
  const isHost = lower.startsWith('__host-')
  const isHttp = lower.startsWith('__http-') || lower.startsWith('__host-http-')
  // Prefixes ask for https itself; loopback does not help.
  if ((isHost || isHttp || lower.startsWith('__secure-')) && (!cookie.secure || !isHttps))
    return 'a prefixed name without Secure over https'
  if (isHost && (!cookie.hostOnly || cookie.path !== '/')) return '__Host- with Domain or another Path'
  if (isHttp && !cookie.httpOnly) return '__Http- without HttpOnly'
  if (cookie.sameSite !== 'none' && !context.isTopLevel && sameSiteContext(context) === 'cross')
    return 'SameSite on a cross-site answer'
  return undefined
}

function domainMatches(cookie: Cookie, host: string): boolean {
  return host === cookie.domain || (!cookie.hostOnly && host.endsWith(`.${cookie.domain}`))
}

function pathMatches(cookiePath: string, path: string): boolean {
  if (path === cookiePath) return true
  return path.startsWith(cookiePath) && (cookiePath.endsWith('/') || path[cookiePath.length] === '/')
}
