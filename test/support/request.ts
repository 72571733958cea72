import type { Browser } from './browser.ts'
import { allows } from './cors.ts'
import { exchange, values, type BrowserExchange } from './exchange.ts'
import type { Page } from './page.ts'
import { isTrustworthy, originField, refererField, secFetchSite, type Initiator } from './site.ts'

/** What kind of request it is, as Fetch and Fetch Metadata name it. */
export interface Kind {
  readonly mode: 'navigate' | 'cors' | 'no-cors' | 'websocket'
  readonly dest: string
  readonly isTopLevel: boolean
  readonly userActivated: boolean
  readonly credentials: 'same-origin' | 'include' | 'omit'
  readonly headers: readonly (readonly [string, string])[]
  /** Whether the answer's body is waited for. */
  readonly streams?: boolean
}

/** One request before it is sent. */
export interface Asking {
  readonly url: URL
  readonly method: string
  readonly body?: string | Uint8Array | undefined
  readonly initiator: Initiator
}

export const documentHeaders = [
  ['Upgrade-Insecure-Requests', '1'],
  ['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'],
] as const
export const navigation: Kind = {
  mode: 'navigate',
  dest: 'document',
  isTopLevel: true,
  userActivated: true,
  credentials: 'include',
  headers: documentHeaders,
}
export const maxHops = 20

/** One request and its redirects; the Sec-Fetch-Site of each hop looks back over the whole chain. */
export async function follow(browser: Browser, page: Page | undefined, asking: Asking, kind: Kind): Promise<BrowserExchange[]> {
  const chain: URL[] = []
  const hops: BrowserExchange[] = []
  let { url, method, body } = asking
  // A page of another origin, named by the test, has no policy of its own.
  let asker = isPageOf(page, asking.initiator) ? page : undefined
  for (;;) {
    chain.push(url)
    const answer = await ask(browser, asker, { url, method, body, initiator: asking.initiator }, kind, chain)
    hops.push(answer)
    // Referrer Policy section 8.2: a redirect may change the policy for what follows it.
    const policy = values(answer.headers, 'referrer-policy').at(-1)
    if (policy !== undefined && asker !== undefined) asker = { ...asker, referrerPolicy: policy }
    const [location] = values(answer.headers, 'location')
    if (location === undefined || ![301, 302, 303, 307, 308].includes(answer.status)) {
      if (kind.streams !== true) await answer.end
      return hops
    }
    await answer.end
    if (hops.length > maxHops) throw new Error(`too many redirects: ${hops.map((hop) => hop.url.href).join(' -> ')}`)
    const { hash } = url
    url = new URL(location, url)
    if (url.hash === '') url.hash = hash
    if (answer.status === 303 || (answer.status < 303 && method === 'POST')) {
      if (method !== 'HEAD') method = 'GET'
      body = undefined
    }
  }
}

async function ask(
  browser: Browser,
  page: Page | undefined,
  asking: Asking,
  kind: Kind,
  chain: readonly URL[],
): Promise<BrowserExchange> {
  const { url, method, initiator } = asking
  const policy = page?.referrerPolicy ?? 'strict-origin-when-cross-origin'
  const headers: (readonly [string, string])[] = [
    ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'],
  ]
  headers.push(...kind.headers.filter(([name]) => asking.body !== undefined || name !== 'Content-Type'))
  const isTop = kind.isTopLevel
  const top = isTop ? undefined : initiator === 'none' || initiator === 'opaque' ? 'https://opaque.invalid' : initiator.origin
  const context = { url, method, initiator, isTopLevel: isTop, top }
  if (browser.options.fetchMetadata !== false && isTrustworthy(url)) {
    headers.push(
      ['Sec-Fetch-Site', secFetchSite({ initiator, chain })],
      ['Sec-Fetch-Mode', kind.mode],
      ['Sec-Fetch-Dest', kind.dest],
    )
    if (kind.userActivated && kind.mode === 'navigate') headers.push(['Sec-Fetch-User', '?1'])
  }
  const origin = originField({ initiator, chain }, method, kind.mode, policy)
  if (origin !== undefined) headers.push(['Origin', origin])
  const referer =
    initiator === 'none' || initiator === 'opaque' ? undefined : refererField(page?.url ?? new URL(initiator.origin), url, policy)
  if (referer !== undefined) headers.push(['Referer', referer])
  const sameOrigin = initiator === 'none' || (initiator !== 'opaque' && chain.every((hop) => hop.origin === initiator.origin))
  const withCookies = kind.credentials === 'include' || (kind.credentials === 'same-origin' && sameOrigin)
  const cookie = withCookies ? browser.jar.header(context) : undefined
  if (cookie !== undefined) headers.push(['Cookie', cookie])
  const answer = await exchange({ url, port: browser.port(url), method, headers, body: asking.body, agent: browser.agent })
  browser.exchanges.push(answer)
  if (withCookies) for (const header of values(answer.headers, 'set-cookie')) browser.jar.set(header, context)
  if (withCookies && values(answer.headers, 'clear-site-data').some((value) => /"(cookies|\*)"/.test(value)))
    browser.jar.clear(url.hostname)
  return answer
}

/** Asks a foreign origin whether a request that is not simple may be sent (Fetch, "CORS-preflight fetch"). */
export async function preflight(
  browser: Browser,
  page: Page | undefined,
  url: URL,
  method: string,
  headers: Map<string, string>,
  initiator: Initiator,
): Promise<void> {
  const names = [...headers.keys()].map((name) => name.toLowerCase()).toSorted()
  const asked: [string, string][] = [
    ['Access-Control-Request-Method', method],
    ['Access-Control-Request-Headers', names.join(',')],
  ]
  const kind: Kind = {
    mode: 'cors',
    dest: 'empty',
    isTopLevel: false,
    userActivated: false,
    credentials: 'omit',
    headers: asked,
  }
  const answer = await ask(browser, page, { url, method: 'OPTIONS', initiator }, kind, [url])
  await answer.end
  if (!allows(answer, initiator) || answer.status >= 300)
    throw new TypeError(`CORS: ${method} ${url.href} was not approved (${answer.status})`)
}

function isPageOf(page: Page | undefined, initiator: Initiator): boolean {
  if (page === undefined || initiator === 'none') return false
  if (initiator === 'opaque' || page.initiator === 'opaque' || page.initiator === 'none') return initiator === page.initiator
  return page.initiator.origin === initiator.origin
}
