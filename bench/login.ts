import { request } from 'undici'

/** Cookies by host, as a browser keeps them. */
class Jar {
  readonly #byHost = new Map<string, Map<string, string>>()

  take(url: string, lines: readonly string[]): void {
    const cookies = this.#of(url)
    for (const line of lines) {
      const [pair = '', ...attributes] = line.split(';')
      const [name, value] = [pair.slice(0, pair.indexOf('=')).trim(), pair.slice(pair.indexOf('=') + 1).trim()]
      const isGone = value === '' || attributes.some((text) => /^\s*(max-age=0|expires=thu, 01 jan 1970)/i.test(text))
      if (isGone) cookies.delete(name)
      else cookies.set(name, value)
    }
  }

  header(url: string): string {
    return [...this.#of(url)].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  #of(url: string): Map<string, string> {
    const { host } = new URL(url)
    const known = this.#byHost.get(host) ?? new Map<string, string>()
    this.#byHost.set(host, known)
    return known
  }
}

const mostHops = 30

/**
 * A whole login without a browser: follows the redirects from `start` through the development pages of `oidc-provider`
 * at `issuer`, and gives the Cookie header for the host that it began at.
 */
export async function login(start: string, issuer: string, dispatcher?: Parameters<typeof request>[1]): Promise<string> {
  const jar = new Jar()
  let url = start
  let form: URLSearchParams | undefined
  for (let hop = 0; hop < mostHops; hop++) {
    const { statusCode, headers, body } = await request(url, {
      ...dispatcher,
      method: form === undefined ? 'GET' : 'POST',
      headers: {
        accept: 'text/html',
        cookie: jar.header(url),
        ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
      },
      body: form === undefined ? null : form.toString(),
    })
    form = undefined
    jar.take(url, [headers['set-cookie'] ?? []].flat())
    const text = await body.text()
    const action = url.startsWith(issuer) ? /<form[^>]*action="([^"]+)"/.exec(text)?.[1] : undefined
    if (statusCode >= 300 && statusCode < 400) url = new URL(String(headers['location']), url).href
    else if (action !== undefined && statusCode < 400) {
      form = fieldsOf(text)
      url = new URL(action.replaceAll('&amp;', '&'), url).href
    } else if (statusCode < 400 && !url.startsWith(issuer)) return jar.header(start)
    else throw new Error(`the login stopped at ${url}: ${statusCode} ${text.slice(0, 300)}`)
  }
  throw new Error(`more than ${mostHops} redirects from ${start}`)
}

function fieldsOf(page: string): URLSearchParams {
  const fields = new URLSearchParams()
  for (const [input] of page.matchAll(/<input[^>]*>/g)) {
    const name = /name="([^"]+)"/.exec(input)?.[1]
    if (name !== undefined) fields.set(name, /value="([^"]*)"/.exec(input)?.[1] ?? (name === 'login' ? 'ada' : 'x'))
  }
  return fields
}
