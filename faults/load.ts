import type { ScriptedProvider } from '../test/support/scripted-provider.ts'
import { Client, cookiesOf, type Ask, type Reply } from './client.ts'
import { textIn } from './json.ts'
import type { Sample, TrafficClass } from './judge.ts'

export const sessionCookie = '__Host-Http-coatcheck'

/** One who is logged in. */
export interface User {
  readonly subject: string
  /** The value of the session cookie. */
  cookie: string
  isLoggingIn: boolean
}

export interface LoadOptions {
  readonly provider: ScriptedProvider
  /** The nodes a balancer would use now, the next one first. */
  readonly ports: () => readonly number[]
  /** Whether a session of this subject may end during the row without that being a wrong answer. */
  readonly mayEnd: (subject: string) => boolean
}

/** Ten requests in this order: 70 % API, 10 % with a refresh due, 10 % logins, 10 % without a session. */
const round: readonly TrafficClass[] = ['api', 'api', 'login', 'api', 'api', 'refresh', 'api', 'anonymous', 'api', 'api']
export const requestsPerSecond = 100
const apiUsers = 12
const refreshUsers = 5

const page = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', accept: '*/*' }
const navigation = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', accept: 'text/html' }

/** Steady load: as many requests a second as were promised, whether or not the earlier ones are answered. */
export class Load {
  readonly samples: Sample[] = []
  readonly users: User[] = []
  readonly client = new Client()
  passedOn = 0
  endedSessions = 0
  readonly #options: LoadOptions
  readonly #running = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | undefined
  #sent = 0
  #turn = 0

  constructor(options: LoadOptions) {
    this.#options = options
  }

  /** Logs everybody in whose sessions the load uses. */
  async prepare(): Promise<void> {
    for (const [name, count] of [
      ['ada', apiUsers],
      ['grace', refreshUsers],
    ] as const) {
      const { sub } = this.#options.provider.loginAs(name)
      for (let index = 0; index < count; index += 1) {
        const { outcome, cookie } = await this.login()
        if (cookie === undefined) throw new Error(`no login before the fault: ${outcome}`)
        this.users.push({ subject: sub, cookie, isLoggingIn: false })
      }
    }
    this.#options.provider.loginAs('mallory')
  }

  start(): void {
    const startMs = performance.now()
    this.#sent = 0
    this.#timer = setInterval(() => {
      const due = ((performance.now() - startMs) / 1000) * requestsPerSecond
      for (; this.#sent < due; this.#sent += 1) this.#send(this.#sent)
    }, 10)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#running)
  }

  /** A call of the app with a session. */
  async call(user: User, path = '/api/x', ports = this.#options.ports()): Promise<Reply> {
    return this.client.askAny(ports, { path, headers: { ...page, cookie: `${sessionCookie}=${user.cookie}` } })
  }

  /** A whole login: gateway, provider, callback. */
  async login(ports?: readonly number[]): Promise<{ readonly outcome: string; readonly cookie: string | undefined }> {
    const at = () => ports ?? this.#options.ports()
    const failed = (outcome: string) => ({ outcome, cookie: undefined })
    const begin = await this.#ask(at(), {
      path: '/bff/login?returnTo=/api/home',
      headers: { ...navigation, 'sec-fetch-site': 'same-origin' },
    })
    const there = begin.headers.location
    if (begin.status !== 303 || there === undefined) return failed(wordsOf(begin))
    const { port } = new URL(there)
    const provider = await this.client.ask(Number(port), { path: there.slice(new URL(there).origin.length) })
    const back = provider.headers.location
    if (provider.status !== 303 || back === undefined) return failed(`provider: ${wordsOf(provider)}`)
    const cookie = [...cookiesOf(begin)].map(([name, value]) => `${name}=${value}`).join('; ')
    const { pathname, search } = new URL(back)
    const end = await this.#ask(at(), {
      path: pathname + search,
      headers: { ...navigation, 'sec-fetch-site': 'cross-site', cookie },
    })
    const session = cookiesOf(end).get(sessionCookie)
    if (end.status === 303 && session !== undefined && session !== '') return { outcome: 'ok', cookie: session }
    const away = end.headers.location
    if (end.status !== 303 || away === undefined) return failed(wordsOf(end))
    const told = await this.#ask(at(), { path: away, headers: { ...navigation, 'sec-fetch-site': 'same-origin' } })
    return failed(wordsOf(told))
  }

  #send(number: number): void {
    const name = round[number % round.length] ?? 'api'
    const startMs = performance.now()
    const work = this.#one(name, number).then(({ outcome, wrong }) => {
      this.samples.push({ class: name, startMs, durationMs: performance.now() - startMs, outcome, wrong })
    })
    const done: Promise<void> = work.finally(() => this.#running.delete(done))
    this.#running.add(done)
  }

  async #one(name: TrafficClass, number: number): Promise<{ readonly outcome: string; readonly wrong?: string }> {
    if (name === 'login') return { outcome: (await this.login()).outcome }
    if (name === 'anonymous') return this.#anonymous(number)
    const pool = name === 'api' ? this.users.slice(0, apiUsers) : this.users.slice(apiUsers)
    const present = pool.filter(({ isLoggingIn }) => !isLoggingIn)
    const user = present[this.#turn++ % present.length]
    if (user === undefined) return { outcome: 'ok' }
    const { cookie } = user
    const reply = await this.call(user)
    this.passedOn += reply.passedOn
    const retryAfter = reply.status !== 503 || reply.headers['retry-after'] !== undefined ? '' : 'no Retry-After: '
    if (reply.status === 200) {
      const subject = textIn(reply.body, 'sub')
      return subject === user.subject
        ? { outcome: 'ok' }
        : { outcome: 'ok', wrong: subject === undefined ? 'half an answer that looks whole' : "another user's answer" }
    }
    const isCleared = cookiesOf(reply).get(sessionCookie) === ''
    if (reply.status === 401 || isCleared) {
      if (user.cookie === cookie) this.#ended(user)
      if (!this.#options.mayEnd(user.subject))
        return {
          outcome: wordsOf(reply),
          wrong: `a live session answered ${reply.status}${isCleared ? ' and its cookie cleared' : ''}`,
        }
    }
    return { outcome: retryAfter + wordsOf(reply) }
  }

  async #anonymous(number: number): Promise<{ readonly outcome: string; readonly wrong?: string }> {
    const kind = Math.floor(number / round.length) % 3
    const path = ['/public/x', '/', '/api/x'][kind] ?? '/'
    const reply = await this.#ask(this.#options.ports(), { path, headers: page })
    this.passedOn += reply.passedOn
    if (kind === 2 && reply.status === 200) return { outcome: 'ok', wrong: 'a protected route passed without a session' }
    return { outcome: reply.status === (kind === 2 ? 401 : 200) ? 'ok' : wordsOf(reply) }
  }

  /** Who lost a session logs in again, as a user does. */
  #ended(user: User): void {
    if (user.isLoggingIn) return
    this.endedSessions += 1
    user.isLoggingIn = true
    const again = this.login().then(({ cookie }) => {
      // The provider knows only one user at a time; whose session it is, the answers tell from now on.
      if (cookie !== undefined) this.users[this.users.indexOf(user)] = { subject: 'user-mallory', cookie, isLoggingIn: false }
      user.isLoggingIn = false
    })
    const done: Promise<void> = again.finally(() => this.#running.delete(done))
    this.#running.add(done)
  }

  #ask(ports: readonly number[], ask: Ask): Promise<Reply> {
    return this.client.askAny(ports, ask)
  }
}

/** The status and the error's code, or what was wrong with the connection. */
export function wordsOf(reply: Reply): string {
  if (reply.status === 0) return reply.cutShort ? 'cut short' : `no answer (${reply.trouble ?? 'unknown'})`
  const code = /\b(?:store|provider)_unavailable|upstream_\w+|session_required|login_failed|internal_error\b/.exec(
    reply.body,
  )?.[0]
  return code === undefined ? String(reply.status) : `${reply.status} ${code}`
}
