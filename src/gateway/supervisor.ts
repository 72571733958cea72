import cluster from 'node:cluster'
import { availableParallelism } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { Config } from '../config/schema.ts'
import type { ConfigSnapshot } from '../config/snapshot.ts'
import type { Logger } from '../log.ts'
import { countsOf, createSupervisorMetrics, mergedText, type MetricsSnapshot } from '../metrics.ts'
import { startAdmin, type Admin } from './admin.ts'
import { freePort } from './listen.ts'
import { WorkerProcess, WorkerUnable } from './worker-process.ts'

/** A config that was read and found to be right. */
export interface LoadedConfig {
  readonly config: Config
  readonly snapshot: ConfigSnapshot
}

export interface SupervisorOptions {
  /** What a worker runs. */
  readonly workerFile: string
  readonly log: Logger
}

/** The pause before a dead worker is replaced, doubled each time one dies young. */
const firstPauseMs = 100
const longestPauseMs = 10_000
/** A worker that lived so long did not die of its start. */
const youthMs = 10_000
/** As many workers in a row that die before they listen are the end: more would not do better. */
const mostFailedStarts = 5
/** While a client may follow to a new worker, a kept connection gets this long to be used once more. */
const reloadIdleMs = 1_000
const shutdownIdleMs = 50

/**
 * Keeps workers running: `node:cluster`, because there one listening socket outlives each of its workers, connections are dealt
 * out evenly, and one that a leaving worker was given is given to another instead.
 */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #metrics = createSupervisorMetrics()
  readonly #slots = new Map<number, WorkerProcess | undefined>()
  readonly #leaving = new Set<WorkerProcess>()
  #loaded: LoadedConfig
  #port = 0
  #admin: Admin | undefined
  #gone: MetricsSnapshot = []
  #failedStarts = 0
  #youngDeaths = 0
  #isClosing = false
  #failure: ((error: Error) => void) | undefined
  /** Rejects where workers die at their start over and over. */
  readonly failed: Promise<never>

  constructor(loaded: LoadedConfig, options: SupervisorOptions) {
    this.#loaded = loaded
    this.#options = options
    this.failed = new Promise((_resolve, reject) => {
      this.#failure = reject
    })
    this.failed.catch(() => undefined)
  }

  /** Resolves when all workers listen. Rejects with the reason where they cannot. */
  async start(): Promise<{ readonly url: string; readonly adminUrl: string | undefined }> {
    const { config } = this.#loaded
    const { log, workerFile } = this.#options
    cluster.schedulingPolicy = cluster.SCHED_RR
    cluster.setupPrimary({ exec: workerFile, args: [] })
    // All workers, and those that come after them, need the same port.
    this.#port = config.listen.port === 0 ? await freePort(config.listen.host) : config.listen.port
    const url = await this.#startFirst()
    const count = workerCount(config)
    const others = Array.from({ length: count - 1 }, (_, index) => this.#fill(index + 2))
    await Promise.race([Promise.all(others), this.failed])
    log.info({ event: 'listening', url, workers: count }, `listening on ${url}`)
    if (config.admin !== undefined) {
      this.#admin = await startAdmin(config.admin, {
        log,
        isLive: async () => (await this.#ask((worker) => worker.isLive())).includes(true),
        isDraining: () => this.#isClosing,
        ready: () => this.#ready(),
        metrics: () => this.#metricsText(),
      })
      log.info({ event: 'admin_listening', url: this.#admin.url }, `admin listening on ${this.#admin.url}`)
    }
    return { url, adminUrl: this.#admin?.url }
  }

  /** Where the first cannot listen nothing is tried again: the reason will not go away. */
  async #startFirst(): Promise<string> {
    for (;;) {
      const worker = this.#fork(1)
      try {
        return await this.#watch(1, worker, false)
      } catch (error) {
        if (error instanceof WorkerUnable || !(await this.#pauseAfterFailedStart(error))) throw error
      }
    }
  }

  /** Puts a worker into a slot, again and again until one listens. */
  async #fill(slot: number): Promise<void> {
    while (!this.#isClosing) {
      try {
        await this.#watch(slot, this.#fork(slot), false)
        return
      } catch (error) {
        if (!(await this.#pauseAfterFailedStart(error))) {
          this.#failure?.(new Error(`Workers die at their start, ${mostFailedStarts} in a row: ${messageOf(error)}`))
          return
        }
      }
    }
  }

  #fork(worker: number): WorkerProcess {
    const { snapshot, config } = this.#loaded
    return new WorkerProcess({ worker, snapshot, host: config.listen.host, port: this.#port })
  }

  /** Waits until the worker listens, then watches over it. */
  async #watch(slot: number, worker: WorkerProcess, isReload: boolean): Promise<string> {
    if (!isReload) this.#slots.set(slot, worker)
    else this.#leaving.add(worker)
    void worker.exited.then((how) => this.#ended(slot, worker, how))
    try {
      const url = await worker.listening
      this.#failedStarts = 0
      return url
    } catch (error) {
      worker.kill()
      await worker.exited
      throw error
    }
  }

  async #pauseAfterFailedStart(error: unknown): Promise<boolean> {
    this.#failedStarts += 1
    this.#options.log.error({ event: 'worker_start_failed', reason: messageOf(error) }, 'a worker did not start')
    if (this.#failedStarts >= mostFailedStarts) return false
    await delay(firstPauseMs * 2 ** this.#failedStarts)
    return true
  }

  async #ended(slot: number, worker: WorkerProcess, how: string): Promise<void> {
    this.#leaving.delete(worker)
    this.#gone = await countsOf([this.#gone, worker.metrics])
    if (this.#slots.get(slot) !== worker) return
    this.#slots.set(slot, undefined)
    if (worker.isDraining || this.#isClosing || !worker.hasListened) return
    const isYoung = performance.now() - worker.startedAtMs < youthMs
    this.#youngDeaths = isYoung ? this.#youngDeaths + 1 : 0
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** this.#youngDeaths)
    this.#options.log.error({ event: 'worker_died', worker: slot, pid: worker.pid, how, pauseMs }, 'a worker died')
    this.#metrics.restarted()
    await delay(pauseMs)
    if (this.#slots.has(slot)) await this.#fill(slot)
  }

  /**
   * Replaces all workers by such with another config. The first new one is tried before an old one leaves: where it cannot
   * serve, the reload is off and nothing has changed.
   */
  async reload(loaded: LoadedConfig): Promise<void> {
    const before = this.#loaded
    const { log } = this.#options
    const { listen, admin } = loaded.config
    if (JSON.stringify(admin) !== JSON.stringify(before.config.admin))
      throw new Error('admin cannot change in a reload; restart instead')
    const portBefore = this.#port
    if (listen.port !== 0) this.#port = listen.port
    this.#loaded = loaded
    const count = workerCount(loaded.config)
    for (let slot = 1; slot <= Math.max(count, ...this.#slots.keys()); slot += 1) {
      if (this.#isClosing) return
      const old = this.#slots.get(slot)
      if (slot > count) this.#slots.delete(slot)
      else {
        const worker = this.#fork(slot)
        const failure = await this.#watch(slot, worker, true).then(
          () => undefined,
          (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
        )
        if (worker.isServing) {
          this.#leaving.delete(worker)
          this.#slots.set(slot, worker)
        } else if (slot === 1) {
          this.#loaded = before
          this.#port = portBefore
          throw failure ?? new Error('the first new worker died')
        } else {
          this.#slots.set(slot, undefined)
          await this.#fill(slot)
        }
      }
      if (old !== undefined) this.#retire(old, reloadIdleMs)
    }
    this.#metrics.reloaded('done')
    log.info({ event: 'reloaded', workers: count }, 'reloaded')
  }

  reloadRefused(): void {
    this.#metrics.reloaded('refused')
  }

  #retire(worker: WorkerProcess, idleMs: number): void {
    this.#leaving.add(worker)
    worker.drain({ graceMs: this.#loaded.config.limits.shutdownSeconds * 1000, idleMs })
  }

  /** Has all workers finish, within `limits.shutdownSeconds`. */
  async close(): Promise<void> {
    this.#isClosing = true
    const workers = this.#all()
    for (const worker of workers) this.#retire(worker, shutdownIdleMs)
    await Promise.all(workers.map((worker) => worker.exited))
    await this.#admin?.close()
    this.#options.log.info({ event: 'stopped' }, 'stopped')
  }

  #all(): WorkerProcess[] {
    return [...new Set([...this.#slots.values(), ...this.#leaving])].filter((worker) => worker !== undefined)
  }

  #ask<T>(question: (worker: WorkerProcess) => Promise<T>): Promise<T[]> {
    return Promise.all(
      this.#all()
        .filter((worker) => worker.isServing)
        .map(question),
    )
  }

  /** One worker that can read and write sessions is enough to send requests here; the balancer sees how many there are. */
  async #ready(): Promise<object> {
    const answers = await this.#ask((worker) => worker.unready())
    const ready = answers.filter((answer) => answer === undefined).length
    if (ready === 0) throw new Error(answers[0] ?? 'no worker serves')
    return { workers: { ready, of: this.#slots.size } }
  }

  async #metricsText(): Promise<string> {
    const serving = this.#all().filter((worker) => worker.isServing).length
    const workers = await Promise.all(this.#all().map((worker) => worker.latestMetrics()))
    return mergedText([this.#gone, ...workers, await this.#metrics.snapshot(serving)])
  }
}

function workerCount({ workers = 1 }: Config): number {
  return workers === 'auto' ? availableParallelism() : workers
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
