import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createEmbeddedStore } from '../../src/stores/embedded.ts'
import { createDatabaseFile } from '../../src/stores/embedded-schema.ts'
import { openSqlite } from '../../src/stores/sqlite.ts'
import type { SessionStore } from '../../src/stores/store.ts'
import { StoreProcesses } from './store-process.ts'

let root: string
let path: string
let file: string
let nowMs: number
let store: SessionStore
const processes = new StoreProcesses()

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'coatcheck-trouble-'))
  path = join(root, 'data')
  file = join(path, 'sessions.db')
  nowMs = 1_700_000_000_000
  store = createEmbeddedStore({ path, clock: () => nowMs })
})

afterEach(async () => {
  await store.close()
  await processes.killAll()
  rmSync(root, { recursive: true })
})

const record = (text = 'value', tags: readonly string[] = ['t']) => ({
  value: Buffer.from(text),
  expiresAtMs: nowMs + 60_000,
  tags,
})

/** Every method throws, so that nobody takes trouble for an absent record. */
function expectTrouble(words: RegExp): void {
  const calls: readonly (() => unknown)[] = [
    () => store.get('k'),
    () => store.add('new', record()),
    () => store.replace('k', 1, Buffer.from('x'), nowMs + 60_000),
    () => store.touch('k', nowMs + 60_000),
    () => store.delete('k'),
    () => store.deleteTagged('t'),
    () => store.listTagged('t'),
    () => store.check(),
  ]
  for (const call of calls) expect(call, String(call)).toThrow(words)
  expect(store.holds('k', 1)).toBe(false)
}

function expectWorking(): void {
  expect(store.add('after', record())).toBeTypeOf('number')
  expect(store.get('after')).toBeDefined()
  void store.check()
}

/** Removes the database, and puts another file in its place. */
function putInPlace(other: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true })
  copyFileSync(other, file)
}

/** Changes the database as another program would. */
function runSql(sql: string): void {
  const database = openSqlite(file)
  database.exec(sql)
  database.close()
}

describe('embedded store, the place', () => {
  test.skipIf(process.platform === 'win32')('is for its owner alone', () => {
    void store.add('k', record())
    expect((statSync(path).mode & 0o777).toString(8)).toBe('700')
    for (const name of ['sessions.db', 'sessions.db-wal', 'sessions.db-shm']) {
      expect((statSync(join(path, name)).mode & 0o777).toString(8), name).toBe('600')
    }
  })

  test('is opened at first use only, and nothing is left there but the database', async () => {
    expect(() => statSync(path)).toThrow('ENOENT')
    void store.add('k', record())
    await store.close()
    const left = readdirSync(path).map((name) => [name, statSync(join(path, name)).size] as const)
    expect(left.filter(([name, size]) => !name.endsWith('-shm') && size > 0).map(([name]) => name)).toEqual(['sessions.db'])
  })

  test('a closed store answers nothing', async () => {
    void store.add('k', record())
    await store.close()
    expectTrouble(/closed/)
  })
})

describe('embedded store, trouble and recovery', () => {
  test('the folder cannot be made: throws until it can', () => {
    writeFileSync(path, 'a file in its place')
    expectTrouble(/EEXIST|ENOTDIR/)
    rmSync(path)
    expectWorking()
  })

  test('the folder cannot be written to: throws until it can', () => {
    if (process.getuid?.() === 0) {
      // Permission bits do not bind root; nobody at all makes a folder in /sys.
      store = createEmbeddedStore({ path: '/sys/coatcheck', clock: () => nowMs })
      expectTrouble(/ENOENT|EACCES|EPERM|EROFS/)
      return
    }
    mkdirSync(path, { mode: 0o500 })
    expectTrouble(/EACCES/)
    chmodSync(path, 0o700)
    expectWorking()
  })

  test('the file is moved away: throws, and has the record when it is back', () => {
    const version = store.add('k', record())
    renameSync(path, `${path}-away`)
    expectTrouble(/removed or replaced|ENOENT|gone/)
    nowMs += 10_000
    expectTrouble(/ENOENT/)
    renameSync(`${path}-away`, path)
    expect(store.get('k')).toMatchObject({ version })

    renameSync(file, `${file}-away`)
    expectTrouble(/removed or replaced|gone/)
    renameSync(`${file}-away`, file)
    expect(store.get('k')).toMatchObject({ version })
    expect(store.holds('k', Number(version))).toBe(true)
  })

  test('the file is moved away: nothing is held any more, soon and until it is back', () => {
    const version = Number(store.add('k', record()))
    renameSync(file, `${file}-away`)
    // The look at the path that `holds` saves itself for 100 ms is the only thing here that takes real time.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 110)
    expect([store.holds('k', version), store.holds('k', version)]).toEqual([false, false])
    renameSync(`${file}-away`, file)
    expect(store.holds('k', version)).toBe(true)
  })

  test('the file is deleted: throws, and begins anew when it stays away', () => {
    const version = store.add('k', record())
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true })
    expectTrouble(/removed or replaced|gone/)
    nowMs += 2000
    expect(store.get('k')).toBe(undefined)
    expect(store.holds('k', Number(version))).toBe(false)
    expectWorking()
  })

  test('another database is put in its place: throws once, and goes on with that one', async () => {
    void store.add('k', record('mine'))
    const elsewhere = createEmbeddedStore({ path: join(root, 'elsewhere'), clock: () => nowMs })
    void elsewhere.add('k', record('theirs'))
    await elsewhere.close()
    putInPlace(join(root, 'elsewhere', 'sessions.db'))
    expect(() => store.get('k')).toThrow(/replaced/)
    expect(Buffer.from((await store.get('k'))?.value ?? []).toString()).toBe('theirs')
    expectWorking()
  })

  const damages: readonly (readonly [string, () => void])[] = [
    ['filled with something else', () => writeFileSync(file, 'not a database. '.repeat(4096))],
    ['empty', () => truncateSync(file, 0)],
    ['cut off', () => truncateSync(file, 8192)],
    [
      'overwritten after its first page',
      () => {
        const content = readFileSync(file)
        writeFileSync(file, content.fill(0xa5, 4096))
      },
    ],
    ['of another application', () => runSql('pragma application_id = 1')],
    ['of a newer release', () => runSql('pragma user_version = 2')],
    ['without its tables', () => runSql('drop table content')],
    ['without the content of a record', () => runSql('delete from content')],
  ]
  for (const [name, damage] of damages) {
    test(`the file is ${name}: throws and never says "absent", until a sound one is back`, async () => {
      const sound = join(root, 'sound.db')
      const version = store.add('k', record())
      await store.close()
      copyFileSync(file, sound)
      putInPlace(sound)
      damage()
      const before = readFileSync(file)
      store = createEmbeddedStore({ path, clock: () => nowMs })
      expect(() => store.get('k')).toThrow(/in trouble/)
      expect(() => store.listTagged('t')).toThrow(/in trouble/)
      expect(() => store.get('k')).toThrow(/in trouble/)
      expect(readFileSync(file).equals(before), 'the damaged file is left as it is').toBe(true)
      putInPlace(sound)
      expect(store.get('k')).toMatchObject({ version })
      expectWorking()
    })
  }

  test('the file is damaged while it is open: throws and never says "absent"', async () => {
    for (let count = 0; count < 200; count++) void store.add(`k${count}`, record('x'.repeat(8000)))
    const other = createEmbeddedStore({ path, clock: () => nowMs })
    await other.get('k0')
    runSql('pragma wal_checkpoint(truncate)')
    writeFileSync(file, Buffer.alloc(statSync(file).size, 0xa5), { flag: 'r+' })
    expect(() => Array.from({ length: 200 }, (_, count) => other.get(`k${count}`) ?? expect.fail('absent'))).toThrow(/in trouble/)
    await other.close()
  })

  test('a half-made database of a killed process is no obstacle', () => {
    mkdirSync(path)
    writeFileSync(`${file}-0123456789ab.new`, '')
    expectWorking()
  })

  test('two that make the database at once: the first one stays', async () => {
    void store.add('k', record())
    createDatabaseFile(file)
    expect(store.get('k')).toBeDefined()
  })
})

const prlimit =
  process.platform === 'linux' && ['/usr/bin/prlimit', '/bin/prlimit'].some((name) => statSync(name, { throwIfNoEntry: false }))

describe('embedded store, a disk that takes no more', () => {
  // A limit on the size of files: the kernel refuses to write past it, as a full disk does.
  const limitFiles = (pid: number, size: string) => execFileSync('prlimit', ['--pid', `${pid}`, `--fsize=${size}:`])
  const size = (suffix: string) => statSync(`${file}${suffix}`).size

  test.skipIf(!prlimit)('what is there can be read, writes throw and leave no trace, and work again afterwards', async () => {
    const { call, pid } = await processes.serve(path)
    const later = { expiresAtMs: Date.now() + 60_000, tags: ['t'] }
    const version = await call('add', 'k', { value: Buffer.from('kept'), ...later })
    limitFiles(pid, `${size('-wal')}`)
    const large = Buffer.alloc(300_000, 1)
    await expect(call('add', 'new', { value: large, ...later })).rejects.toThrow(/in trouble/)
    await expect(call('replace', 'k', version, large, later.expiresAtMs)).rejects.toThrow(/in trouble/)
    await expect(call('check')).rejects.toThrow(/in trouble/)
    expect(await call('get', 'new')).toBe(undefined)
    expect(await call('get', 'k')).toMatchObject({ version })
    expect(await call('holds', 'k', version)).toBe(true)
    expect(await call('listTagged', 't')).toHaveLength(1)

    limitFiles(pid, 'unlimited')
    await call('check')
    expect(await call('add', 'new', { value: large, ...later })).toBeTypeOf('number')
    expect(await call('replace', 'k', version, large, later.expiresAtMs)).toBeTypeOf('number')
    await processes.killAll()
    expect(openSqlite(file).prepare('pragma integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
  })
})

describe('embedded store, a neighbour that keeps the write lock', () => {
  test('a write waits its time once, then fails fast until the lock is free; reading goes on', () => {
    void store.add('k', record())
    const neighbour = openSqlite(file)
    neighbour.exec('begin immediate')
    const waited = (call: () => unknown) => {
      const started = performance.now()
      expect(call).toThrow(/locked/)
      return performance.now() - started
    }
    expect(waited(() => store.touch('k', nowMs + 1))).toBeGreaterThan(4900)
    expect(waited(() => store.add('new', record()))).toBeLessThan(1000)
    expect(waited(() => store.check())).toBeLessThan(1000)
    expect(store.get('k')).toBeDefined()
    neighbour.exec('rollback')
    neighbour.close()
    expectWorking()
  })
})
