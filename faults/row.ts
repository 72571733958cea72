import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { measure, score, trafficClasses, type Allowed, type Measurement, type Score } from './judge.ts'
import { Load } from './load.ts'
import { Stage, type Deadlines } from './stage.ts'
import type { Servers, StoreKind } from './stores.ts'

/** What a row found besides what the steady load met. */
export interface Findings {
  readonly wrong: string[]
  readonly collateral: string[]
  /** Worth telling, and no fault. */
  readonly seen: string[]
}

export interface Scene {
  readonly stage: Stage
  readonly load: Load
  readonly findings: Findings
}

/** One fault: how it is made, how it ends, and what it excuses. */
export interface Row {
  readonly id: string
  readonly fault: string
  readonly expected: string
  readonly stores: readonly StoreKind[]
  readonly nodes?: number
  /** How long the fault lasts. */
  readonly faultMs?: number
  readonly allowed?: Partial<Allowed>
  readonly deadlines?: Deadlines
  /** The subjects whose sessions the fault may end. */
  readonly mayEnd?: (subject: string) => boolean
  /** Instead of an undisturbed second: the load begins together with the fault. */
  readonly isAtBoot?: boolean
  readonly begin: (scene: Scene) => Promise<void>
  readonly end: (scene: Scene) => Promise<void>
  /** After the load has ended. */
  readonly verify?: (scene: Scene) => Promise<void>
}

export interface Result extends Score, Measurement {
  readonly id: string
  readonly store: StoreKind
  readonly fault: string
  readonly expected: string
  readonly seen: readonly string[]
  /** When it was measured. */
  readonly at: string
}

const undisturbedMs = 1_000
const mostRecoveryMs = 7_000
const cleanMs = 1_200

/** Runs a fault under load and judges it. */
export async function run(row: Row, store: StoreKind, servers: Servers, name: string): Promise<Result> {
  const stage = await Stage.open(store, servers, name, row.deadlines)
  const mayEnd = row.mayEnd ?? (() => false)
  const load = new Load({ provider: stage.provider, ports: () => stage.ports(), mayEnd })
  const scene: Scene = { stage, load, findings: { wrong: [], collateral: [], seen: [] } }
  const { findings } = scene
  try {
    for (let index = 0; index < (row.nodes ?? 1); index += 1) await stage.start()
    await load.prepare()
    if (row.isAtBoot === true) await row.begin(scene)
    stage.probe()
    load.start()
    if (row.isAtBoot !== true) await delay(undisturbedMs)
    const ownLag = monitorEventLoopDelay({ resolution: 10 })
    ownLag.enable()
    const faultMs = performance.now()
    if (row.isAtBoot !== true) await row.begin(scene)
    await delay(row.faultMs ?? 3_000)
    await row.end(scene)
    const healedMs = performance.now()
    await settle(load, healedMs)
    const endMs = performance.now()
    ownLag.disable()
    await load.stop()
    await expectSessions(scene, mayEnd)
    await row.verify?.(scene)
    const reuse = stage.provider.reuseDetected
    if (reuse > 0) findings.seen.push(`refresh tokens used twice: ${reuse}`)
    if (load.endedSessions > 0) findings.seen.push(`sessions ended: ${load.endedSessions}`)
    if (load.passedOn > 0) findings.seen.push(`passed on to another node: ${load.passedOn}`)
    findings.seen.push(`warnings logged: ${stage.warnings()}`)
    // What the load generator itself was late counts for nobody.
    const ownLagMs = ownLag.max / 1e6
    if (ownLagMs > 100) findings.seen.push(`the load generator was late by up to ${Math.round(ownLagMs)} ms`)
    const allowed = { outcomes: row.allowed?.outcomes ?? {}, p99Ms: limits(row, ownLagMs) }
    const measured = measure(load.samples, { faultMs: row.isAtBoot === true ? 0 : faultMs, healedMs, endMs }, allowed)
    const measurement = {
      ...measured,
      wrong: [...measured.wrong, ...findings.wrong],
      collateral: [...measured.collateral, ...findings.collateral],
    }
    const { id, fault, expected } = row
    return {
      id,
      store,
      fault,
      expected,
      ...score(measurement),
      ...measurement,
      seen: findings.seen,
      at: new Date().toISOString(),
    }
  } finally {
    await load.stop()
    load.client.close()
    await stage.close()
  }
}

function limits(row: Row, ownLagMs: number): Allowed['p99Ms'] {
  const p99Ms: Allowed['p99Ms'] = { anonymous: 500, ...row.allowed?.p99Ms }
  const limited = trafficClasses.flatMap((name) => {
    const limitMs = p99Ms[name]
    return limitMs === undefined ? [] : [[name, limitMs + ownLagMs] as const]
  })
  return Object.fromEntries(limited)
}

/** Waits until nothing has failed for a while, or for as long as a recovery may be watched. */
async function settle(load: Load, healedMs: number): Promise<void> {
  for (;;) {
    await delay(100)
    const nowMs = performance.now()
    const failed = load.samples.filter(({ startMs, outcome }) => startMs >= healedMs && outcome !== 'ok')
    const lastMs = Math.max(healedMs, ...failed.map(({ startMs, durationMs }) => startMs + durationMs))
    if (nowMs - lastMs > cleanMs || nowMs - healedMs > mostRecoveryMs) return
  }
}

/** Who was logged in, and had no reason to be logged out, still is. */
async function expectSessions({ load, findings, stage }: Scene, mayEnd: (subject: string) => boolean): Promise<void> {
  let lost = 0
  for (const user of load.users) {
    const reply = await load.call(user, '/bff/session')
    if (reply.status !== 200) findings.collateral.push(`the session endpoint answers ${reply.status} afterwards`)
    else if (!reply.body.includes('"authenticated":true') && !mayEnd(user.subject)) lost += 1
  }
  if (lost > 0) findings.wrong.push(`${lost} of ${load.users.length} sessions lost`)
  for (const { process: child } of stage.nodes) if (!child.isRunning) findings.seen.push('a process has ended')
}
