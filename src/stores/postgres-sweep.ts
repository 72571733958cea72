import type { PostgresPool, Statement } from './postgres-pool.ts'

const everyMs = 60_000
/** And at least as long as the batch took: sweeping takes no more than half of a server. */
const betweenBatchesMs = 20
const largestBatch = 500
const smallestBatch = 20

/** Records stay this long after their end: a node whose clock is behind may still count them as live. */
const graceMs = 10_000

/** Deletes expired records in small transactions, without keeping the process alive. Each node does, and none waits for another. */
export class PostgresSweep {
  readonly #pool: PostgresPool
  readonly #statement: Statement
  readonly #clock: () => number
  readonly #firstAfterMs: number
  #timer: NodeJS.Timeout | undefined
  #batch = largestBatch
  #isStopped = false

  constructor(pool: PostgresPool, statement: Statement, clock: () => number, firstAfterMs = 5000) {
    this.#pool = pool
    this.#statement = statement
    this.#clock = clock
    this.#firstAfterMs = firstAfterMs
  }

  /** Begins soon, at a moment of its own, and goes on until `stop`. */
  start(): void {
    if (this.#timer === undefined) this.#schedule(this.#firstAfterMs * (0.5 + Math.random()))
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  #schedule(afterMs: number): void {
    if (this.#isStopped) return
    this.#timer = setTimeout(() => void this.#sweep(), afterMs).unref()
  }

  async #sweep(): Promise<void> {
    const startedMs = performance.now()
    try {
      const [row] = await this.#pool.query<{ looked: number }>(this.#statement, [this.#clock() - graceMs, this.#batch])
      const isMore = row !== undefined && row.looked === this.#batch
      this.#batch = Math.min(this.#batch * 2, largestBatch)
      const tookMs = performance.now() - startedMs
      this.#schedule(isMore ? Math.max(betweenBatchesMs, tookMs) : everyMs * (0.75 + Math.random() / 2))
    } catch {
      // The store is in trouble, as its users hear, or slow: then a smaller batch may do.
      this.#batch = Math.max(smallestBatch, Math.floor(this.#batch / 4))
      this.#schedule(everyMs / 10)
    }
  }
}
