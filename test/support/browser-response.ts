import type { BrowserExchange } from './exchange.ts'
import { values } from './exchange.ts'

/** What a page, or the user, has in hand after a request. */
export class BrowserResponse {
  readonly #last: BrowserExchange
  /** Every answer on the way, the last one included. */
  readonly hops: readonly BrowserExchange[]
  /** Whether script of the asking page could read it (CORS). */
  readonly readable: boolean
  readonly complete: boolean

  constructor(hops: readonly BrowserExchange[], complete: boolean, readable = true) {
    const last = hops.at(-1)
    if (last === undefined) throw new Error('a response has at least one answer')
    this.#last = last
    this.hops = hops
    this.readable = readable
    this.complete = complete
  }

  get url(): string {
    return this.#last.url.href
  }

  get status(): number {
    return this.#last.status
  }

  get head(): string {
    return this.#last.head
  }

  get body(): Buffer {
    return this.#last.body
  }

  get text(): string {
    return this.#last.body.toString()
  }

  /** The body as a JSON object. */
  object(): Record<string, unknown> {
    const parsed: unknown = JSON.parse(this.text)
    if (typeof parsed !== 'object' || parsed === null) throw new Error(`not a JSON object: ${this.text.slice(0, 200)}`)
    return { ...parsed }
  }

  header(name: string): string | undefined {
    const found = values(this.#last.headers, name.toLowerCase())
    return found.length === 0 ? undefined : found.join(', ')
  }

  get setCookies(): string[] {
    return values(this.#last.headers, 'set-cookie')
  }

  /** The answer of a hop as a response of its own. */
  hop(index: number): BrowserResponse {
    return new BrowserResponse(this.hops.slice(0, index < 0 ? this.hops.length + index + 1 : index + 1), true)
  }

  /** The first answer from this path. */
  at(path: string): BrowserResponse {
    const index = this.hops.findIndex((hop) => hop.url.pathname === path)
    if (index < 0)
      throw new Error(`nothing was asked at ${path}; asked were ${this.hops.map((hop) => hop.url.pathname).join(', ')}`)
    return this.hop(index)
  }
}
