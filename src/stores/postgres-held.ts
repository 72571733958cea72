/** How many records are remembered; one more costs a read, nothing else. */
const capacity = 65_536

/** Even without a notification a record is read again after this time: rows can be deleted by hand. */
const mostHeldMs = 60_000

interface Held {
  readonly version: number
  readonly expiresAtMs: number
  /** By the monotonic clock. */
  readonly readAtMs: number
}

/** A question to the server under way. What it answers counts only if nobody wrote the record meanwhile. */
export interface Reading {
  readonly key: string
  readonly startedAtMs: number
  /** The announcement of the write that this is, which does not count against it. */
  readonly announcement: string | undefined
  isCurrent: boolean
}

/** The versions that this node has read and of which no end was announced since. */
export class HeldVersions {
  readonly #records = new Map<string, Held>()
  readonly #readings = new Map<string, Set<Reading>>()
  #isListening = false

  /** Whether announcements arrive from now on. What was known before is forgotten either way. */
  setListening(isListening: boolean): void {
    this.#isListening = isListening
    this.dropAll()
  }

  begin(key: string, startedAtMs: number, announcement?: string): Reading {
    const reading: Reading = { key, startedAtMs, announcement, isCurrent: this.#isListening }
    const others = this.#readings.get(key)
    if (others === undefined) this.#readings.set(key, new Set([reading]))
    else others.add(reading)
    return reading
  }

  end(reading: Reading): void {
    const readings = this.#readings.get(reading.key)
    readings?.delete(reading)
    if (readings?.size === 0) this.#readings.delete(reading.key)
  }

  hold({ key, isCurrent, startedAtMs }: Reading, version: number, expiresAtMs: number): void {
    if (!isCurrent) return
    this.#records.delete(key)
    this.#records.set(key, { version, expiresAtMs, readAtMs: startedAtMs })
    if (this.#records.size <= capacity) return
    const oldest = this.#records.keys().next()
    if (oldest.done !== true) this.#records.delete(oldest.value)
  }

  extend({ key, isCurrent }: Reading, expiresAtMs: number): void {
    const held = this.#records.get(key)
    if (isCurrent && held !== undefined && held.expiresAtMs < expiresAtMs) this.#records.set(key, { ...held, expiresAtMs })
  }

  has(key: string, version: number, nowMs: number, monotonicMs: number): boolean {
    const held = this.#records.get(key)
    return held?.version === version && nowMs < held.expiresAtMs && monotonicMs - held.readAtMs < mostHeldMs
  }

  /** Somebody wrote the record: neither what is held nor what is being read is certain any more. */
  drop(key: string, announcement?: string): void {
    this.#records.delete(key)
    for (const reading of this.#readings.get(key) ?? []) {
      if (announcement === undefined || reading.announcement !== announcement) reading.isCurrent = false
    }
  }

  dropAll(): void {
    this.#records.clear()
    for (const readings of this.#readings.values()) for (const reading of readings) reading.isCurrent = false
  }
}
