import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
  for (let index = 0; index < count; index++)
    void store.add(`${prefix}${index}`, { value: Buffer.alloc(100), expiresAtMs, tags: ['t', prefix] })
}

const rows = () =>
  database
    .prepare(
      'select (select count(*) from record) as record, (select count(*) from content) as content, (select count(*) from tag) as tag',
    )
    .get()

test('what has expired goes from the disk soon after the opening, with its tags, and the rest stays', () => {
  add(100, 'expired', startMs + 1000)
  add(3, 'live', startMs + 2000)
  nowMs += 1000
  expect(rows()).toEqual({ record: 103, content: 103, tag: 206 })
  vi.advanceTimersByTime(5000)
  expect(rows()).toEqual({ record: 3, content: 3, tag: 6 })
  expect(store.listTagged('live')).toHaveLength(3)
})

test('what expires later goes with a later round', () => {
  add(1, 'k', startMs + 10_000)
  vi.advanceTimersByTime(5000)
  expect(rows()).toMatchObject({ record: 1 })
  nowMs += 10_000
  vi.advanceTimersByTime(60_000)
  expect(rows()).toEqual({ record: 0, content: 0, tag: 0 })
})

test('a round goes in batches with a pause between them, for others to work in', () => {
  add(200, 'k', startMs + 1)
  nowMs += 1
  const left: number[] = []
  for (let step = 0; step < 20; step++) {
    vi.advanceTimersToNextTimer()
    left.push(database.prepare<{ count: number }>('select count(*) as count from record').get()?.count ?? NaN)
  }
  const batches = left.map((count, index) => (left[index - 1] ?? 200) - count)
  expect(Math.max(...batches)).toBeLessThan(200)
  expect(left.at(-1)).toBe(0)
})

test('while another process writes, a round neither waits nor fails, and the next one does it', () => {
  add(1, 'k', startMs + 1)
  nowMs += 1
  database.exec('begin immediate')
  const started = performance.now()
  vi.advanceTimersByTime(5000)
  expect(performance.now() - started).toBeLessThan(1000)
  expect(rows()).toMatchObject({ record: 1 })
  database.exec('rollback')
  vi.advanceTimersByTime(60_000)
  expect(rows()).toMatchObject({ record: 0 })
})

test('a closed store sweeps no more', async () => {
  add(1, 'k', startMs + 1)
  nowMs += 1
  await store.close()
  expect(vi.getTimerCount()).toBe(0)
  expect(rows()).toMatchObject({ record: 1 })
})
