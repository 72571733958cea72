import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { originOf, type Places } from './places.ts'

/** A request that reached a server of the lab, and the status it got. */
export interface Sighting {
  readonly host: string
  readonly method: string
  /** With its query. */
  readonly url: string
  readonly status: number
  /** The host whose page made the browser send it, by Origin or Referer. */
  readonly from: string | undefined
  /** Whether the browser asks for the script of a service worker. */
  readonly isWorker: boolean
  /** The head as the browser sent it, long values cut. */
  readonly head: string
  readonly hasBearer: boolean
  /** Whether a session cookie came along, Coatcheck's or that of a weak BFF. */
  readonly hasSession: boolean
}

const channel = 'http.server.response.finish'
const mostKept = 2000
const shown = ['authorization', 'cookie', 'x-csrf-token', 'origin', 'sec-fetch-site', 'sec-fetch-mode']

/**
 * Sees every answer that a server of this process gives under the lab's names, those of Coatcheck among them: Node tells
 * of each. So what the victim's browser got is known without asking a page that the attacker may have written.
 */
export class Witness {
  readonly sightings: Sighting[] = []
  readonly #cookies = new Map<string, string>()
  readonly #places: Places
  readonly #listener: (message: unknown) => void

  constructor(places: Places) {
    this.#places = places
    this.#listener = (message) => this.#see(message as { request: IncomingMessage; response: ServerResponse })
    subscribe(channel, this.#listener)
  }

  /** The cookies last sent to a host: what somebody on the victim's machine could copy. */
  cookiesSentTo(host: string): string | undefined {
    return this.#cookies.get(host)
  }

  close(): void {
    unsubscribe(channel, this.#listener)
  }

  #see({ request, response }: { request: IncomingMessage; response: ServerResponse }): void {
    const host = hostOf(`http://${request.headers.host ?? ''}`)
    if (host === undefined || originOf(this.#places, host) !== `http://${request.headers.host ?? ''}`) return
    const { authorization, cookie, origin, referer } = request.headers
    // The attacker's machine has cookies of its own, which are not the victim's: only browsers tell where a request is from.
    if (cookie !== undefined && request.headers['sec-fetch-site'] !== undefined) this.#cookies.set(host, cookie)
    const lines = shown.flatMap((name) => (request.headers[name] === undefined ? [] : `${name}: ${cut(request.headers[name])}`))
    if (this.sightings.length >= mostKept) this.sightings.shift()
    this.sightings.push({
      host,
      method: request.method ?? '',
      url: request.url ?? '/',
      status: response.statusCode,
      from: hostOf(origin ?? '') ?? hostOf(referer ?? ''),
      isWorker: request.headers['service-worker'] !== undefined,
      head: [`${request.method ?? ''} ${request.url ?? '/'}`, ...lines].join('\n'),
      hasBearer: /^Bearer ./.test(authorization ?? ''),
      hasSession: /(?:^|; )(?:coatcheck|session)=./.test(cookie ?? ''),
    })
  }
}

function hostOf(origin: string): string | undefined {
  return /^http:\/\/([a-z.-]+)\.localhost:\d+(?:\/|$)/.exec(origin)?.[1]
}

function cut(value: string | readonly string[] | undefined): string {
  const text = String(value)
  return text.length > 44 ? `${text.slice(0, 36)}... (${text.length} characters)` : text
}
