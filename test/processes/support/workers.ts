import { readFileSync } from 'node:fs'
import type { Deployment } from './deployment.ts'
import { NodeClient, type SignedIn } from './nodes-client.ts'

/** A worker by what its log says. */
export interface LoggedWorker {
  readonly worker: number
  readonly pid: number
}

/** All workers that ever listened, in the order in which they did. */
export function workersOf(deployment: Deployment): LoggedWorker[] {
  return deployment.logs.events('worker_listening').map((line) => ({ worker: Number(line['worker']), pid: Number(line['pid']) }))
}

/** Waits until so many workers have listened. */
export async function workersListening(deployment: Deployment, count: number): Promise<LoggedWorker[]> {
  await deployment.node().process.logged(() => workersOf(deployment).length >= count, `${count} workers`)
  return workersOf(deployment)
}

export function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** One client that asks again and again on one kept connection. */
export class Asker {
  readonly failures: string[] = []
  readonly closes: number[] = []
  answers = 0
  readonly #client: NodeClient
  readonly #user: SignedIn
  #isStopped = false
  readonly #done: Promise<void>

  constructor(port: number, user: SignedIn) {
    this.#client = new NodeClient(port)
    this.#user = user
    this.#done = this.#run()
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        const answer = await this.#client.call('/api/again', { id: this.#user.id })
        if (answer.status === 200) this.answers += 1
        else this.failures.push(String(answer.status))
        if (answer.headers.connection === 'close') this.closes.push(this.answers)
      } catch (error) {
        this.failures.push(error instanceof Error && 'code' in error ? String(error.code) : String(error))
      }
    }
    this.#client.close()
  }

  /** Waits for so many more answers. */
  async more(count: number): Promise<void> {
    const goal = this.answers + count
    while (this.answers < goal) await new Promise((resolve) => setTimeout(resolve, 5))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#done
  }
}
