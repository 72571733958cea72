import cluster, { type Worker } from 'node:cluster'
import type { MetricsSnapshot } from '../metrics.ts'
import type { DrainTimes } from './listener.ts'
import type { FromWorker, ToWorker, WorkerStart } from './worker-messages.ts'

/** Why a worker says that it cannot serve. */
export class WorkerUnable extends Error {
  override readonly name = 'WorkerUnable'
  readonly code: string | undefined

  constructor(message: string, code: string | undefined) {
    super(message)
    this.code = code
  }
}

/** How long a worker may take for an answer. A readiness check of a store in trouble takes some seconds. */
const patienceMs = 8_000

/** One worker, as the supervisor sees it. */
export class WorkerProcess {
  /** Resolves with the bound address; rejects with `WorkerUnable`, or where the process ended before. */
  readonly listening: Promise<string>
  /** How it ended, in words. */
  readonly exited: Promise<string>
  readonly startedAtMs = performance.now()
  hasListened = false
  isServing = false
  isDraining = false
  /** The counts as they were last told. */
  metrics: MetricsSnapshot = []
  readonly #worker: Worker
  readonly #answers = new Map<number, (answer?: FromWorker & { is: 'answer' }) => void>()
  #lastId = 0

  constructor(start: WorkerStart) {
    const worker = cluster.fork()
    this.#worker = worker
    worker.on('error', () => undefined)
    this.exited = new Promise((resolve) => {
      worker.on('exit', (code: number | null, signal: string | null) => {
        this.isServing = false
        for (const done of this.#answers.values()) done()
        resolve(signal ?? `exit code ${code}`)
      })
    })
    this.listening = new Promise((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if (message.is === 'up') this.#send({ do: 'start', ...start })
        else if (message.is === 'listening') {
          this.hasListened = true
          this.isServing = true
          resolve(message.url)
        } else if (message.is === 'unable') reject(new WorkerUnable(message.message, message.code))
        else if (message.is === 'leaving') this.metrics = message.metrics
        else this.#answers.get(message.id)?.(message)
      })
      void this.exited.then((how) => reject(new Error(`the worker ended at its start: ${how}`)))
    })
    this.listening.catch(() => undefined)
  }

  get pid(): number | undefined {
    return this.#worker.process.pid
  }

  /** Whether it answers at all. */
  async isLive(): Promise<boolean> {
    return (await this.#ask('live')) !== undefined
  }

  /** `undefined` where it is ready, else why not. */
  async unready(): Promise<string | undefined> {
    const answer = await this.#ask('ready')
    return answer === undefined ? 'no answer' : answer.error
  }

  /** Its metrics now; where it does not answer, as they were last told. */
  async latestMetrics(): Promise<MetricsSnapshot> {
    const answer = await this.#ask('metrics')
    if (answer?.metrics !== undefined) this.metrics = answer.metrics
    return this.metrics
  }

  /** Has it finish and leave; kills it where it does not. */
  drain(times: DrainTimes): void {
    this.isServing = false
    this.isDraining = true
    this.#send({ do: 'drain', ...times })
    const kill = setTimeout(() => this.kill(), times.graceMs + 5_000)
    void this.exited.then(() => clearTimeout(kill))
  }

  kill(): void {
    this.#worker.process.kill('SIGKILL')
  }

  #ask(what: 'live' | 'ready' | 'metrics'): Promise<(FromWorker & { is: 'answer' }) | undefined> {
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve) => {
      const done = (answer?: FromWorker & { is: 'answer' }): void => {
        clearTimeout(timer)
        this.#answers.delete(id)
        resolve(answer)
      }
      const timer = setTimeout(done, patienceMs)
      this.#answers.set(id, done)
      this.#send({ do: 'ask', what, id })
    })
  }

  #send(message: ToWorker): void {
    // A worker that is gone is told of by its exit.
    if (this.#worker.isConnected()) this.#worker.send(message, () => undefined)
  }
}
