import { Slots, type Slotted } from './slots.ts'

/** Something that looks at the time now and then. */
export interface Timed extends Slotted {
  tick(nowMs: number): void
}

/**
 * One coarse, monotonic clock for all calls in flight. Moving a byte only notes `nowMs`, and every tick lets each call
 * compare; no timer is armed or cleared per call, let alone per chunk. It stands still while there is no call.
 */
export class CallTimer<Call extends Timed = Timed> {
  /** Monotonic milliseconds, at most one tick old while there are calls. */
  nowMs: number
  readonly #tickMs: number
  readonly #calls = new Slots<Call>()
  #interval: NodeJS.Timeout | undefined

  constructor(tickMs = 50) {
    this.#tickMs = tickMs
    this.nowMs = performance.now()
  }

  add(call: Call): void {
    if (this.#interval === undefined) {
      this.nowMs = performance.now()
      this.#interval = setInterval(this.#run, this.#tickMs)
      this.#interval.unref()
    }
    this.#calls.add(call)
  }

  delete(call: Call): void {
    this.#calls.delete(call)
  }

  /** The calls in flight. */
  all(): Call[] {
    return this.#calls.all()
  }

  /** How many calls are in flight. */
  get size(): number {
    return this.#calls.size
  }

  readonly #run = (): void => {
    this.nowMs = performance.now()
    for (const call of this.#calls.all()) call.tick(this.nowMs)
    if (this.#calls.size > 0) return
    clearInterval(this.#interval)
    this.#interval = undefined
  }
}
