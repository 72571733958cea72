import type { Open } from '../session/open.ts'
import type { Session } from '../session/session.ts'
import type { EndReason, Sessions } from '../session/sessions.ts'
import { Slots } from './slots.ts'

interface Entry {
  session: Session
  readonly open: Slots<Open>
}

/**
 * How often sessions with something open are looked at: the bound for a session closed on another node, or expired. A look
 * asks only the store's memory; where there is so much to look at that it takes long, it is taken less often.
 */
const lookEveryMs = 25
const seldomEveryMs = 500
/** At most one part in so many of the time goes into looking. */
const shareOfTime = 20
/** Sessions that are read again at a time: those of a user who is logged out everywhere end together. */
const readAtOnce = 100

/** What is open, by session, so that it ends with its session (contract, section 8, promise 2). */
export class Live {
  readonly #sessions: Sessions
  readonly #entries = new Map<string, Entry>()
  #timer: NodeJS.Timeout | undefined
  #isReading = false

  constructor(sessions: Sessions) {
    this.#sessions = sessions
    sessions.onEnd((key, reason) => this.#end(key, reason))
  }

  add(session: Session, open: Open): void {
    let entry = this.#entries.get(session.key)
    if (entry === undefined) {
      entry = { session, open: new Slots() }
      this.#entries.set(session.key, entry)
    } else entry.session = session
    entry.open.add(open)
    this.#timer ??= this.#lookAfter(lookEveryMs)
  }

  remove(session: Session, open: Open): void {
    // An entry with nothing open goes at the next look: the next call of its session is often near.
    this.#entries.get(session.key)?.open.delete(open)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #end(key: string, reason: EndReason): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    for (const open of entry.open.all()) open.sessionEnded(reason)
  }

  #lookAfter(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#look(), ms).unref()
  }

  /** Asks the store only about sessions that it does not vouch for. */
  #look(): void {
    this.#timer = undefined
    if (this.#entries.size === 0) return
    const startedAtMs = performance.now()
    const uncertain: Entry[] = []
    for (const [key, entry] of this.#entries) {
      if (entry.open.size === 0) this.#entries.delete(key)
      else if (!this.#sessions.isCurrent(entry.session)) uncertain.push(entry)
    }
    const tookMs = performance.now() - startedAtMs
    this.#timer = this.#lookAfter(Math.min(Math.max(lookEveryMs, tookMs * shareOfTime), seldomEveryMs))
    void this.#readAll(uncertain)
  }

  /** One round at a time; an outage is no answer. */
  async #readAll(uncertain: Entry[]): Promise<void> {
    if (this.#isReading) return
    this.#isReading = true
    try {
      while (uncertain.length > 0) await Promise.all(uncertain.splice(0, readAtOnce).map((entry) => this.#read(entry)))
    } catch {
      // The store is in trouble: nobody was logged out by that. The next look asks again.
    } finally {
      this.#isReading = false
    }
  }

  async #read(entry: Entry): Promise<void> {
    const found = await this.#sessions.find(entry.session.id)
    if (found === undefined) this.#end(entry.session.key, 'closed_elsewhere')
    else entry.session = found
  }
}
