/** What a request was for. */
export type TrafficClass = 'api' | 'refresh' | 'login' | 'anonymous'

export const trafficClasses: readonly TrafficClass[] = ['api', 'refresh', 'login', 'anonymous']

/** One request of the steady load. */
export interface Sample {
  readonly class: TrafficClass
  /** Milliseconds of the monotonic clock. */
  readonly startMs: number
  readonly durationMs: number
  /** `ok`, or the status with its code, or the trouble of the connection. */
  readonly outcome: string
  /** Something no fault excuses: another user's answer, a cleared cookie, a pass without a session. */
  readonly wrong?: string | undefined
}

/** When the fault began and ended, on the clock of the samples. */
export interface Windows {
  readonly faultMs: number
  readonly healedMs: number
  readonly endMs: number
}

/** What may happen while the fault lasts. */
export interface Allowed {
  /** Outcomes by class besides `ok`, each a beginning: `503` allows `503 store_unavailable`. */
  readonly outcomes: Partial<Record<TrafficClass, readonly string[]>>
  /** The slowest answer a class may give during the fault, p99 in milliseconds. */
  readonly p99Ms: Partial<Record<TrafficClass, number>>
}

/** What was seen of one class. */
export interface ClassReport {
  readonly before: Readonly<Record<string, number>>
  readonly during: Readonly<Record<string, number>>
  readonly after: Readonly<Record<string, number>>
  readonly p99BeforeMs: number
  readonly p99DuringMs: number
}

export interface Measurement {
  readonly classes: Readonly<Record<TrafficClass, ClassReport>>
  /** Wrong answers and lost data. */
  readonly wrong: readonly string[]
  /** Errors and waits beyond what the fault excuses. */
  readonly collateral: readonly string[]
  /** Milliseconds from the end of the fault to the end of the last failure; `undefined` where they did not end. */
  readonly recoveryMs: number | undefined
}

export interface Score {
  readonly score: 0 | 1 | 2 | 3
  readonly reason: string
}

const recoveryTargetMs = 5_000
/** Failures this close to the end of the observation have not ended. */
const quietMs = 800

/** 0 wrong answer or data loss, 1 recovers only by a restart, 2 recovers slowly or with collateral errors, 3 as written. */
export function score({ wrong, collateral, recoveryMs }: Measurement): Score {
  if (wrong.length > 0) return { score: 0, reason: wrong.join('; ') }
  if (recoveryMs === undefined) return { score: 1, reason: ['did not recover by itself', ...collateral].join('; ') }
  const slow = recoveryMs > recoveryTargetMs ? [`recovered after ${Math.round(recoveryMs)} ms`] : []
  const reasons = [...slow, ...collateral]
  return reasons.length > 0 ? { score: 2, reason: reasons.join('; ') } : { score: 3, reason: 'as written' }
}

/** Cuts the samples at the fault and compares them with what it excuses. */
export function measure(samples: readonly Sample[], windows: Windows, allowed: Allowed): Measurement {
  const { faultMs, healedMs, endMs } = windows
  const before = samples.filter(({ startMs, durationMs }) => startMs + durationMs < faultMs)
  const during = samples.filter(({ startMs, durationMs }) => startMs + durationMs >= faultMs && startMs < healedMs)
  const after = samples.filter(({ startMs }) => startMs >= healedMs)
  const collateral: string[] = []
  const early = before.filter(({ outcome }) => outcome !== 'ok').length
  if (early > 0) collateral.push(`${early} failures before the fault`)
  for (const name of trafficClasses) {
    const own = during.filter((sample) => sample.class === name)
    const excused = allowed.outcomes[name] ?? []
    const failures = own.filter(({ outcome }) => outcome !== 'ok' && !excused.some((start) => outcome.startsWith(start)))
    for (const [outcome, count] of Object.entries(counts(failures))) collateral.push(`${count} x ${name}: ${outcome}`)
    const limitMs = allowed.p99Ms[name]
    const p99Ms = p99(own)
    if (limitMs !== undefined && p99Ms > limitMs)
      collateral.push(`${name}: p99 ${Math.round(p99Ms)} ms, not ${Math.round(limitMs)} ms`)
  }
  const failedAfter = after.filter(({ outcome }) => outcome !== 'ok')
  const lastMs = Math.max(healedMs, ...failedAfter.map(({ startMs, durationMs }) => startMs + durationMs))
  const classes = Object.fromEntries(trafficClasses.map((name) => [name, report(name, before, during, after)])) as Record<
    TrafficClass,
    ClassReport
  >
  return {
    classes,
    wrong: Object.entries(counts(samples.flatMap(({ wrong }) => (wrong === undefined ? [] : [{ outcome: wrong }])))).map(
      ([what, count]) => `${count} x ${what}`,
    ),
    collateral,
    recoveryMs: failedAfter.some(({ startMs }) => startMs > endMs - quietMs) ? undefined : lastMs - healedMs,
  }
}

function report(name: TrafficClass, ...parts: readonly [readonly Sample[], readonly Sample[], readonly Sample[]]): ClassReport {
  const [before, during, after] = parts.map((samples) => samples.filter((sample) => sample.class === name))
  return {
    before: counts(before ?? []),
    during: counts(during ?? []),
    after: counts(after ?? []),
    p99BeforeMs: p99(before ?? []),
    p99DuringMs: p99(during ?? []),
  }
}

function counts(samples: readonly { readonly outcome: string }[]): Record<string, number> {
  const found = new Map<string, number>()
  for (const { outcome } of samples) found.set(outcome, (found.get(outcome) ?? 0) + 1)
  return Object.fromEntries(found)
}

function p99(samples: readonly Sample[]): number {
  const sorted = samples.map(({ durationMs }) => durationMs).sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? 0
}
