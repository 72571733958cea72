import { request as httpRequest } from 'node:http'

/** An answer, read whole. */
export interface Answer {
  readonly url: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

export interface BrowserRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/**
 * Follows links and submits forms as a browser does, with cookies by host and path and with Fetch Metadata, but without
 * scripts. node:http, because fetch sets Sec-Fetch-Mode itself.
 */
export class CookieBrowser {
  readonly #cookies = new Map<string, { host: string; path: string; name: string; value: string }>()

  /** A page navigation: follows redirects, Refresh included, until a page comes or a URL starts with `until`. */
  async navigate(url: string, until?: string, init: BrowserRequest = {}): Promise<Answer> {
    let next = url
    let nextInit = init
    for (let hop = 0; hop < 20; hop++) {
      if (until !== undefined && next.startsWith(until)) return { url: next, status: 0, headers: new Headers(), text: '' }
      const metadata = {
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
        'sec-fetch-site': hop === 0 ? 'none' : 'cross-site',
      }
      const answer = await this.#send(next, { ...nextInit, headers: { accept: 'text/html', ...metadata, ...nextInit.headers } })
      const location = answer.headers.get('location') ?? /url=(.+)$/i.exec(answer.headers.get('refresh') ?? '')?.[1]
      if (location === undefined) return answer
      next = new URL(location, next).href
      nextInit = {}
    }
    throw new Error(`too many redirects from ${url}`)
  }

  /** Sends a form of the page at the URL back to where it came from. */
  submit(url: string, fields: Readonly<Record<string, string>>, until?: string): Promise<Answer> {
    return this.navigate(url, until, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'sec-fetch-site': 'same-origin',
        origin: new URL(url).origin,
      },
      body: new URLSearchParams(fields).toString(),
    })
  }

  /** What a script of the same origin gets from fetch, redirects not followed. */
  fetch(url: string, init: BrowserRequest = {}): Promise<Answer> {
    const metadata = { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', 'sec-fetch-site': 'same-origin' }
    return this.#send(url, { ...init, headers: { ...metadata, origin: new URL(url).origin, ...init.headers } })
  }

  async #send(url: string, { method = 'GET', headers = {}, body }: BrowserRequest): Promise<Answer> {
    const { hostname, pathname } = new URL(url)
    const cookie = [...this.#cookies.values()]
      .filter(
        (c) => c.host === hostname && (pathname === c.path || pathname.startsWith(c.path.endsWith('/') ? c.path : `${c.path}/`)),
      )
      .map((c) => `${c.name}=${c.value}`)
      .join('; ')
    const answer = await new Promise<Answer>((resolve, reject) => {
      const request = httpRequest(
        url,
        { method, agent: false, headers: { ...headers, ...(cookie !== '' && { cookie }) } },
        (response) => {
          const received = new Headers()
          for (const [name, values] of Object.entries(response.headersDistinct))
            for (const value of values ?? []) received.append(name, value)
          let text = ''
          response.setEncoding('utf8')
          response.on('data', (chunk) => (text += String(chunk)))
          response.on('end', () => resolve({ url, status: response.statusCode ?? 0, headers: received, text }))
          response.on('error', reject)
        },
      )
      request.on('error', reject)
      request.end(body)
    })
    for (const line of answer.headers.getSetCookie()) this.#keep(hostname, line)
    return answer
  }

  #keep(host: string, line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
    const name = pair.slice(0, pair.indexOf('='))
    const value = pair.slice(pair.indexOf('=') + 1)
    const path = attributes.find((a) => /^path=/i.test(a))?.slice(5) ?? '/'
    const key = `${host} ${path} ${name}`
    if (value === '' || attributes.some((a) => /^(expires=Thu, 01 Jan 1970|max-age=0$)/i.test(a))) this.#cookies.delete(key)
    else this.#cookies.set(key, { host, path, name, value })
  }
}
