import { WebSocket } from 'ws'
import type { Browser } from './browser.ts'
import { BrowserResponse } from './browser-response.ts'
import { allows, isSimple } from './cors.ts'
import { EventStream } from './event-stream.ts'
import type { BrowserExchange } from './exchange.ts'
import { pageOf, readForm, refreshTarget, type Page } from './page.ts'
import { documentHeaders, follow, maxHops, navigation, preflight, type Asking, type Kind } from './request.ts'
import type { Initiator } from './site.ts'

export interface FetchOptions {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string | Uint8Array
  /** `true` asks the session endpoint for the token first and sends it; `header` sends `X-CSRF: 1`. */
  readonly csrf?: boolean | 'header'
  readonly credentials?: 'same-origin' | 'include' | 'omit'
  readonly mode?: 'cors' | 'no-cors'
  /** The origin of the page that asks; the page in the tab by default. */
  readonly from?: string
}

/** Kinds of requests that a page causes without script. */
export type Destination = 'image' | 'script' | 'iframe' | 'prefetch' | 'style'

/** One tab: a page, and what can be done from it. */
export class Tab {
  readonly #browser: Browser
  readonly #open = new Set<BrowserExchange | WebSocket>()
  readonly #history: { url: URL; initiator: Initiator }[] = []
  page: Page | undefined

  constructor(browser: Browser) {
    this.#browser = browser
  }

  /** The address bar. */
  get url(): string {
    return this.page?.url.href ?? 'about:blank'
  }

  /** An address the user types, or a bookmark: no page is behind it. */
  navigate(url: string): Promise<BrowserResponse> {
    return this.#visit({ url: this.#resolve(url), method: 'GET', initiator: 'none' })
  }

  /** A link on the page in this tab, or on a page of another origin. */
  click(url: string, from?: string): Promise<BrowserResponse> {
    return this.#visit({ url: this.#resolve(url), method: 'GET', initiator: this.#initiator(from) })
  }

  /** A form on a page. Text goes as it is, with the given content type. */
  submit(
    url: string,
    fields: Record<string, string> | string,
    options: { readonly from?: string; readonly contentType?: string } = {},
  ): Promise<BrowserResponse> {
    const body = typeof fields === 'string' ? fields : new URLSearchParams(fields).toString()
    const type = options.contentType ?? 'application/x-www-form-urlencoded'
    return this.#visit({ url: this.#resolve(url), method: 'POST', body, initiator: this.#initiator(options.from) }, [
      ['Content-Type', type],
    ])
  }

  /** Presses the button of the page's form, as a user does at a login page. */
  async submitForm(): Promise<BrowserResponse> {
    const { page } = this
    const form = page === undefined ? undefined : readForm(page)
    if (page === undefined || form === undefined)
      throw new Error(`there is no form on ${this.url}: ${page?.text.slice(0, 300) ?? ''}`)
    if (form.method === 'GET') {
      form.action.search = form.fields.toString()
      return this.#visit({ url: form.action, method: 'GET', initiator: page.initiator })
    }
    const type: readonly [string, string] = ['Content-Type', 'application/x-www-form-urlencoded']
    return this.#visit({ url: form.action, method: 'POST', body: form.fields.toString(), initiator: page.initiator }, [type])
  }

  /** The back button: the page before is asked for again, the way it was asked for then. */
  back(): Promise<BrowserResponse> {
    this.#history.pop()
    const before = this.#history.pop()
    if (before === undefined) throw new Error('there is no page before this one')
    return this.#visit({ ...before, method: 'GET' })
  }

  reload(): Promise<BrowserResponse> {
    const here = this.#history.pop()
    if (here === undefined) throw new Error('there is no page to load again')
    return this.#visit({ ...here, method: 'GET' })
  }

  /** A fetch by script. A foreign origin needs an approving preflight for anything that is not simple. */
  async fetch(url: string, options: FetchOptions = {}): Promise<BrowserResponse> {
    const target = this.#resolve(url)
    const initiator = this.#initiator(options.from)
    const method = options.method ?? 'GET'
    const headers = new Map(Object.entries(options.headers ?? {}))
    if (options.csrf === true) headers.set('X-CSRF-Token', String((await this.#browser.session())['csrfToken']))
    if (options.csrf === 'header') headers.set('X-CSRF', '1')
    if (typeof options.body === 'string' && ![...headers.keys()].some((name) => name.toLowerCase() === 'content-type'))
      headers.set('Content-Type', 'text/plain;charset=UTF-8')
    const crossOrigin = initiator === 'opaque' || (initiator !== 'none' && initiator.origin !== target.origin)
    const mode = options.mode ?? 'cors'
    if (crossOrigin && mode === 'cors' && !isSimple(method, headers))
      await preflight(this.#browser, this.page, target, method, headers, initiator)
    const kind: Kind = {
      mode,
      dest: 'empty',
      isTopLevel: false,
      userActivated: false,
      credentials: options.credentials ?? 'same-origin',
      headers: [['Accept', '*/*'], ...headers],
    }
    const hops = await this.#follow({ url: target, method, body: options.body, initiator }, kind)
    const last = hops.at(-1)
    const complete = (await last?.end) ?? false
    return new BrowserResponse(hops, complete, !crossOrigin || allows(last, initiator))
  }

  /** A stream by script (EventSource); ends with the tab. */
  async stream(
    url: string,
    options: { readonly from?: string; readonly headers?: Record<string, string> } = {},
  ): Promise<EventStream> {
    const headers = Object.entries({ Accept: 'text/event-stream', 'Cache-Control': 'no-cache', ...options.headers })
    const kind: Kind = {
      mode: 'cors',
      dest: 'empty',
      isTopLevel: false,
      userActivated: false,
      credentials: 'same-origin',
      headers,
      streams: true,
    }
    const hops = await this.#follow(
      { url: this.#resolve(url), method: 'GET', initiator: this.#initiator(options.from ?? this.#browser.options.home) },
      kind,
    )
    const last = hops.at(-1)
    if (last === undefined) throw new Error('there was no answer')
    this.#open.add(last)
    return new EventStream(last)
  }

  /** What a page of `from` loads without script. */
  async load(url: string, destination: Destination, from?: string): Promise<BrowserResponse> {
    const isPage = destination === 'iframe' || destination === 'prefetch'
    const kind: Kind = {
      mode: isPage ? 'navigate' : 'no-cors',
      dest: destination === 'prefetch' ? 'document' : destination,
      isTopLevel: destination === 'prefetch',
      userActivated: false,
      credentials: 'include',
      headers:
        destination === 'prefetch'
          ? [...documentHeaders, ['Sec-Purpose', 'prefetch']]
          : isPage
            ? documentHeaders
            : [['Accept', '*/*']],
    }
    const initiator = this.#initiator(from)
    const hops = await this.#follow({ url: this.#resolve(url), method: 'GET', initiator }, kind)
    return new BrowserResponse(hops, (await hops.at(-1)?.end) ?? false, false)
  }

  /** A WebSocket by script. Rejects with the status where the handshake is refused. */
  webSocket(url: string, options: { readonly from?: string; readonly protocols?: string[] } = {}): Promise<WebSocket> {
    const target = this.#resolve(url)
    const initiator = this.#initiator(options.from)
    const page = target.origin
    target.protocol = target.protocol.replace('http', 'ws')
    const top = initiator === 'none' || initiator === 'opaque' ? page : initiator.origin
    const cookie = this.#browser.jar.header({
      url: new URL(target.href.replace(/^ws/, 'http')),
      method: 'GET',
      initiator,
      isTopLevel: false,
      top,
    })
    const origin = initiator === 'none' || initiator === 'opaque' ? 'null' : initiator.origin
    const headers = { Host: target.host, Origin: origin, ...(cookie === undefined ? {} : { Cookie: cookie }) }
    const dialled = new URL(target.pathname + target.search, `ws://127.0.0.1:${this.#browser.port(target)}`)
    return new Promise((resolve, reject) => {
      const webSocket = new WebSocket(dialled, options.protocols ?? [], { headers })
      this.#open.add(webSocket)
      webSocket.on('message', (data) => this.#browser.messages.push(Buffer.isBuffer(data) ? data.toString() : ''))
      webSocket.on('open', () => resolve(webSocket))
      webSocket.on('error', reject)
    })
  }

  close(): void {
    for (const open of this.#open) {
      if (open instanceof WebSocket) open.terminate()
      else open.abort()
    }
  }

  #resolve(url: string): URL {
    return new URL(url, this.#browser.options.home)
  }

  #initiator(from: string | undefined): Initiator {
    return from === undefined
      ? (this.page?.initiator ?? { origin: new URL(this.#browser.options.home).origin })
      : { origin: new URL(from).origin }
  }

  async #visit(asking: Asking, headers: readonly (readonly [string, string])[] = []): Promise<BrowserResponse> {
    const hops: BrowserExchange[] = []
    let next: Asking | undefined = asking
    let kind: Kind = { ...navigation, headers: [...documentHeaders, ...headers] }
    let complete = true
    while (next !== undefined) {
      if (hops.length > maxHops) throw new Error(`going round in circles: ${hops.map((hop) => hop.url.href).join(' -> ')}`)
      const answers: BrowserExchange[] = await this.#follow(next, kind)
      hops.push(...answers)
      const last = answers.at(-1)
      if (last === undefined) break
      complete = await last.end
      // 204 and 205 leave the page where it is.
      if (last.status === 204 || last.status === 205) break
      const page = pageOf(last)
      const refresh = refreshTarget(last)
      this.page = page
      kind = { ...navigation, userActivated: false }
      const form = readForm(page)
      if (refresh !== undefined) next = { url: refresh, method: 'GET', initiator: page.initiator }
      else if (form?.submitsItself === true) {
        next = { url: form.action, method: form.method, body: form.fields.toString(), initiator: page.initiator }
        kind = { ...kind, headers: [...documentHeaders, ['Content-Type', 'application/x-www-form-urlencoded']] }
      } else {
        this.#history.push({ url: last.url, initiator: next.initiator })
        next = undefined
      }
    }
    return new BrowserResponse(hops, complete)
  }

  #follow(asking: Asking, kind: Kind): Promise<BrowserExchange[]> {
    return follow(this.#browser, this.page, asking, kind)
  }
}
