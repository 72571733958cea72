/**
 * Who asks: a real origin, `none` where the user typed or chose the address (no page is behind it), or `opaque` for a
 * sandboxed page, which is same-site with nothing.
 */
export type Initiator = { readonly origin: string } | 'none' | 'opaque'

/** Where a request comes from and which addresses it has gone through; the last one is where it goes now. */
export interface RequestPath {
  readonly initiator: Initiator
  readonly chain: readonly URL[]
}

/** The registrable domain for the names tests use: the last two labels; addresses and single labels stand for themselves. */
export function siteOf(origin: string): string {
  const { protocol, hostname } = new URL(origin)
  const isAddress = /^[\d.]+$/.test(hostname) || hostname.startsWith('[')
  return `${protocol}//${isAddress ? hostname : hostname.split('.').slice(-2).join('.')}`
}

/** Schemefully same-site (HTML, "same site"). */
export function isSameSite(a: string, b: string): boolean {
  return siteOf(a) === siteOf(b)
}

/** Whether a browser treats the address as secure though it may be plain http (Secure Contexts section 3.1). */
export function isTrustworthy(url: URL): boolean {
  return url.protocol === 'https:' || url.protocol === 'wss:' || isLoopback(url.hostname)
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127(\.\d+){3}$/.test(host)
}

/** `Sec-Fetch-Site` over the whole chain of redirects (Fetch Metadata section 2.3). */
export function secFetchSite({ initiator, chain }: RequestPath): 'none' | 'same-origin' | 'same-site' | 'cross-site' {
  if (initiator === 'none') return 'none'
  if (initiator === 'opaque') return 'cross-site'
  if (chain.every((url) => url.origin === initiator.origin)) return 'same-origin'
  return chain.every((url) => isSameSite(url.origin, initiator.origin)) ? 'same-site' : 'cross-site'
}

/**
 * The `Origin` field, or `undefined` where none is sent (Fetch, "append a request `Origin` header"): with every cors
 * or WebSocket request that leaves the origin, and with every unsafe method.
 */
export function originField(path: RequestPath, method: string, mode: string, referrerPolicy: string): string | undefined {
  const { initiator, chain } = path
  const target = chain.at(-1)
  if (target === undefined) throw new Error('a request goes somewhere')
  const isSafe = method === 'GET' || method === 'HEAD'
  const crossOrigin = initiator === 'opaque' || (initiator !== 'none' && initiator.origin !== target.origin)
  const always = mode === 'websocket' || (mode === 'cors' && crossOrigin)
  if (isSafe && !always) return undefined
  // A form that the user sends again by hand has no page behind it; browsers write null then.
  if (initiator === 'none' || initiator === 'opaque' || isTainted(initiator.origin, chain)) return 'null'
  if (mode !== 'cors' && mode !== 'websocket') {
    if (referrerPolicy === 'no-referrer' || (referrerPolicy === 'same-origin' && crossOrigin)) return 'null'
    if (initiator.origin.startsWith('https:') && target.protocol === 'http:') return 'null'
  }
  return initiator.origin
}

/** The `Referer` field under the policies tests meet (Referrer Policy section 8.3). */
export function refererField(documentUrl: URL | undefined, target: URL, policy: string): string | undefined {
  if (documentUrl === undefined || policy === 'no-referrer') return undefined
  const isSame = documentUrl.origin === target.origin
  if (policy === 'same-origin' && !isSame) return undefined
  if (documentUrl.protocol === 'https:' && target.protocol === 'http:') return undefined
  const whole = isSame && policy !== 'origin' && policy !== 'strict-origin'
  return whole ? `${documentUrl.origin}${documentUrl.pathname}${documentUrl.search}` : `${documentUrl.origin}/`
}

// Fetch, "redirect-tainted origin": a foreign server that passes the request on is answerable for it.
function isTainted(origin: string, chain: readonly URL[]): boolean {
  return chain.some((url, index) => {
    const next = chain[index + 1]
    return next !== undefined && next.origin !== url.origin && url.origin !== origin
  })
}
