import { BffError, type ErrorCode } from '../errors.ts'
import { describeError, type Audit } from '../log.ts'
import type { LoginCookies, SessionCookie } from '../session/cookies.ts'
import { deviceLabel } from '../session/device.ts'
import type { EndedAtProvider } from '../session/ended-at-provider.ts'
import type { Session } from '../session/session.ts'
import type { Sessions } from '../session/sessions.ts'
import type { MaybePromise, SessionStore } from '../stores/store.ts'
import { seeOther, type Endpoint, type WebCall } from '../web.ts'
import type { LoginAnswer, Provider } from './provider.ts'
import { sameState, spentKey, transactionSeconds, type Transaction, type Transactions } from './transaction.ts'

export interface CallbackOptions {
  readonly basePath: string
  readonly provider: Provider
  readonly transactions: Transactions
  readonly loginCookies: LoginCookies
  readonly sessionCookie: SessionCookie
  readonly sessions: Sessions
  readonly endedAtProvider: EndedAtProvider
  readonly store: SessionStore
  readonly clock: () => number
  readonly audit: Audit
  /** The live session of a request, by its cookie. */
  readonly sessionOf: (request: Request) => MaybePromise<Session | undefined>
  /** Counts the request; rejects with `too_many_requests`. */
  readonly limit: (clientAddress: string) => Promise<void>
  /** Gives tokens back that no session will hold, in the background. */
  readonly discard: (refreshToken: string) => void
}

/** What every answer under the callback's path carries, so that no script of the app can read a code from it. */
export const callbackHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': 'sandbox',
  'referrer-policy': 'no-referrer',
}

/** Ends a login: where to, with which cookies, and why it failed if it did. */
class Failure extends Error {
  readonly code: ErrorCode
  readonly transaction: OwnTransaction | undefined

  constructor(code: ErrorCode, reason: string, transaction?: OwnTransaction, cause?: unknown) {
    super(reason, cause === undefined ? undefined : { cause })
    this.code = code
    this.transaction = transaction
  }
}

interface OwnTransaction {
  readonly transaction: Transaction
  readonly cookieName: string
}

/**
 * `GET /bff/callback` (and POST for form_post). The order matters: nothing is sent to the provider before the state is
 * genuine, the transaction belongs to this browser and was never used (RFC 9700 section 4.7).
 *
 * It answers with a redirect whatever happens. An error document here would let a script in the app's page open the
 * attacker's login in a frame or popup and read its code from the address (RFC 9700 section 4.5, "Limitations").
 */
export class Callback {
  readonly #options: CallbackOptions

  constructor(options: CallbackOptions) {
    this.#options = options
  }

  readonly endpoint: Endpoint = async (call) => {
    const { method } = call.request
    if (method !== 'GET' && method !== 'POST') throw new BffError('method_not_allowed', { allow: ['GET', 'POST'] })
    try {
      await this.#options.limit(call.clientAddress)
    } catch (error) {
      return this.#refuse(BffError.from(error))
    }
    try {
      return await this.#finish(call)
    } catch (error) {
      return this.#fail(
        call,
        error instanceof Failure ? error : new Failure(BffError.from(error).code, 'unexpected', undefined, error),
      )
    }
  }

  /** Before anything was looked at: the transaction is untouched, and the page can be loaded again. */
  #refuse({ code, retryAfterSeconds = 1 }: BffError): Response {
    const headers = { ...callbackHeaders, 'retry-after': String(retryAfterSeconds) }
    return seeOther(`${this.#options.basePath}/error?code=${code}`, [], headers)
  }

  async #finish(call: WebCall): Promise<Response> {
    const parameters = readCallback(call)
    const own = await this.#claim(call, parameters)
    if (parameters.has('access_token') || parameters.has('id_token')) {
      throw new Failure('login_failed', 'the callback carried tokens of the front channel', own)
    }
    let login: LoginAnswer
    try {
      login = await this.#options.provider.exchange(parameters, own.transaction)
    } catch (error) {
      const { code, reason } = BffError.from(error)
      throw new Failure(code, reason ?? code, own, error)
    }
    return this.#openSession(call, own, login)
  }

  /** The transaction of this browser, taken for good: a second callback with the same state finds it spent. */
  async #claim(call: WebCall, parameters: URLSearchParams): Promise<OwnTransaction> {
    const { transactions, store, clock, audit } = this.#options
    const state = parameters.get('state')
    if (state === null) throw new Failure('login_failed', 'no state')
    const kind = transactions.judgeState(state)
    if (kind !== 'genuine') throw new Failure('login_failed', `a ${kind} state`)
    const own = this.#ownTransaction(call, state)
    const mark = { value: new Uint8Array(0), expiresAtMs: clock() + transactionSeconds * 1000 + 60_000 }
    let first: boolean
    try {
      first = (await store.add(spentKey(state), mark)) !== undefined
    } catch (error) {
      // Not spent, so the transaction's cookie stays: loading the page again may work.
      throw new Failure('store_unavailable', 'the transaction could not be marked as used', undefined, error)
    }
    if (own === undefined) {
      if (first) audit('login_transaction_burnt', { requestId: call.requestId, clientAddress: call.clientAddress })
      throw new Failure('login_failed', first ? 'a transaction that another browser started' : 'a used transaction')
    }
    if (!first) throw new Failure('login_failed', 'a used transaction', own)
    return own
  }

  #ownTransaction(call: WebCall, state: string): OwnTransaction | undefined {
    const { loginCookies, transactions } = this.#options
    for (const { name, value } of loginCookies.read(call.request.headers.get('cookie') ?? undefined)) {
      const transaction = transactions.open(value, name)
      if (transaction !== undefined && sameState(transaction.state, state)) return { transaction, cookieName: name }
    }
    return undefined
  }

  async #openSession(call: WebCall, own: OwnTransaction, login: LoginAnswer): Promise<Response> {
    const { sessions, sessionCookie, loginCookies, endedAtProvider, audit, discard } = this.#options
    const { requestId, clientAddress, request } = call
    let session: Session
    try {
      session = await sessions.create({ ...login, device: deviceLabel(request.headers.get('user-agent') ?? undefined) })
      await this.#closeReplaced(call, own.transaction)
      if (
        await endedAtProvider.has(
          { subject: login.subject, providerSessionId: login.providerSessionId },
          own.transaction.startedAtMs,
        )
      ) {
        await sessions.close(session.key, 'logout_at_provider')
        throw new BffError('login_failed', { reason: 'the provider ended this login meanwhile' })
      }
    } catch (error) {
      if (login.tokens.refreshToken !== undefined) discard(login.tokens.refreshToken)
      const { code, reason } = BffError.from(error)
      throw new Failure(code, reason ?? 'the session could not be stored', own, error)
    }
    audit('login', {
      requestId,
      clientAddress,
      subject: login.subject,
      issuer: login.issuer,
      refreshToken: login.tokens.refreshToken === undefined ? 'none given: the session ends with its access token' : 'held',
    })
    const cookies = [...sessionCookie.written(session.id), loginCookies.cleared(own.cookieName)]
    return seeOther(this.#wayBack(request, own.transaction.returnTo), cookies, callbackHeaders)
  }

  /** A login takes the place of the browser's former session: its id is dead from now on (ASVS 7.2.4). */
  async #closeReplaced(call: WebCall, { replaces }: Transaction): Promise<void> {
    const { sessions, audit } = this.#options
    if (replaces === undefined) return
    if (await sessions.close(replaces, 'replaced_by_login')) {
      audit('session_ended', { requestId: call.requestId, reason: 'replaced_by_login' })
    }
  }

  /**
   * Straight to the app where the browser will show its Strict cookie there. After a redirect from another site it
   * would not: then by way of the landing page, whose own hop is same-origin.
   */
  #wayBack(request: Request, returnTo: string): string {
    const { basePath, sessionCookie } = this.#options
    const site = request.headers.get('sec-fetch-site')
    const shown = site === 'same-origin' || site === 'same-site' || site === 'none'
    if (shown || !sessionCookie.isStrict) return returnTo
    return `${basePath}/landing?returnTo=${encodeURIComponent(returnTo)}`
  }

  async #fail(call: WebCall, failure: Failure): Promise<Response> {
    const { basePath, loginCookies, audit } = this.#options
    const own = failure.transaction
    const cleared = own === undefined ? [] : [loginCookies.cleared(own.cookieName)]
    audit('login_failed', {
      requestId: call.requestId,
      clientAddress: call.clientAddress,
      code: failure.code,
      reason: failure.message,
      ...(failure.cause === undefined ? {} : { error: describeError(failure.cause) }),
    })
    const returnTo = own?.transaction.returnTo
    if (failure.code !== 'store_unavailable' && (await this.#hasSession(call))) {
      return seeOther(this.#wayBack(call.request, returnTo ?? '/'), cleared, callbackHeaders)
    }
    const query = new URLSearchParams({ code: failure.code })
    if (returnTo !== undefined && returnTo !== '/') query.set('returnTo', returnTo)
    return seeOther(`${basePath}/error?${query.toString()}`, cleared, callbackHeaders)
  }

  /** A replayed callback, or one that the back button opened, ends in the app if the browser is logged in already. */
  async #hasSession(call: WebCall): Promise<boolean> {
    try {
      return (await this.#options.sessionOf(call.request)) !== undefined
    } catch {
      return false
    }
  }
}

/** The answer's parameters, each at most once and from one place only (RFC 6749 section 3.1). */
function readCallback({ request, url, form }: WebCall): URLSearchParams {
  if (request.method === 'POST' && form === undefined) throw new Failure('login_failed', 'a POST without a form')
  const parameters = new URLSearchParams([...url.searchParams, ...(form ?? [])])
  const names = [...parameters.keys()]
  if (new Set(names).size !== names.length) throw new Failure('login_failed', 'a parameter was given more than once')
  return parameters
}
