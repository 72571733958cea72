import { attackerUser, originOf, type Places } from './places.ts'
import { send, type Answer } from './wire.ts'

const mostSteps = 12

/** The attacker's own browser, as far as a login needs one: cookies by host, and redirects followed. */
export class Journey {
  readonly #cookies = new Map<string, Map<string, string>>()
  readonly #places: Places

  constructor(places: Places) {
    this.#places = places
  }

  /** What this browser would send to a host. */
  cookiesFor(url: string): string {
    return [...(this.#cookies.get(new URL(url).host) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  /** Logs in at a bank as the attacker, who is a customer too, and stops before the callback, whose address it gives. */
  async loginUpToCallback(bank: string): Promise<string> {
    const callback = `${originOf(this.#places, bank)}/bff/callback`
    let url = `${originOf(this.#places, bank)}/bff/login`
    for (let step = 0; step < mostSteps; step += 1) {
      const isForm = new URL(url).pathname.startsWith('/sign-in/')
      const answer = await this.#ask(url, isForm ? `sub=${attackerUser}` : undefined)
      const location = answer.headers['location']
      if (location === undefined) throw new Error(`${url} answered ${answer.status} and leads nowhere`)
      url = new URL(location, url).href
      if (url.startsWith(callback)) return url
    }
    throw new Error('the login does not come to an end')
  }

  /** Logs in to the end. */
  async login(bank: string): Promise<void> {
    await this.#ask(await this.loginUpToCallback(bank))
  }

  async #ask(url: string, form?: string): Promise<Answer> {
    const cookie = this.cookiesFor(url)
    const answer = await send(url, {
      method: form === undefined ? 'GET' : 'POST',
      headers: {
        ...(cookie !== '' && { cookie }),
        ...(form !== undefined && {
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': String(Buffer.byteLength(form)),
        }),
      },
      ...(form !== undefined && { body: form }),
    })
    const { host } = new URL(url)
    const jar = this.#cookies.get(host) ?? new Map<string, string>()
    this.#cookies.set(host, jar)
    for (const line of answer.cookies) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') jar.delete(name)
      else jar.set(name, value)
    }
    return answer
  }
}
