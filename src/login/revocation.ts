import { setTimeout as delay } from 'node:timers/promises'
import { describeError, type Audit } from '../log.ts'

/** Pauses between tries: some minutes in all, so that a restart of the provider is outlived. */
const pausesMs = [1_000, 5_000, 15_000, 60_000, 180_000]
/** A logout waits this long for the first try, and never longer. */
const firstTryMs = 2_000
/** Revocations under way at the same time; beyond that the oldest trouble is not worth more memory. */
const mostPending = 1_000

/**
 * Gives refresh tokens back to the provider (RFC 7009), again and again while it is in trouble. The tokens wait in
 * memory only: on disk they would be readable without their user's cookie.
 */
export class Revocations {
  readonly #revoke: (refreshToken: string) => Promise<void>
  readonly #audit: Audit
  readonly #closing = new AbortController()
  #pending = 0

  constructor(revoke: (refreshToken: string) => Promise<void>, audit: Audit) {
    this.#revoke = revoke
    this.#audit = audit
  }

  /** Resolves when the first try is over, or after two seconds; never rejects. */
  async start(refreshToken: string): Promise<void> {
    if (this.#pending >= mostPending) {
      this.#audit('revocation_failed', { reason: 'too many revocations are waiting' })
      return
    }
    this.#pending += 1
    const first = this.#tryOnce(refreshToken)
    void this.#goOn(first, refreshToken).finally(() => {
      this.#pending -= 1
    })
    await Promise.race([first, delay(firstTryMs, undefined, { ref: false })])
  }

  /** Stops waiting for further tries. */
  close(): void {
    this.#closing.abort()
  }

  async #goOn(first: Promise<unknown>, refreshToken: string): Promise<void> {
    let error = await first
    for (const pauseMs of pausesMs) {
      if (error === undefined) return
      try {
        await delay(pauseMs, undefined, { ref: false, signal: this.#closing.signal })
      } catch {
        break
      }
      error = await this.#tryOnce(refreshToken)
    }
    if (error !== undefined) this.#audit('revocation_failed', { error: describeError(error) })
  }

  /** What went wrong, or `undefined`. */
  async #tryOnce(refreshToken: string): Promise<unknown> {
    try {
      await this.#revoke(refreshToken)
      return undefined
    } catch (error) {
      return error
    }
  }
}
