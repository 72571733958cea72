import { verifier } from './payload.ts'
import { Journey } from './journey.ts'
import { apiResource, callbackOf, originOf, type AppName, type BankName, type Places } from './places.ts'
import { send, type Answer, type Exchange, type Outgoing } from './wire.ts'

/** What the injected script reported, in the words of the script. */
export interface Loot {
  readonly app: AppName
  readonly from: 'storage' | 'hook' | 'backend' | 'new flow'
  readonly text?: string
  readonly url?: string
  readonly method?: string
  readonly authorization?: string | null
  readonly status?: number
  readonly code?: string | null
}

interface Tokens {
  readonly access?: string | undefined
  readonly refresh?: string | undefined
}

/** The attacker: a collector for loot, and a machine of its own that has no cookie and nothing else of the browser. */
export class Attacker {
  readonly exchanges: Exchange[] = []
  readonly #loot: Loot[] = []
  readonly #places: Places

  constructor(places: Places) {
    this.#places = places
  }

  collect(loot: Loot): void {
    this.#loot.push(loot)
  }

  lootOf(app: AppName, from: Loot['from']): readonly Loot[] {
    return this.#loot.filter((loot) => loot.app === app && loot.from === from)
  }

  /** Whether the script has reported everything it tries: without that, an attack would tell nothing. */
  isScriptHome(app: AppName): boolean {
    const rode = (method: string) =>
      this.lootOf(app, 'hook').some((loot) => loot.method === method && loot.url?.includes('/api/') === true)
    return rode('GET') && rode('POST') && this.lootOf(app, 'backend').length >= 3 && this.lootOf(app, 'new flow').length > 0
  }

  /** Tokens in what was found this way. */
  found(app: AppName, from: Loot['from']): Tokens {
    const text = this.lootOf(app, from)
      .flatMap((loot) => [loot.authorization ?? '', from === 'hook' ? '' : (loot.text ?? '')])
      .join('\n')
    const access = /Bearer (ey[\w.-]+)/.exec(text)?.[1] ?? /access_token\\*":\s*\\*"(ey[\w.-]+)/.exec(text)?.[1]
    return { access, refresh: /refresh_token\\*":\s*\\*"([\w.~-]+)/.exec(text)?.[1] }
  }

  /** Asks the API for the victim's account, with this token or with none. */
  async readAccount(title: string, token: string | undefined): Promise<Exchange> {
    return (
      await this.#send(title, `${originOf(this.#places, 'api')}/api/account`, {
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      })
    ).exchange
  }

  /** Asks a bank for something with a cookie that came from the victim's browser. */
  async useCookie(title: string, bank: BankName, cookie: string): Promise<Exchange> {
    return (await this.#send(title, `${originOf(this.#places, bank)}/api/account`, { headers: { cookie } })).exchange
  }

  /** Asks a bank for something as the customer that the attacker is too, by a login of its own. */
  async askAsCustomer(title: string, bank: BankName, path: string): Promise<Exchange> {
    const journey = new Journey(this.#places)
    await journey.login(bank)
    const url = `${originOf(this.#places, bank)}${path}`
    return (await this.#send(title, url, { headers: { cookie: journey.cookiesFor(url) } })).exchange
  }

  async refresh(title: string, app: AppName, token: string | undefined): Promise<{ exchange: Exchange } & Tokens> {
    return this.#askForTokens(title, app, { grant_type: 'refresh_token', ...(token !== undefined && { refresh_token: token }) })
  }

  async redeem(title: string, app: AppName, code: string): Promise<{ exchange: Exchange } & Tokens> {
    const redirectUri = callbackOf(this.#places, app)
    return this.#askForTokens(title, app, {
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    })
  }

  async #askForTokens(title: string, app: AppName, grant: Record<string, string>): Promise<{ exchange: Exchange } & Tokens> {
    const { answer, exchange } = await this.#send(title, `${originOf(this.#places, 'idp')}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ ...grant, client_id: app, resource: apiResource }).toString(),
    })
    const tokens = answer.status === 200 ? (JSON.parse(answer.text) as { access_token?: string; refresh_token?: string }) : {}
    return { exchange, access: tokens.access_token, refresh: tokens.refresh_token }
  }

  async #send(title: string, url: string, outgoing: Outgoing): Promise<{ answer: Answer; exchange: Exchange }> {
    const length = outgoing.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(outgoing.body)) }
    const answer = await send(url, { ...outgoing, headers: { ...outgoing.headers, ...length } })
    const head = Object.entries(outgoing.headers ?? {}).map(([name, value]) => `${name}: ${value}`)
    const exchange = {
      id: this.exchanges.length + 1,
      title,
      request: [`${outgoing.method ?? 'GET'} ${url}`, ...head, '', outgoing.body ?? ''].join('\n').trimEnd(),
      status: answer.status,
      response: answer.text,
    }
    this.exchanges.push(exchange)
    return { answer, exchange }
  }
}
