import { fork } from 'node:child_process'
import { once } from 'node:events'
import { loadavg, setPriority } from 'node:os'
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { Command, InvalidArgumentError } from 'commander'
import { sessionKey } from '../../src/session/record.ts'
import type { Looks, Task, Traffic } from './probe.ts'
import { endsFirst, idOf, sealedSession, shortLifeMs } from './records.ts'
import { readResults, writeReport, type Result, type Size } from './report.ts'
import { openFilled, storeKinds, type FilledStore, type StoreKind } from './stores.ts'

interface Options {
  readonly sessions: number
  readonly stores: readonly StoreKind[]
  readonly publish?: true
}

const { sessions, stores, publish } = new Command('sessions')
  .description('Fills each store with sealed sessions, and measures space, look-ups and sweeping as their number grows.')
  .option('--sessions <count>', 'how many in the end', countOf, 1_000_000)
  .option('--stores <names>', `some of ${storeKinds.join()}`, kindsOf, storeKinds)
  .option('--publish', 'write docs/million-sessions.md; stores that are not measured now keep their earlier results')
  .parse()
  .opts<Options>()

const quietSeconds = 10
/** A sweep that takes longer is not waited for. */
const mostSweepSeconds = 90

const results = new Map<StoreKind, Result>(publish === true ? readResults().map((result) => [result.store, result]) : [])
for (const kind of stores) {
  results.set(kind, await measure(kind))
  if (publish === true) writeReport(storeKinds.flatMap((store) => results.get(store) ?? []))
}
process.stdout.write(`${JSON.stringify([...results.values()], null, 1)}\n`)

async function measure(kind: StoreKind): Promise<Result> {
  const store = await openFilled(kind)
  try {
    const startedMs = Date.now()
    const sizes: Size[] = []
    let written = 0
    let valueBytes = 0
    let fillMs = 0
    for (const count of sizesUpTo(sessions)) {
      const started = performance.now()
      while (written < count) {
        const batch = Array.from({ length: Math.min(store.batch, count - written) }, (_, index) =>
          sealedSession(written + index, startedMs),
        )
        await store.fill(batch)
        written += batch.length
        valueBytes += batch.reduce((sum, { value }) => sum + value.length, 0)
        if (written % 50_000 < store.batch) say(kind, `${written} sessions`)
      }
      fillMs += performance.now() - started
      const bytes = await store.bytes()
      const { answer } = begin<Looks>({ what: 'look', place: store.place, count })
      const looks = await answer
      sizes.push({ count, bytes, looks })
      say(kind, JSON.stringify(sizes.at(-1)))
    }
    const sweep = await sweepHalf(kind, store, startedMs)
    return {
      store: kind,
      at: new Date().toISOString(),
      loadAverage: loadavg()[1] ?? NaN,
      valueBytes: valueBytes / written,
      filledPerSecond: written / (fillMs / 1000),
      sizes,
      ...sweep,
    }
  } finally {
    await store.close()
  }
}

/** Traffic without a sweep, then the same while half of the sessions are swept away. */
async function sweepHalf(kind: StoreKind, store: FilledStore, startedMs: number) {
  const quietTraffic = begin<Traffic>({ what: 'traffic', place: store.place, count: sessions, aheadMs: 0 })
  await delay(quietSeconds * 1000)
  quietTraffic.stop()
  const quiet = await quietTraffic.answer
  say(kind, `quiet ${JSON.stringify(quiet)}`)
  const due = Array.from({ length: sessions }, (_, index) => index).filter(endsFirst)
  await store.letExpire(due.map((index) => sessionKey(idOf(index))))
  // The server of Redis goes by the real time alone.
  const aheadMs = kind === 'redis' ? 0 : 2 * shortLifeMs
  const traffic = begin<Traffic>({ what: 'traffic', place: store.place, count: sessions, aheadMs })
  const { swept, sweptPerSecond } = await watch(kind, store, startedMs + shortLifeMs, due.length)
  traffic.stop()
  return { due: due.length, swept, sweptPerSecond, quiet, sweeping: await traffic.answer }
}

/** Looks every two seconds how much is left; the time runs from the last look before the first row went. */
async function watch(kind: StoreKind, store: FilledStore, beforeMs: number, due: number) {
  let begunMs = performance.now()
  for (let looks = 0; ; looks++) {
    const nowMs = performance.now()
    const left = await store.expired(beforeMs)
    if (left === due) begunMs = nowMs
    if (looks % 10 === 0) say(kind, `${left} left to sweep`)
    const seconds = (performance.now() - begunMs) / 1000
    if (left === due && looks > mostSweepSeconds) throw new Error('nothing has been swept')
    if (left === 0 || seconds > mostSweepSeconds) return { swept: due - left, sweptPerSecond: (due - left) / seconds }
    await delay(2000)
  }
}

/** A process of its own, so that nothing but the store is in its event loop. */
function begin<Answer>(task: Task): { readonly answer: Promise<Answer>; stop(): void } {
  const child = fork(new URL('probe.js', import.meta.url).pathname)
  preferred(child.pid ?? 0)
  const answer = Promise.race([
    once(child, 'message').then(([value]) => value as Answer),
    once(child, 'exit').then(([code]) => Promise.reject<Answer>(new Error(`the measuring process ended with ${String(code)}`))),
  ])
  child.send(task)
  return { answer, stop: () => void child.send('stop') }
}

/** With two cores for all, it would otherwise show how long the store kept them. Needs the right to do so. */
function preferred(pid: number): void {
  try {
    setPriority(pid, -15)
  } catch {
    process.stderr.write('the measuring process has no priority over the store: its event loop also waits for a core\n')
  }
}

function sizesUpTo(most: number): number[] {
  return [...[1000, 10_000, 100_000, 1_000_000].filter((size) => size < most), most]
}

function say(kind: StoreKind, words: string): void {
  process.stderr.write(`${new Date().toISOString()} ${kind}: ${words}\n`)
}

function countOf(text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1000) throw new InvalidArgumentError('a whole number of at least 1000')
  return count
}

function kindsOf(text: string): readonly StoreKind[] {
  const unknown = text.split(',').find((name) => !storeKinds.some((kind) => kind === name))
  if (unknown !== undefined) throw new InvalidArgumentError(`there is no store ${unknown}`)
  return storeKinds.filter((kind) => text.split(',').includes(kind))
}
