import { setTimeout as delay } from 'node:timers/promises'
import { quantile, type LoadResult } from './load/result.ts'
import type { Running, Scenario } from './scenarios.ts'
import { foreignSeconds, foreignTimes, usageOf } from './usage.ts'

/** One slice of load on one target. */
export interface Slice extends LoadResult {
  readonly target: string
  readonly scenario: string
  /** CPU time of the target with all its processes, in microseconds a call. */
  readonly cpu: number
  readonly userCpu: number
  /** CPU time of Redis, in microseconds a call; 0 where the target uses none. */
  readonly redisCpu: number
  readonly residentBytes: number
  /** CPU seconds that programs which are not ours took, per second. */
  readonly foreign: number
  /** Its CPU time over that of the two slices of the base around it. */
  readonly ratio?: number
}

/** A slice in which others took more of a core than this is done again, where there is patience left. */
const foreignBound = 0.05
/** Seconds that the scenario under way may still wait for others to be quiet. */
let patienceSeconds = 0

/**
 * Measures targets in slices that alternate, each between two of the base: the machine's speed drifts by tens of per
 * cent within minutes, the ratio to the neighbours much less.
 */
export async function measure(
  scenario: Scenario,
  base: Running | undefined,
  others: readonly { readonly target: Running; readonly slices: number; readonly redisPid: number }[],
  options: {
    readonly seconds: number
    readonly warmSeconds: number
    /** How long this scenario may wait for other programs to be quiet. */
    readonly patienceSeconds: number
    readonly onSlice: (slice: Slice) => void
  },
): Promise<Slice[]> {
  const { seconds, warmSeconds, onSlice } = options
  patienceSeconds = options.patienceSeconds
  const slices: Slice[] = []
  const keep = (slice: Slice): Slice => {
    slices.push(slice)
    onSlice(slice)
    return slice
  }
  const all = [...(base === undefined ? [] : [base]), ...others.map(({ target }) => target)]
  if (warmSeconds > 0) for (const running of all) await scenario.load(running, warmSeconds)
  const most = Math.max(...others.map((other) => other.slices))
  let before = base && keep(await quietSlice(scenario, base, 0, seconds))
  for (let round = 0; round < most; round++) {
    const due = others.filter((other) => round < other.slices)
    for (const { target, redisPid } of round % 2 === 0 ? due : [...due].reverse()) {
      const slice = await quietSlice(scenario, target, redisPid, seconds)
      if (base === undefined || before === undefined) keep(slice)
      else {
        const after = await quietSlice(scenario, base, 0, seconds)
        keep({ ...slice, ratio: (2 * slice.cpu) / (before.cpu + after.cpu) })
        before = keep(after)
      }
    }
  }
  return slices
}

async function quietSlice(scenario: Scenario, target: Running, redisPid: number, seconds: number): Promise<Slice> {
  let best: Slice | undefined
  for (let attempt = 0; attempt < 3; attempt++) {
    await quiet()
    const slice = await oneSlice(scenario, target, redisPid, seconds)
    if (best === undefined || slice.foreign < best.foreign) best = slice
    if (best.foreign < foreignBound || patienceSeconds <= 0) return best
    patienceSeconds -= seconds
  }
  if (best === undefined) throw new Error('nothing was measured')
  return best
}

/** Waits for a third of a second in which nobody else works. */
async function quiet(): Promise<void> {
  while (patienceSeconds > 0) {
    const before = foreignTimes()
    await delay(300)
    if (foreignSeconds(before, foreignTimes()) < foreignBound * 0.3) return
    patienceSeconds -= 0.3
  }
}

async function oneSlice(scenario: Scenario, target: Running, redisPid: number, seconds: number): Promise<Slice> {
  const [before, redisBefore, foreignBefore] = [
    usageOf(target.pid),
    redisPid === 0 ? undefined : usageOf(redisPid),
    foreignTimes(),
  ]
  const result = await scenario.load(target, seconds)
  const [after, redisAfter, foreignAfter] = [usageOf(target.pid), redisPid === 0 ? undefined : usageOf(redisPid), foreignTimes()]
  const each = (spent: number): number => (spent / Math.max(1, result.count)) * 1e6
  const user = after.userSeconds - before.userSeconds
  const system = after.systemSeconds - before.systemSeconds
  const redis =
    redisBefore === undefined || redisAfter === undefined
      ? 0
      : redisAfter.userSeconds + redisAfter.systemSeconds - redisBefore.userSeconds - redisBefore.systemSeconds
  return {
    ...result,
    target: target.name,
    scenario: scenario.name,
    cpu: each(user + system),
    userCpu: each(user),
    redisCpu: each(redis),
    residentBytes: after.residentBytes,
    foreign: foreignSeconds(foreignBefore, foreignAfter) / (result.microseconds / 1e6),
  }
}

/** One target in one scenario, over all its slices: medians, and quartiles of the ratio. */
export interface Summary {
  readonly target: string
  readonly scenario: string
  readonly slices: number
  readonly cpu: number
  readonly redisCpu: number
  readonly perSecond: number
  readonly megabytesPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly residentMegabytes: number
  readonly ratio: { readonly median: number; readonly lower: number; readonly upper: number } | undefined
  readonly refused: number
  readonly broken: number
}

export function summarise(slices: readonly Slice[]): Summary[] {
  const groups = new Map<string, Slice[]>()
  for (const slice of slices) {
    const key = `${slice.scenario} ${slice.target}`
    groups.set(key, [...(groups.get(key) ?? []), slice])
  }
  return [...groups.values()].flatMap((all) => {
    const [first] = all
    if (first === undefined) return []
    // A slice that others disturbed counts only where there is no other.
    const clean = all.filter(({ foreign }) => foreign < 2 * foreignBound)
    const used = clean.length > 0 ? clean : all
    const median = (pick: (slice: Slice) => number): number => middle(used.map(pick))
    const ratios = used.flatMap(({ ratio }) => ratio ?? [])
    return {
      target: first.target,
      scenario: first.scenario,
      slices: used.length,
      cpu: median(({ cpu }) => cpu),
      redisCpu: median(({ redisCpu }) => redisCpu),
      perSecond: median(({ count, microseconds }) => (count / microseconds) * 1e6),
      megabytesPerSecond: median(({ bytes, microseconds }) => bytes / microseconds),
      p50Ms: median(({ p50 }) => p50 / 1000),
      p99Ms: median(({ p99 }) => p99 / 1000),
      residentMegabytes: median(({ residentBytes }) => residentBytes / 1e6),
      ratio:
        ratios.length === 0
          ? undefined
          : { median: middle(ratios), lower: quantile(ratios, 0.25), upper: quantile(ratios, 0.75) },
      refused: all.reduce((sum, slice) => sum + slice.refused, 0),
      broken: all.reduce((sum, slice) => sum + slice.broken, 0),
    }
  })
}

function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[half] ?? 0) : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2
}
