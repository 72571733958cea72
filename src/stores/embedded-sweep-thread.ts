import { Worker } from 'node:worker_threads'
import type { SqliteDatabase, SqliteDriver } from './sqlite.ts'

/** One round of sweeping: what has expired by `nowMs` goes. */
export interface SweepTask {
  readonly driver: SqliteDriver
  /** Of the database, as SQLite takes it. */
  readonly url: string
  readonly nowMs: number
  /** Others write between two batches. */
  readonly pauseMs: number
  /** A batch holds the write lock about so long; its size follows the disk. */
  readonly batchTargetMs: number
  readonly largestBatch: number
}

/** A round under way in a thread of its own: what it deletes and what that makes the disk do never stops the event loop. */
export interface SweepRound {
  /** Asks it to end after its batch. Cutting it off could leave the write lock taken for ever. */
  stop(): void
}

/** Begins a round. `ended` is called once it is over, for whatever reason. */
export function startSweepRound(task: SweepTask, ended: () => void): SweepRound {
  // From its text: no file has to be found at run time, whoever bundles us, and Node 20 starts no thread from TypeScript.
  const stopping = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(`(${sweepInThread.toString()})()`, { eval: true, workerData: { ...task, stopping } })
  worker.unref()
  // The next round tries again; whoever uses a store in trouble hears of it.
  worker.on('error', () => undefined)
  worker.on('exit', ended)
  return {
    stop() {
      Atomics.store(stopping, 0, 1)
      Atomics.notify(stopping, 0)
    },
  }
}

/** Runs elsewhere, from its text: no name from outside of it is in reach. */
function sweepInThread(): void {
  const threads = process.getBuiltinModule('node:worker_threads')
  const { createRequire } = process.getBuiltinModule('node:module')
  const { driver, url, nowMs, pauseMs, batchTargetMs, largestBatch, stopping } = threads.workerData as SweepTask & {
    readonly stopping: Int32Array<SharedArrayBuffer>
  }
  const loaded = createRequire(driver.requiredFrom)(driver.module) as Record<string, new (url: string) => SqliteDatabase>
  const Database = loaded[driver.className]
  if (Database === undefined) return
  const database = new Database(url)
  try {
    // A commit that fills the log further than this copies it into the database, here and not where calls are answered.
    database.exec('pragma busy_timeout = 0; pragma synchronous = normal; pragma wal_autocheckpoint = 250')
    const begin = database.prepare('begin immediate')
    const commit = database.prepare('commit')
    const rollback = database.prepare('rollback')
    const sweep = database.prepare(
      'delete from record where id in (select id from record where expires_at_ms <= ? order by expires_at_ms limit ?)',
    )
    let batch = 8
    let refusals = 0
    while (Atomics.load(stopping, 0) === 0) {
      const startedMs = performance.now()
      try {
        begin.run()
      } catch (error) {
        // Somebody else is writing. After some seconds it is left to the next round.
        refusals += 1
        if (refusals > 200) throw error
        Atomics.wait(stopping, 0, 0, pauseMs)
        continue
      }
      let deleted = 0
      try {
        deleted = Number(sweep.run(nowMs, batch).changes)
        commit.run()
      } catch (error) {
        rollback.run()
        throw error
      }
      if (deleted < batch) break
      const tookMs = performance.now() - startedMs
      if (tookMs > batchTargetMs) batch = Math.max(8, Math.floor(batch / 2))
      else if (tookMs < batchTargetMs / 2) batch = Math.min(largestBatch, batch * 2)
      Atomics.wait(stopping, 0, 0, pauseMs)
    }
  } finally {
    database.close()
  }
}
