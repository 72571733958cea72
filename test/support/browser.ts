import { Agent } from 'node:http'
import { CookieJar } from './cookie-jar.ts'
import type { BrowserExchange } from './exchange.ts'
import { Tab, type FetchOptions } from './tab.ts'
import { BrowserResponse } from './browser-response.ts'

export interface BrowserOptions {
  /** Epoch milliseconds, for the expiry of cookies. */
  readonly now?: () => number
  /** Ports on loopback by origin; addresses on 127.0.0.1 and localhost need no entry. */
  readonly hosts?: ReadonlyMap<string, number>
  /** The app a relative address belongs to. */
  readonly home: string
  /** `false` for a browser from before Fetch Metadata (Safari under 16.4). */
  readonly fetchMetadata?: boolean
  readonly basePath?: string
  /** The app's `csrf.mode`; with `header` the page's own requests to the session endpoint carry `X-CSRF: 1`. */
  readonly csrfMode?: 'token' | 'header' | 'origin'
}

/** A browser without a browser: cookies, navigations, fetches and what they tell the server, as Chromium does it. */
export class Browser {
  readonly jar: CookieJar
  readonly agent = new Agent({ keepAlive: true })
  readonly options: BrowserOptions
  /** Everything that was ever asked and answered, for the search for secrets. */
  readonly exchanges: BrowserExchange[] = []
  /** Messages that came over WebSockets. */
  readonly messages: string[] = []
  readonly tabs: Tab[] = []
  readonly hosts: Map<string, number>

  constructor(options: BrowserOptions) {
    this.options = options
    this.jar = new CookieJar(options.now ?? Date.now)
    this.hosts = new Map(options.hosts)
  }

  /** The first tab; made at first use. */
  get tab(): Tab {
    return this.tabs[0] ?? this.newTab()
  }

  newTab(): Tab {
    const tab = new Tab(this)
    this.tabs.push(tab)
    return tab
  }

  /** Types an address into the first tab. */
  navigate(url: string): Promise<BrowserResponse> {
    return this.tab.navigate(url)
  }

  /** A fetch by the app's own page. */
  fetch(url: string, options: FetchOptions = {}): Promise<BrowserResponse> {
    return this.tab.fetch(url, { from: this.options.home, ...options })
  }

  /** Logs in the way a page of the app does it: a link to the login endpoint. */
  login(app: { readonly url: string } = { url: this.options.home }, returnTo = '/'): Promise<BrowserResponse> {
    const login = new URL(`${this.options.basePath ?? '/bff'}/login`, app.url)
    login.searchParams.set('returnTo', returnTo)
    return this.tab.click(login.href, app.url)
  }

  /** What GET /bff/session says. */
  async session(): Promise<Record<string, unknown>> {
    const headers = this.options.csrfMode === 'header' ? { 'X-CSRF': '1' } : {}
    const response = await this.fetch(`${this.options.basePath ?? '/bff'}/session`, { headers })
    if (response.status !== 200) throw new Error(`the session endpoint answered ${response.status}: ${response.text}`)
    return response.object()
  }

  /** The port behind an address. */
  port(url: URL): number {
    const mapped = this.hosts.get(url.origin.replace(/^ws/, 'http'))
    if (mapped !== undefined) return mapped
    if (!/^(localhost|127\.0\.0\.1)$/.test(url.hostname)) throw new Error(`nothing answers at ${url.href}`)
    return Number(url.port)
  }

  /** Another browser with a copy of the cookies: what a thief would have. */
  copy(): Browser {
    const thief = new Browser({ ...this.options, hosts: this.hosts })
    for (const cookie of this.jar.all()) thief.jar.plant(cookie)
    return thief
  }

  close(): void {
    for (const tab of this.tabs) tab.close()
    this.agent.destroy()
  }
}
