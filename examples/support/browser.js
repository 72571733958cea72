import { request as httpRequest } from 'node:http'

/**
 * As much of a browser as a test needs: cookies by host, redirects, forms and Fetch Metadata. No scripts.
 * It uses node:http, because fetch sets Sec-Fetch-Mode itself.
 */
export class Browser {
  /** Every answer so far, so that a test can search them all. */
  answers = []
  #cookies = new Map()

  /** A page navigation: follows redirects and Refresh until a page comes. */
  async navigate(url, init = {}) {
    let next = url
    let nextInit = init
    let site = 'none'
    for (let hop = 0; hop < 20; hop++) {
      const metadata = {
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
        'sec-fetch-site': site,
      }
      const answer = await this.#send(next, { ...nextInit, headers: { accept: 'text/html', ...metadata, ...nextInit.headers } })
      const refresh = /url=(.+)$/i.exec(answer.headers.refresh ?? '')?.[1]
      const location = answer.headers.location ?? refresh
      if (location === undefined) return answer
      const target = new URL(location, next)
      // A Refresh is a navigation of the page that it stands in; a redirect goes on with what was before it.
      site = refresh !== undefined && target.origin === new URL(next).origin ? 'same-origin' : 'cross-site'
      next = target.href
      nextInit = {}
    }
    throw new Error(`too many redirects from ${url}`)
  }

  /** Posts a form of the page at this address. */
  submit(url, fields) {
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'sec-fetch-site': 'same-origin',
      origin: new URL(url).origin,
    }
    return this.navigate(url, { method: 'POST', headers, body: new URLSearchParams(fields).toString() })
  }

  /** What a script of the page's own origin gets from fetch, redirects not followed. */
  fetch(url, init = {}) {
    const metadata = { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', 'sec-fetch-site': 'same-origin' }
    return this.#send(url, { ...init, headers: { ...metadata, origin: new URL(url).origin, ...init.headers } })
  }

  /** Goes to the login, picks a user of the local provider, and comes back to the app. */
  async logIn(origin, sub, returnTo = '/') {
    const signIn = await this.navigate(`${origin}/bff/login?returnTo=${encodeURIComponent(returnTo)}`)
    if (!signIn.text.includes('Who are you today?')) throw new Error(`no sign-in page at ${signIn.url}: ${signIn.text}`)
    return this.submit(signIn.url, { sub })
  }

  /** The Cookie field for a host. */
  cookieOf(hostname) {
    const cookies = [...this.#cookies.values()].filter(({ host }) => host === hostname)
    return cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
  }

  async #send(url, { method = 'GET', headers = {}, body }) {
    const { hostname } = new URL(url)
    const cookie = this.cookieOf(hostname)
    const answer = await new Promise((resolve, reject) => {
      const sent = { ...headers, ...(cookie !== '' && { cookie }) }
      const request = httpRequest(url, { method, agent: false, headers: sent }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk) => (text += chunk))
        response.on('error', reject)
        response.on('end', () => resolve({ url, status: response.statusCode, headers: response.headers, text }))
      })
      request.on('error', reject)
      request.end(body)
    })
    for (const line of answer.headers['set-cookie'] ?? []) this.#keep(hostname, line)
    this.answers.push(answer)
    return answer
  }

  #keep(host, line) {
    const [pair, ...attributes] = line.split(';').map((part) => part.trim())
    const name = pair.slice(0, pair.indexOf('='))
    const value = pair.slice(pair.indexOf('=') + 1)
    const isOver = value === '' || attributes.some((text) => /^(expires=thu, 01 jan 1970|max-age=0$)/i.test(text))
    // The two providers' cookies of one host differ in their path; a test that needs both keeps both.
    const path = attributes.find((text) => /^path=/i.test(text)) ?? ''
    if (isOver) this.#cookies.delete(`${host} ${name} ${path}`)
    else this.#cookies.set(`${host} ${name} ${path}`, { host, name, value })
  }
}
