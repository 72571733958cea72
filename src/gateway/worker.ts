import { assemble } from '../bff.ts'
import { loadSnapshot } from '../config/snapshot.ts'
import { createLog, describeError } from '../log.ts'
import { createMetrics } from '../metrics.ts'
import { discoverInBackground } from './discover.ts'
import { startListener, type DrainTimes } from './listener.ts'
import type { FromWorker, ToWorker, WorkerStart } from './worker-messages.ts'

/** The channel to the supervisor, as `process` has it in a worker. */
export interface WorkerChannel {
  readonly pid: number
  readonly env: Readonly<Record<string, string | undefined>>
  readonly send: (message: FromWorker) => void
  readonly onMessage: (listener: (message: ToWorker) => void) => void
}

/** A worker that serves, until `drain` has ended. */
interface Serving {
  readonly drain: (times?: DrainTimes) => Promise<void>
  readonly answer: (what: 'live' | 'ready' | 'metrics', id: number) => Promise<void>
}

/** Does what the supervisor says. Resolves once the worker has drained; `drain` does so ahead of the supervisor's word. */
export function runWorker(channel: WorkerChannel): { readonly done: Promise<void>; readonly drain: () => Promise<void> } {
  let serving: Promise<Serving> | undefined
  let finish: (() => void) | undefined
  let fail: ((error: unknown) => void) | undefined
  const done = new Promise<void>((resolve, reject) => {
    finish = resolve
    fail = reject
  })
  const drain = async (times?: DrainTimes): Promise<void> => {
    await (await serving)?.drain(times)
    finish?.()
  }
  channel.onMessage((message) => {
    if (message.do === 'start') serving ??= startServing(message, channel)
    else if (message.do === 'drain') drain(message).catch((error: unknown) => fail?.(error))
    else void serving?.then((started) => started.answer(message.what, message.id)).catch(() => undefined)
    serving?.catch((error: unknown) => {
      const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
      channel.send({ is: 'unable', code, message: error instanceof Error ? error.message : String(error) })
      finish?.()
    })
  })
  channel.send({ is: 'up' })
  return { done, drain: () => drain() }
}

async function startServing({ worker, snapshot, host, port }: WorkerStart, channel: WorkerChannel): Promise<Serving> {
  const config = await loadSnapshot(snapshot, channel.env)
  const metrics = createMetrics()
  const bff = assemble(config, { metrics, logger: createLog(config.log.level, { worker, pid: channel.pid }) })
  const listener = await startListener(bff, { host, port }).catch(async (error: unknown) => {
    bff.log.error({ event: 'start_failed', error: describeError(error) }, 'could not listen')
    await bff.close()
    throw error
  })
  const stopDiscovery = discoverInBackground(bff)
  bff.log.info({ event: 'worker_listening' }, 'worker listening')
  channel.send({ is: 'listening', url: listener.url })

  const end = async (times: DrainTimes): Promise<void> => {
    stopDiscovery()
    await listener.drain(times)
    await bff.close()
    channel.send({ is: 'leaving', metrics: await metrics.snapshot() })
    bff.log.info({ event: 'worker_stopped' }, 'worker stopped')
  }
  let ending: Promise<void> | undefined
  return {
    drain: (times = { graceMs: config.limits.shutdownSeconds * 1000, idleMs: 50 }) => (ending ??= end(times)),
    answer: async (what, id) => {
      const metricsNow = what === 'metrics' ? { metrics: await metrics.snapshot() } : {}
      const failure =
        what === 'ready' ? await bff.ready().then(undefined, (error: unknown) => JSON.stringify(describeError(error))) : undefined
      channel.send({ is: 'answer', id, ...metricsNow, ...(failure === undefined ? {} : { error: failure }) })
    },
  }
}
