import { setTimeout as delay } from 'node:timers/promises'
import { BffError } from '../errors.ts'
import type { SessionStore } from '../stores/store.ts'
import { takeLease } from './lease.ts'
import type { Session, SessionTokens, TokenRecipe, TokenSet } from './session.ts'
import { isExpired, isRefreshDue, resourceKey, tokenFor, tokenTimes } from './session.ts'
import type { Sessions } from './sessions.ts'
import { UnwrittenTokens } from './unwritten-tokens.ts'

/** What a provider answered to a refresh, already validated as far as that needs no session. */
export interface TokenAnswer {
  readonly accessToken: string
  readonly expiresInSeconds?: number | undefined
  readonly refreshToken?: string | undefined
  readonly scope?: string | undefined
  readonly idToken?: string | undefined
  /** Claims of a verified ID token, where one came. */
  readonly idTokenClaims?: Readonly<Record<string, unknown>> | undefined
}

/** The provider refuses the refresh token for good (RFC 6749 section 5.2, `invalid_grant`). */
export class RefreshRejected extends Error {
  override readonly name = 'RefreshRejected'
  /** A refresh token that still counts at the provider and is to be given back, where the answer was at fault. */
  readonly left: string | undefined

  constructor(message: string, options?: ErrorOptions & { readonly left?: string | undefined }) {
    super(message, options)
    this.left = options?.left
  }
}

/** What the audit log learns of refreshes. */
export type RefreshEvent =
  | { readonly event: 'refresh'; readonly resource?: string | undefined }
  | { readonly event: 'refresh_failed'; readonly reason: string; readonly ended: boolean; readonly cause?: unknown }

export interface TokensOptions {
  readonly sessions: Sessions
  readonly store: SessionStore
  readonly clock: () => number
  /** Asks the provider. Throws `RefreshRejected` for good, and `BffError` `provider_unavailable` for now. */
  readonly refresh: (refreshToken: string, recipe: TokenRecipe | undefined) => Promise<TokenAnswer>
  /** Gives a token that nobody will use back to the provider, in the background. */
  readonly discard: (refreshToken: string) => void
  readonly onEvent: (session: Session, event: RefreshEvent) => void
}

/** A waiter looks this often whether the node that holds the lease is done, which asks only the store's memory. */
const lookAgainMs = 40
/** And this often whether the lease is free again without a new token: its holder failed, or was killed. */
const tryAgainMs = 500
/** And gives up after this long: longer than a provider call may take. */
const patienceMs = 25_000
/** After a failed refresh, a token that is still valid is used this long before the next try. */
const pauseAfterFailureMs = 5_000

/**
 * Fresh access tokens, with one refresh per session at a time: callers on this node share one promise, nodes share a
 * lease in the store, and whoever gets the lease looks again before it asks the provider. The rotated refresh token is
 * stored before anybody uses what came with it (RFC 9700 section 4.14.2).
 */
export class Tokens {
  readonly #options: TokensOptions
  readonly #flights = new Map<string, Promise<Session | undefined>>()
  readonly #pausedUntilMs = new Map<string, number>()
  readonly #unwritten: UnwrittenTokens

  constructor(options: TokensOptions) {
    this.#options = options
    this.#unwritten = new UnwrittenTokens(options.sessions, options.discard)
  }

  /** Whether a call needs to wait for `fresh` at all. The hot path asks only this. */
  isDue(session: Session, recipe: TokenRecipe | undefined): boolean {
    return isRefreshDue(tokenFor(session, recipe), this.#options.clock())
  }

  /**
   * The session with a token that can be used. `undefined` where the session ended: closed meanwhile, refused by the
   * provider, or without a way to a new token. Throws `provider_unavailable` or `store_unavailable`; the session
   * stays then. A client that leaves does not cancel what it started.
   */
  async fresh(session: Session, recipe: TokenRecipe | undefined): Promise<Session | undefined> {
    let current: Session | undefined = session
    while (current !== undefined && this.isDue(current, recipe)) {
      if (this.#isPaused(current) && !isExpired(tokenFor(current, recipe), this.#options.clock())) return current
      const running = this.#flights.get(current.key)
      if (running !== undefined) {
        // Whatever the flight was for, look again afterwards: it may have brought our token too.
        current = await running
        continue
      }
      const flight = this.#renew(current, recipe).finally(() => this.#flights.delete(session.key))
      this.#flights.set(session.key, flight)
      return flight
    }
    return current
  }

  /**
   * Before the process ends: waits at most so long for the refreshes under way, and for the store to take their tokens. A
   * rotated refresh token that dies with the process would end its session, and look like a theft to the provider.
   */
  async settle(patienceMs: number): Promise<void> {
    const untilMs = performance.now() + patienceMs
    const late = delay(patienceMs, undefined, { ref: false })
    await Promise.race([late, Promise.allSettled(this.#flights.values()).then(() => this.#unwritten.settle(untilMs))])
  }

  async #renew(session: Session, recipe: TokenRecipe | undefined): Promise<Session | undefined> {
    const { store, clock } = this.#options
    const deadlineMs = performance.now() + patienceMs
    let current: Session | undefined = session
    for (;;) {
      const lease = await takeLease(store, clock, `lease:${session.key}`)
      if (lease !== undefined) {
        try {
          const latest = await this.#unwritten.find(session.id)
          return latest === undefined || !this.isDue(latest, recipe) ? latest : await this.#ask(latest, recipe)
        } finally {
          await this.#unwritten.release(session, lease)
        }
      }
      if (performance.now() > deadlineMs) {
        throw new BffError('provider_unavailable', { reason: 'another node is still refreshing', retryAfterSeconds: 2 })
      }
      current = await this.#whenChanged(current)
      if (current === undefined || !this.isDue(current, recipe)) return current
    }
  }

  /**
   * The session as it is now: as soon as the store no longer vouches for this version of it, or after `tryAgainMs`. Many
   * sessions may be waited for at once, on every node, and asking the store over and over would cost it more than all else.
   */
  async #whenChanged(session: Session): Promise<Session | undefined> {
    const { sessions } = this.#options
    const untilMs = performance.now() + tryAgainMs
    do await delay(lookAgainMs)
    while (sessions.isCurrent(session) && performance.now() < untilMs)
    return sessions.find(session.id)
  }

  async #ask(session: Session, recipe: TokenRecipe | undefined): Promise<Session | undefined> {
    const { sessions, discard, refresh, onEvent } = this.#options
    const { refreshToken } = session.tokens
    if (refreshToken === undefined) return this.#withoutRefreshToken(session, recipe)
    let answer: TokenAnswer
    try {
      answer = await refresh(refreshToken, recipe)
    } catch (error) {
      return this.#failed(session, recipe, error)
    }
    if (!sameSubject(session, answer)) {
      // OIDC Core section 12.2: iss and sub of a refreshed ID token must be those of the login.
      onEvent(session, { event: 'refresh_failed', reason: 'the refreshed ID token is of another subject', ended: true })
      discard(answer.refreshToken ?? refreshToken)
      await sessions.close(session.key, 'subject_changed')
      return undefined
    }
    const written = await this.#unwritten.write(session, merge(session.tokens, answer, recipe, this.#options.clock()))
    this.#pausedUntilMs.delete(session.key)
    if (written !== undefined) {
      onEvent(written, { event: 'refresh', resource: recipe?.resource })
      return written
    }
    const latest = await sessions.find(session.id)
    if (latest === undefined) discard(answer.refreshToken ?? refreshToken)
    return latest
  }

  async #withoutRefreshToken(session: Session, recipe: TokenRecipe | undefined): Promise<Session | undefined> {
    const token = tokenFor(session, recipe)
    if (!isExpired(token, this.#options.clock())) return session
    const reason =
      recipe === undefined ? 'the access token expired and there is no refresh token' : 'a resource needs a refresh token'
    this.#options.onEvent(session, { event: 'refresh_failed', reason, ended: true })
    await this.#options.sessions.close(session.key, 'access_token_expired', session.version)
    return undefined
  }

  async #failed(session: Session, recipe: TokenRecipe | undefined, error: unknown): Promise<Session | undefined> {
    const { sessions, discard, onEvent, clock } = this.#options
    if (error instanceof RefreshRejected) {
      // Only the session that was refused: one that another node renewed meanwhile has another version and stays.
      const closed = await sessions.close(session.key, 'refresh_rejected', session.version)
      onEvent(session, { event: 'refresh_failed', reason: error.message, ended: closed, cause: error.cause })
      if (error.left !== undefined) discard(error.left)
      return closed ? undefined : await sessions.find(session.id)
    }
    const reason = error instanceof BffError ? (error.reason ?? error.code) : 'unexpected'
    onEvent(session, { event: 'refresh_failed', reason, ended: false, cause: error })
    if (isExpired(tokenFor(session, recipe), clock())) throw error
    this.#pausedUntilMs.set(session.key, clock() + pauseAfterFailureMs)
    return session
  }

  #isPaused(session: Session): boolean {
    const untilMs = this.#pausedUntilMs.get(session.key)
    if (untilMs === undefined) return false
    if (this.#options.clock() < untilMs) return true
    this.#pausedUntilMs.delete(session.key)
    return false
  }
}

function sameSubject(session: Session, { idTokenClaims }: TokenAnswer): boolean {
  if (idTokenClaims === undefined) return true
  return idTokenClaims['iss'] === session.meta.issuer && idTokenClaims['sub'] === session.meta.subject
}

/** The old refresh token stays where none came (RFC 6749 section 6), and so does everything else that did not change. */
function merge(tokens: SessionTokens, answer: TokenAnswer, recipe: TokenRecipe | undefined, nowMs: number): SessionTokens {
  const fresh: TokenSet = { accessToken: answer.accessToken, ...tokenTimes(nowMs, answer.expiresInSeconds) }
  const kept = {
    refreshToken: answer.refreshToken ?? tokens.refreshToken,
    idToken: answer.idToken ?? tokens.idToken,
    claims: answer.idTokenClaims === undefined ? tokens.claims : { ...tokens.claims, ...answer.idTokenClaims },
  }
  if (recipe === undefined) return { ...kept, ...fresh, scope: answer.scope ?? tokens.scope, resources: tokens.resources }
  const { accessToken, accessTokenExpiresAtMs, refreshAtMs, scope } = tokens
  return {
    ...kept,
    accessToken,
    accessTokenExpiresAtMs,
    refreshAtMs,
    scope,
    resources: { ...tokens.resources, [resourceKey(recipe)]: fresh },
  }
}
