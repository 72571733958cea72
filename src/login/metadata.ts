/** How long what was learned is used before it is asked for again. */
const freshMs = 3_600_000
/** After a failure, callers get the same failure at once for this long instead of waiting for another. */
const coolDownMs = 1_000

/**
 * Something that is asked for at first use and again later, as discovery is: one question at a time, whose answer all
 * callers share; what is known stays in use while a newer answer is on its way or cannot be had.
 */
export class Lazy<T> {
  readonly #ask: () => Promise<T>
  readonly #clock: () => number
  #known: { value: T; atMs: number } | undefined
  #failed: { error: unknown; atMs: number } | undefined
  #asking: Promise<T> | undefined

  constructor(ask: () => Promise<T>, clock: () => number) {
    this.#ask = ask
    this.#clock = clock
  }

  /** What is known now, without asking. */
  get known(): T | undefined {
    return this.#known?.value
  }

  async get(): Promise<T> {
    const now = this.#clock()
    if (this.#known !== undefined) {
      if (now - this.#known.atMs >= freshMs) this.#askAgain().catch(() => undefined)
      return this.#known.value
    }
    const failed = this.#failed
    if (failed !== undefined && now >= failed.atMs && now - failed.atMs < coolDownMs) throw failed.error
    return this.#askAgain()
  }

  #askAgain(): Promise<T> {
    this.#asking ??= this.#askOnce().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #askOnce(): Promise<T> {
    try {
      const value = await this.#ask()
      this.#known = { value, atMs: this.#clock() }
      this.#failed = undefined
      return value
    } catch (error) {
      // A stale answer is asked for again only after another full term, so that a provider that is down is left alone.
      if (this.#known !== undefined) this.#known.atMs = this.#clock() - freshMs + 30_000
      this.#failed = { error, atMs: this.#clock() }
      throw error
    }
  }
}
