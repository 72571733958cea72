import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import type { Lease } from './lease.ts'
import { sessionKey } from './record.ts'
import type { Session, SessionTokens } from './session.ts'
import type { Sessions } from './sessions.ts'

/** How often a write that failed is tried again. */
const tryAgainMs = 200
/** And for how long: an outage may last, and without these tokens the session would end with it. */
const keepMs = 600_000

/**
 * Writes refreshed tokens, and keeps those that the store did not take. The provider has spent the old refresh token by
 * then: whoever showed it again would be taken for a thief, and the whole session revoked (RFC 9700 section 4.14.2).
 * Nobody uses what is kept before it is stored.
 */
export class UnwrittenTokens {
  readonly #sessions: Sessions
  readonly #discard: (refreshToken: string) => void
  readonly #kept = new Map<string, { readonly id: string; readonly version: number; readonly tokens: SessionTokens }>()
  readonly #trying = new Set<string>()

  constructor(sessions: Sessions, discard: (refreshToken: string) => void) {
    this.#sessions = sessions
    this.#discard = discard
  }

  /** As `Sessions.replaceTokens`; where that throws, the tokens are kept. */
  async write(session: Session, tokens: SessionTokens): Promise<Session | undefined> {
    try {
      const written = await this.#sessions.replaceTokens(session, tokens)
      this.#kept.delete(session.key)
      return written
    } catch (error) {
      this.#kept.set(session.key, { id: session.id, version: session.version, tokens })
      throw error
    }
  }

  /** The session of an id, once what was kept for it is written. Throws `store_unavailable`. */
  async find(id: string): Promise<Session | undefined> {
    const key = sessionKey(id)
    const found = await this.#sessions.find(id)
    const kept = this.#kept.get(key)
    if (kept === undefined) return found
    // A write whose answer was lost shows as another version: then the store has taken it after all.
    const isDue = found?.version === kept.version
    const latest = isDue ? ((await this.write(found, kept.tokens)) ?? (await this.#sessions.find(id))) : found
    this.#kept.delete(key)
    if (latest === undefined && kept.tokens.refreshToken !== undefined) this.#discard(kept.tokens.refreshToken)
    return latest
  }

  /** Ends the lease; not before the tokens are written, where some are kept: no other node may refresh meanwhile. */
  async release(session: Session, lease: Lease): Promise<void> {
    if (!this.#kept.has(session.key) || this.#trying.has(session.key)) return lease.release()
    void this.#tryOn(session, lease)
  }

  /** Writes what is kept, again and again until the time is up: with the process it would be lost. */
  async settle(untilMs: number): Promise<void> {
    while (this.#kept.size > 0 && performance.now() < untilMs) {
      await Promise.all([...this.#kept.values()].map(({ id }) => this.find(id).catch(() => undefined)))
      if (this.#kept.size > 0) await delay(Math.min(tryAgainMs, Math.max(0, untilMs - performance.now())))
    }
  }

  async #tryOn({ id, key }: Session, lease: Lease): Promise<void> {
    this.#trying.add(key)
    const endMs = performance.now() + keepMs
    while (this.#kept.has(key) && performance.now() < endMs) {
      await delay(tryAgainMs, undefined, { ref: false })
      await this.find(id).catch(() => undefined)
    }
    this.#kept.delete(key)
    this.#trying.delete(key)
    await lease.release()
  }
}
