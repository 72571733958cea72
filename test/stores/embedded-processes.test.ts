import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createEmbeddedStore } from '../../src/stores/embedded.ts'
import { openSqlite } from '../../src/stores/sqlite.ts'
import { StoreProcesses, kill, nextMessage } from './store-process.ts'

let folder: string
const processes = new StoreProcesses()

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-processes-'))
})

afterEach(async () => {
  await processes.killAll()
  rmSync(folder, { recursive: true })
})

const logOf = (prefix: string) => join(folder, `${prefix}.log`)
const startLoad = (path: string, prefix: string) => processes.load(path, prefix, logOf(prefix))

/** Resolves when the process, which reports every ten records, has added about that many more. */
async function addedMore(child: ChildProcess, records: number): Promise<void> {
  for (let seen = 0; seen < records; seen += 10) await nextMessage(child)
}

/** What the log says: the acknowledged state of each key, and the one write that was under way at the end. */
function readLog(prefix: string) {
  const acknowledged = new Map<string, string>()
  let pending: { key: string; state: string } | undefined
  for (const line of readFileSync(logOf(prefix), 'utf8').split('\n').slice(0, -1)) {
    const [word, key = '', state = ''] = line.split(' ')
    if (word === 'did') acknowledged.set(key, state)
    pending = word === 'will' ? { key, state } : undefined
  }
  return { acknowledged, pending }
}

/** Compares each acknowledged write with what a newly opened store holds, and gives how many were compared. */
async function expectKept(path: string, prefix: string): Promise<number> {
  const { acknowledged, pending } = readLog(prefix)
  const store = createEmbeddedStore({ path })
  const wrong: string[] = []
  const there = new Set<string>()
  for (const [key, state] of acknowledged) {
    const record = await store.get(key)
    const found = record === undefined ? 'deleted' : Buffer.from(record.value).toString()
    if (found !== state && !(pending?.key === key && pending.state === found)) wrong.push(`${key} was ${state}, is ${found}`)
    if (record !== undefined) there.add(key)
  }
  const listed = new Set((await store.listTagged(prefix)).map(({ key }) => key))
  for (const key of there) if (!listed.has(key)) wrong.push(`${key} lost its tag`)
  await store.close()
  expect(wrong).toEqual([])
  return acknowledged.size
}

function integrityOf(path: string): readonly unknown[] {
  const database = openSqlite(join(path, 'sessions.db'))
  try {
    return database
      .prepare<{ integrity_check: string }>('pragma integrity_check')
      .all()
      .map((row) => row.integrity_check)
  } finally {
    database.close()
  }
}

describe('embedded store, several processes', () => {
  test('keeps every acknowledged write when a process is killed under load, while another goes on', async () => {
    const path = join(folder, 'data')
    const survivor = startLoad(path, 'survivor')
    await addedMore(survivor, 10)
    const victims = Array.from({ length: 10 }, (_, round) => `victim${round}`)
    for (const [round, victim] of victims.entries()) {
      const child = startLoad(path, victim)
      await addedMore(child, 30 + 10 * (round % 4))
      await kill(child)
      expect(await expectKept(path, victim)).toBeGreaterThanOrEqual(30)
      await addedMore(survivor, 10)
    }
    await kill(survivor)

    expect(integrityOf(path)).toEqual(['ok'])
    for (const victim of victims) await expectKept(path, victim)
    expect(await expectKept(path, 'survivor')).toBeGreaterThan(100)
  })

  test('keeps every acknowledged write when the only process is killed, over and over', async () => {
    const path = join(folder, 'data')
    for (let round = 0; round < 6; round++) {
      const child = startLoad(path, `only${round}`)
      await addedMore(child, 20)
      await kill(child)
      for (let earlier = 0; earlier <= round; earlier++)
        expect(await expectKept(path, `only${earlier}`)).toBeGreaterThanOrEqual(20)
    }
    expect(integrityOf(path)).toEqual(['ok'])
  })

  test('begins together: several processes at once make one database, and each write is in it', async () => {
    for (let round = 0; round < 4; round++) {
      const path = join(folder, `data${round}`)
      const prefixes = ['a', 'b', 'c'].map((name) => `${name}${round}`)
      const children = prefixes.map((prefix) => startLoad(path, prefix))
      await Promise.all(children.map((child) => addedMore(child, 20)))
      await Promise.all(children.map(kill))
      for (const prefix of prefixes) expect(await expectKept(path, prefix)).toBeGreaterThanOrEqual(20)
    }
  })

  test('gives a lease that two processes want to exactly one of them, 200 times', async () => {
    const path = join(folder, 'data')
    const [one, two] = await Promise.all([processes.serve(path), processes.serve(path)])
    const wins = { one: 0, two: 0 }
    for (let round = 0; round < 200; round++) {
      const wanted = [`lease-${round}`, { value: new Uint8Array([1]), expiresAtMs: Date.now() + 60_000 }] as const
      const [first, second] = round % 2 === 0 ? [one, two] : [two, one]
      const answers = await Promise.all([first.call('add', ...wanted), second.call('add', ...wanted)])
      expect(answers.filter((answer) => typeof answer === 'number')).toHaveLength(1)
      const winner = typeof answers[0] === 'number' ? first : second
      wins[winner === one ? 'one' : 'two'] += 1
    }
    expect(wins.one > 0 && wins.two > 0, `each process wins now and then: ${wins.one} and ${wins.two}`).toBe(true)
  })

  test('a record closed in one process is no longer held by another, at once', async () => {
    const path = join(folder, 'data')
    const there = await processes.serve(path)
    const here = createEmbeddedStore({ path })
    for (let round = 0; round < 50; round++) {
      const key = `session-${round}`
      const version = await here.add(key, { value: Buffer.from('x'), expiresAtMs: Date.now() + 60_000, tags: ['user'] })
      await there.call('get', key)
      expect(await there.call('holds', key, version)).toBe(true)
      if (round % 2 === 0) await here.delete(key)
      else await here.deleteTagged('user')
      expect(await there.call('holds', key, version)).toBe(false)
      expect(await there.call('get', key)).toBe(undefined)
    }
    await here.close()
  })
})
