import type { EmbeddedFile } from './embedded-file.ts'
import { startSweepRound, type SweepRound } from './embedded-sweep-thread.ts'
import { sqliteDriver, sqliteUrl } from './sqlite.ts'

const firstAfterMs = 1000
const everyMs = 60_000
const pauseMs = 10
const batchTargetMs = 4
const largestBatch = 100

/** Deletes expired records from the disk, in a thread that lives only while there are some, and without keeping the process alive. */
export class EmbeddedSweep {
  readonly #file: EmbeddedFile
  readonly #clock: () => number
  #timer: NodeJS.Timeout | undefined
  #round: SweepRound | undefined
  #isStopped = false

  constructor(file: EmbeddedFile, clock: () => number) {
    this.#file = file
    this.#clock = clock
  }

  /** Begins soon, and goes on until `stop`. */
  start(): void {
    this.#schedule(firstAfterMs)
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#round?.stop()
  }

  #schedule(afterMs: number): void {
    clearTimeout(this.#timer)
    if (!this.#isStopped) this.#timer = setTimeout(() => this.#sweep(), afterMs).unref()
  }

  #sweep(): void {
    if (this.#round === undefined && this.#hasExpired()) {
      const task = {
        driver: sqliteDriver(),
        url: sqliteUrl(this.#file.path),
        nowMs: this.#clock(),
        pauseMs,
        batchTargetMs,
        largestBatch,
      }
      this.#round = startSweepRound(task, () => {
        this.#round = undefined
        this.#schedule(everyMs)
      })
    } else this.#schedule(everyMs)
  }

  #hasExpired(): boolean {
    try {
      return this.#file.use(({ statements }) => statements.findExpired.get(this.#clock()) !== undefined)
    } catch {
      // The store is in trouble; whoever uses it hears of that. The next round looks again.
      return false
    }
  }
}
