import { once } from 'node:events'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { sessionKey } from '../../src/session/record.ts'
import type { SessionStore } from '../../src/stores/store.ts'
import { endsFirst, idOf, requireSession } from './records.ts'
import { absentKey, connect, type Place } from './stores.ts'

/** What the process of this file is to do: it is a client of the store, and nothing else runs in it. */
export type Task =
  | { readonly what: 'look'; readonly place: Place; readonly count: number }
  | { readonly what: 'traffic'; readonly place: Place; readonly count: number; readonly aheadMs: number }

/** Milliseconds. */
export interface Looks {
  readonly p50: number
  readonly p99: number
  readonly absentP99: number
  readonly firstPage: number
  readonly secondPage: number
}

/** Look-ups beside whatever the store does by itself, and how long the event loop stood still. Milliseconds. */
export interface Traffic {
  readonly p50: number
  readonly p99: number
  readonly longest: number
  readonly loopP99: number
  readonly loopLongest: number
}

const rounds = 5
const looksPerRound = 4000
const tickMs = 5
const pageSize = 200

if (process.send !== undefined) {
  const [task] = (await once(process, 'message')) as [Task]
  process.send(task.what === 'look' ? await look(task) : await traffic(task))
  process.disconnect()
}

/** The middle of some rounds, each of look-ups of random sessions one after another. */
async function look({ place, count }: Task): Promise<Looks> {
  const store = connect(place, Date.now)
  await store.check()
  for (let turn = 0; turn < 500; turn++) await timedGet(store, count)
  const found: { readonly p50: number; readonly p99: number }[] = []
  for (let round = 0; round < rounds; round++) found.push(quantiles(await timedGets(looksPerRound, () => timedGet(store, count))))
  const absent = await timedGets(looksPerRound, async () => {
    const started = performance.now()
    if ((await store.get(absentKey())) !== undefined) throw new Error('a session that was never made was found')
    return performance.now() - started
  })
  let started = performance.now()
  const page = await store.list('session:', undefined, pageSize)
  const firstPage = performance.now() - started
  started = performance.now()
  await store.list('session:', page.at(-1)?.key, pageSize)
  const secondPage = performance.now() - started
  await store.close()
  const middle = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
  return {
    p50: middle(found.map(({ p50 }) => p50)),
    p99: middle(found.map(({ p99 }) => p99)),
    absentP99: quantiles(absent).p99,
    firstPage,
    secondPage,
  }
}

/** A look-up every 10 ms until told to stop, with a clock that is ahead: what ends before it is swept by the store. */
async function traffic({ place, count, ...task }: Task): Promise<Traffic> {
  const aheadMs = 'aheadMs' in task ? task.aheadMs : 0
  const store = connect(place, () => Date.now() + aheadMs)
  await store.check()
  for (let turn = 0; turn < 200; turn++) await timedGet(store, count)
  const loop = monitorEventLoopDelay({ resolution: tickMs })
  const stop = once(process, 'message').then(() => true)
  const times: number[] = []
  loop.enable()
  do times.push(await timedGet(store, count))
  while (!(await Promise.race([stop, delay(10)])))
  loop.disable()
  await store.close()
  const beyondTick = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - tickMs)
  return {
    ...quantiles(times),
    longest: times.reduce((most, time) => Math.max(most, time), 0),
    loopP99: beyondTick(loop.percentile(99)),
    loopLongest: beyondTick(loop.max),
  }
}

async function timedGets(count: number, get: () => Promise<number>): Promise<number[]> {
  const times: number[] = []
  for (let turn = 0; turn < count; turn++) times.push(await get())
  return times
}

/** Looks up a random one of the sessions that end last, and in one of a hundred cases opens it. */
async function timedGet(store: SessionStore, count: number): Promise<number> {
  let index = Math.floor(Math.random() * count)
  if (endsFirst(index)) index -= 1
  const key = sessionKey(idOf(index))
  const started = performance.now()
  const record = await store.get(key)
  const took = performance.now() - started
  if (record === undefined) throw new Error(`session ${index} is not in the store`)
  if (Math.random() < 0.01) requireSession(index, record.value)
  return took
}

function quantiles(times: readonly number[]): { readonly p50: number; readonly p99: number } {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
  return { p50: at(0.5), p99: at(0.99) }
}
