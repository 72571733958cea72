import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createEmbeddedStore } from '../../src/stores/embedded.ts'
import { openSqlite } from '../../src/stores/sqlite.ts'
import type { SqliteDatabase } from '../../src/stores/sqlite.ts'
import type { SessionStore } from '../../src/stores/store.ts'

const startMs = 1_700_000_000_000
let path: string
let nowMs: number
let store: SessionStore
let database: SqliteDatabase

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  path = mkdtempSync(join(tmpdir(), 'coatcheck-sweep-'))
  nowMs = startMs
  store = createEmbeddedStore({ path, clock: () => nowMs })
  void store.check()
  database = openSqlite(join(path, 'sessions.db'))
})

afterEach(async () => {
  vi.useRealTimers()
  database.close()
  await store.close()
  rmSync(path, { recursive: true })
})

function add(count: number, prefix: string, expiresAtMs: number): void {
  database.exec('pragma synchronous = off')
  for (let index = 0; index < count; index++)
    void store.add(`${prefix}${index}`, { value: Buffer.alloc(100), expiresAtMs, tags: ['t', prefix] })
}

const rows = () =>
  database
    .prepare(
      'select (select count(*) from record) as record, (select count(*) from content) as content, (select count(*) from tag) as tag',
    )
    .get()

const records = () => database.prepare<{ count: number }>('select count(*) as count from record').get()?.count ?? NaN

/** Rounds run in a thread: this waits for what it does, and the event loop goes on meanwhile. */
async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await setImmediate()
}

test('what has expired goes from the disk soon after the opening, with its tags, and the rest stays', async () => {
  add(100, 'expired', startMs + 1000)
  add(3, 'live', startMs + 2000)
  nowMs += 1000
  expect(rows()).toEqual({ record: 103, content: 103, tag: 206 })
  vi.advanceTimersByTime(5000)
  await until(() => records() === 3)
  expect(rows()).toEqual({ record: 3, content: 3, tag: 6 })
  expect(store.listTagged('live')).toHaveLength(3)
})

test('what expires later goes with a later round', async () => {
  add(1, 'now', startMs + 1)
  add(1, 'k', startMs + 10_000)
  nowMs += 1
  vi.advanceTimersByTime(5000)
  await until(() => records() === 1)
  nowMs += 10_000
  // The next round is planned when this one's thread has ended.
  await until(() => vi.getTimerCount() > 0)
  vi.advanceTimersByTime(60_000)
  await until(() => records() === 0)
  expect(rows()).toEqual({ record: 0, content: 0, tag: 0 })
})

test('nothing is started where nothing has expired', () => {
  add(1, 'k', startMs + 10_000)
  vi.advanceTimersByTime(5000)
  expect(vi.getTimerCount()).toBe(1)
})

test('a round goes in batches with a pause between them, and the event loop goes on all the time', async () => {
  add(300, 'k', startMs + 1)
  nowMs += 1
  vi.advanceTimersByTime(5000)
  const seen = new Set<number>()
  let turns = 0
  await until(() => {
    turns += 1
    seen.add(records())
    return seen.has(0)
  })
  // The largest batch is 100, so that 300 take three of them at least.
  expect(seen.size).toBeGreaterThan(2)
  expect(turns).toBeGreaterThan(10)
})

test('while another process writes, a round waits without stopping anybody, and goes on afterwards', async () => {
  add(1, 'k', startMs + 1)
  nowMs += 1
  database.exec('begin immediate')
  const started = performance.now()
  vi.advanceTimersByTime(5000)
  expect(performance.now() - started).toBeLessThan(1000)
  for (let turn = 0; turn < 50; turn++) await setImmediate()
  expect(rows()).toMatchObject({ record: 1 })
  database.exec('rollback')
  await until(() => records() === 0)
})

test('a closed store sweeps no more', async () => {
  add(1, 'k', startMs + 1)
  nowMs += 1
  await store.close()
  expect(vi.getTimerCount()).toBe(0)
  expect(rows()).toMatchObject({ record: 1 })
})

test('a store that is closed in the middle of a round ends it, and leaves the write lock free', async () => {
  add(400, 'k', startMs + 1)
  nowMs += 1
  vi.advanceTimersByTime(5000)
  await until(() => records() < 400)
  await store.close()
  await until(() => {
    try {
      database.exec('pragma busy_timeout = 0; begin immediate')
      return true
    } catch {
      return false
    }
  })
  database.exec('rollback')
  expect(vi.getTimerCount()).toBe(0)
})
