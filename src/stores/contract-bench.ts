import assert from 'node:assert/strict'
import type { MaybePromise, SessionStore } from './store.ts'

/** What the suite needs to know about a store under test. */
export interface StoreContractHarness {
  /** Declares one test: `test` of vitest, node:test or another runner. */
  readonly test: (name: string, run: () => Promise<void>) => unknown

  /** A new, empty store that reads the time (epoch milliseconds) from `clock`. The suite closes it. */
  readonly create: (clock: () => number) => MaybePromise<SessionStore>

  /**
   * Another client of the data of the store that `create` made last, as another process would open it. The suite closes
   * it first. Leave it out only for a store that has one client by nature.
   */
  readonly second?: (clock: () => number) => MaybePromise<SessionStore>

  /** Called after `clock` moved on by `ms`: for stores whose server keeps time by itself and has to be told, or waited for. */
  readonly advance?: (ms: number) => MaybePromise<void>

  /** Whether `holds` is true for what was just read and not changed since. Always answering `false` is allowed, but slow. */
  readonly holdsWhatWasRead?: boolean
}

/** What one test works with. */
export interface Bench {
  readonly store: SessionStore
  /** The second client, or the same where the store has only one. */
  readonly other: SessionStore
  readonly now: () => number
  readonly advance: (ms: number) => Promise<void>
}

/** Declares a test that gets an empty store. */
export type Declare = (name: string, run: (bench: Bench) => Promise<void>) => void

/** How long records live unless a test says otherwise. */
export const minuteMs = 60_000

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Opens the stores for one test, and closes them whatever becomes of it. */
export async function withBench(harness: StoreContractHarness, run: (bench: Bench) => Promise<void>): Promise<void> {
  let nowMs = Date.now()
  const now = () => nowMs
  const advance = async (ms: number) => {
    nowMs += ms
    await harness.advance?.(ms)
  }
  const store = await harness.create(now)
  try {
    const other = (await harness.second?.(now)) ?? store
    try {
      await run({ store, other, now, advance })
    } finally {
      if (other !== store) await other.close()
    }
  } finally {
    await store.close()
  }
}

/** Adds a record for a minute and gives its version; fails where the key is taken. */
export async function added({ store, now }: Bench, key: string, text: string, tags: readonly string[] = []): Promise<number> {
  const version = await store.add(key, { value: bytes(text), expiresAtMs: now() + minuteMs, tags })
  assert.ok(typeof version === 'number', `${key} can be added`)
  assert.ok(Number.isSafeInteger(version), 'a version is a whole number')
  return version
}

/** Fails unless the key has this text, at this version. */
export async function assertHas(store: SessionStore, key: string, text: string, version: number): Promise<void> {
  const record = await store.get(key)
  assert.ok(record !== undefined, `${key} is there`)
  assert.deepEqual({ text: new TextDecoder().decode(record.value), version: record.version }, { text, version })
}

/** Fails unless no method finds the key. */
export async function assertAbsent(store: SessionStore, key: string): Promise<void> {
  assert.equal(await store.get(key), undefined, `${key} is absent`)
}
