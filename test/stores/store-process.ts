import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const worker = join(import.meta.dirname, 'embedded-worker.mjs')

/** Calls a method of the store in another process; rejects with the words of its error. */
export type Call = (method: string, ...args: readonly unknown[]) => Promise<unknown>

/** Processes with an embedded store, all of which `killAll` ends. */
export class StoreProcesses {
  readonly #children: ChildProcess[] = []

  /** A process that does what it is asked. */
  async serve(path: string): Promise<{ readonly call: Call; readonly pid: number }> {
    const child = this.#fork(['serve', path])
    await nextMessage(child)
    const call: Call = async (method, ...args) => {
      const answered = nextMessage(child)
      child.send({ method, args })
      const answer = Object(await answered)
      if ('error' in answer) throw new Error(answer.error)
      return answer.answer
    }
    return { call, pid: child.pid ?? 0 }
  }

  /** A process that writes without end, under keys with a prefix, and logs what it was told. */
  load(path: string, prefix: string, log: string): ChildProcess {
    return this.#fork(['load', path, prefix, log])
  }

  async killAll(): Promise<void> {
    await Promise.all(this.#children.splice(0).map(kill))
  }

  #fork(args: readonly string[]): ChildProcess {
    const child = fork(worker, args, { execArgv: [], serialization: 'advanced' })
    this.#children.push(child)
    return child
  }
}

/** kill -9, and its end awaited. */
export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

/** What the process says next; rejects when it ends instead. */
export function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void) => {
      child.off('message', onMessage)
      child.off('exit', onExit)
      end()
    }
    const onMessage = (message: unknown) => settle(() => resolve(message))
    const onExit = (code: number | null) => settle(() => reject(new Error(`the process ended by itself (${code})`)))
    child.on('message', onMessage)
    child.on('exit', onExit)
  })
}
