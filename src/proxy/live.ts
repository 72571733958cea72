import type { Open } from '../session/open.ts'
import type { Session } from '../session/session.ts'
import type { EndReason, Sessions } from '../session/sessions.ts'

interface Entry {
  session: Session
  readonly open: Set<Open>
}

/** How often sessions with something open are looked at: the bound for a session closed on another node, or expired. */
const lookEveryMs = 500

/** What is open, by session, so that it ends with its session (contract, section 8, promise 2). */
export class Live {
  readonly #sessions: Sessions
  readonly #entries = new Map<string, Entry>()
  #timer: NodeJS.Timeout | undefined
  #isLooking = false

  constructor(sessions: Sessions) {
    this.#sessions = sessions
    sessions.onEnd((key, reason) => this.#end(key, reason))
  }

  add(session: Session, open: Open): void {
    const entry = this.#entries.get(session.key)
    if (entry === undefined) this.#entries.set(session.key, { session, open: new Set([open]) })
    else {
      entry.session = session
      entry.open.add(open)
    }
    this.#timer ??= setInterval(() => void this.#look(), lookEveryMs).unref()
  }

  remove(session: Session, open: Open): void {
    const entry = this.#entries.get(session.key)
    if (entry === undefined) return
    entry.open.delete(open)
    if (entry.open.size === 0) this.#entries.delete(session.key)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #end(key: string, reason: EndReason): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    for (const open of entry.open) open.sessionEnded(reason)
  }

  /** Asks the store only about sessions that it does not vouch for, and takes an outage for no answer. */
  async #look(): Promise<void> {
    if (this.#entries.size === 0) this.close()
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      for (const [key, entry] of this.#entries) {
        if (this.#sessions.isCurrent(entry.session)) continue
        const found = await this.#sessions.find(entry.session.id)
        if (found === undefined) this.#end(key, 'closed_elsewhere')
        else entry.session = found
      }
    } catch {
      // The store is in trouble: nobody was logged out by that. The next look asks again.
    } finally {
      this.#isLooking = false
    }
  }
}
