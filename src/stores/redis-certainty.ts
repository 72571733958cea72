/** How long a node may trust what it holds after Redis last confirmed that the node is told of every change. */
export const leaseMs = 500

/** Nothing that was read is trusted longer than this, whatever else went wrong. */
const longestTrustMs = 30_000

/** How many versions are remembered; one more costs a read in Redis, nothing else. */
const capacity = 65_536

/** What happened to a record, as every node hears of it. */
export interface Change {
  readonly key: string
  /** The version it has now, or 0 where it was deleted. */
  readonly version: number
  /** Epoch milliseconds. */
  readonly expiresAtMs: number
}

/** What was read, or written, as far as it matters here. */
export interface Seen {
  readonly version: number
  /** Epoch milliseconds. */
  readonly expiresAtMs: number
}

/** A question to Redis about a record that is under way. */
export interface Look {
  readonly key: string
  readonly atMs: number
  counts: boolean
  overtakenBy: Change | undefined
}

interface Held extends Seen {
  readonly lookedAtMs: number
}

/**
 * The versions that this node knows to be current without asking.
 *
 * Sound as long as the node is told of every change that happens after `join`, and takes it in by `hear` before the one
 * who made the change goes on. It says nothing any more once the lease has run out, by two clocks: a machine that slept
 * wakes up with a monotonic clock that did not.
 */
export class RedisCertainty {
  readonly #clock: () => number
  readonly #held = new Map<string, Held>()
  readonly #looks = new Map<string, Set<Look>>()
  #joined = false
  #untilMs = 0
  #untilWallMs = 0

  /** `clock` gives epoch milliseconds, for the expiry of records. */
  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** From now on this node is told of every change. */
  join(): void {
    this.#joined = true
  }

  /** The lease counts from the moment the question was sent to which Redis answered that this node is still told. */
  extend(sentAt: Moment): void {
    this.#untilMs = sentAt.monotonicMs + leaseMs
    this.#untilWallMs = sentAt.wallMs + leaseMs
  }

  /** This node may have missed a change: nothing read until now counts any more. */
  forget(): void {
    this.#joined = false
    this.#untilMs = 0
    this.#held.clear()
    for (const looks of this.#looks.values()) {
      for (const look of looks) look.counts = false
    }
  }

  /** Called before a question about a record is sent; each look is ended. */
  begin(key: string): Look {
    const look: Look = { key, atMs: performance.now(), counts: this.#joined, overtakenBy: undefined }
    const looks = this.#looks.get(key)
    if (looks === undefined) this.#looks.set(key, new Set([look]))
    else looks.add(look)
    return look
  }

  /** Takes in the answer. `false` where the record has changed since: the answer may be older than the change. */
  end(look: Look, seen: Seen | undefined): boolean {
    const looks = this.#looks.get(look.key)
    looks?.delete(look)
    if (looks?.size === 0) this.#looks.delete(look.key)
    const change = look.overtakenBy
    if (change !== undefined && change.version !== (seen?.version ?? 0)) return false
    if (look.counts && seen !== undefined) this.#hold(look, { ...seen, expiresAtMs: change?.expiresAtMs ?? seen.expiresAtMs })
    return true
  }

  /** Takes in what happened to a record. */
  hear(change: Change): void {
    for (const look of this.#looks.get(change.key) ?? []) look.overtakenBy = change
    const held = this.#held.get(change.key)
    if (held === undefined) return
    if (held.version === change.version) this.#held.set(change.key, { ...held, expiresAtMs: change.expiresAtMs })
    else this.#held.delete(change.key)
  }

  /** Whether the record certainly still has this version. */
  holds(key: string, version: number): boolean {
    const held = this.#held.get(key)
    if (held?.version !== version) return false
    const nowMs = performance.now()
    return (
      nowMs < this.#untilMs &&
      Date.now() < this.#untilWallMs &&
      nowMs < held.lookedAtMs + longestTrustMs &&
      this.#clock() < held.expiresAtMs
    )
  }

  #hold(look: Look, seen: Seen): void {
    this.#held.delete(look.key)
    this.#held.set(look.key, { version: seen.version, expiresAtMs: seen.expiresAtMs, lookedAtMs: look.atMs })
    if (this.#held.size <= capacity) return
    const oldest = this.#held.keys().next()
    if (oldest.done !== true) this.#held.delete(oldest.value)
  }
}

/** A moment by the clock that only runs forward, and by the one that can be set. */
export interface Moment {
  readonly monotonicMs: number
  readonly wallMs: number
}

/** Now, by both clocks. */
export function momentNow(): Moment {
  return { monotonicMs: performance.now(), wallMs: Date.now() }
}
