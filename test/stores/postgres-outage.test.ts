import { performance } from 'node:perf_hooks'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPostgresStore, migratePostgres } from '../../src/stores/postgres.ts'
import type { SessionStore } from '../../src/stores/store.ts'
import { eventually } from '../support/eventually.ts'
import { makeCertificate } from '../proxy/certificates.ts'
import { startPostgres } from '../support/postgres-server.ts'
import type { PostgresFaults, PostgresServer } from '../support/postgres-server.ts'
import { linkTo } from './postgres-link.ts'

const hasFaults = (process.env['TEST_POSTGRES_URL'] ?? '') === ''

let server: PostgresServer
let schema: string
let round = 0
let store: SessionStore
const crashes: unknown[] = []
const noteCrash = (error: unknown) => crashes.push(error)

const record = (text = 'value', tags: readonly string[] = ['t']) => ({
  value: Buffer.from(text),
  expiresAtMs: Date.now() + 60_000,
  tags,
})

beforeAll(async () => {
  process.on('uncaughtException', noteCrash)
  server = await startPostgres()
})

afterAll(async () => {
  await server.stop()
  process.off('uncaughtException', noteCrash)
})

beforeEach(() => {
  round += 1
  schema = `outage_${process.pid}_${round}`
  store = createPostgresStore({ url: named(server.url), schema })
})

afterEach(async () => {
  server.faults?.thaw()
  await store.close()
  await server.sql(`drop schema if exists ${schema} cascade`)
  expect(crashes).toEqual([])
})

/** Every method rejects within a second, so that nobody takes trouble for an absent record. */
async function expectTrouble(words: RegExp): Promise<void> {
  const calls: readonly (() => unknown)[] = [
    () => store.get('k'),
    () => store.add('new', record()),
    () => store.replace('k', 1, Buffer.from('x'), Date.now() + 60_000),
    () => store.touch('k', Date.now() + 60_000),
    () => store.delete('k'),
    () => store.deleteTagged('t'),
    () => store.listTagged('t'),
    () => store.list('', undefined, 10),
    () => store.check(),
  ]
  const startedMs = performance.now()
  await Promise.all(calls.map((call) => expect(call(), String(call)).rejects.toThrow(words)))
  expect(performance.now() - startedMs).toBeLessThan(1300)
}

/** Ten at once, so that each connection that was kept has its turn. */
async function expectWorking(): Promise<void> {
  await Promise.all(Array.from({ length: 10 }, async () => store.check()))
}

/** Marks connections as those of the test that runs. */
function named(url: string): string {
  const marked = new URL(url)
  marked.searchParams.set('application_name', schema)
  return marked.href
}

/** The connections that are so marked, for a statement to select from. */
const backends = () => `from pg_stat_activity where application_name = '${schema}'`

describe('PostgreSQL store, trouble that passes', () => {
  const faults = (): PostgresFaults => {
    if (server.faults === undefined) throw new Error('needs a server of its own')
    return server.faults
  }
  test.runIf(hasFaults)('down at the start: rejects, and works when the server is there', async () => {
    await faults().kill()
    await expectTrouble(/in trouble: connect ECONNREFUSED/)
    expect(store.holds('k', 1)).toBe(false)
    await faults().start()
    await expectWorking()
  })

  test.runIf(hasFaults)(
    'killed under load: rejects meanwhile, and has every acknowledged write when the server is back',
    async () => {
      await expectWorking()
      const acknowledged: string[] = []
      let failed = 0
      let isDone = false
      const load = Array.from({ length: 6 }, async (_, worker) => {
        for (let index = 0; !isDone; index++) {
          const key = `${worker}:${index}`
          try {
            if ((await store.add(key, record(key))) !== undefined) acknowledged.push(key)
          } catch {
            failed += 1
            await new Promise((resolve) => setTimeout(resolve, 10))
          }
        }
      })
      await eventually(() => expect(acknowledged.length).toBeGreaterThan(100))
      await faults().kill()
      await eventually(() => expect(failed).toBeGreaterThan(20))
      const before = acknowledged.length
      await faults().start()
      await eventually(() => expect(acknowledged.length).toBeGreaterThan(before + 50))
      isDone = true
      await Promise.all(load)
      const missing: string[] = []
      for (const key of acknowledged) if ((await store.get(key)) === undefined) missing.push(key)
      expect(missing).toEqual([])
    },
  )

  test.runIf(hasFaults)('frozen: rejects in time with the event loop free, and no connection stays stuck', async () => {
    await expectWorking()
    faults().freeze()
    let longestMs = 0
    let lastMs = performance.now()
    const watch = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - lastMs)
      lastMs = performance.now()
    }, 10)
    const flood = Promise.allSettled(Array.from({ length: 600 }, async () => store.get('k')))
    await expectTrouble(/in trouble: (no answer|too many)/)
    clearInterval(watch)
    expect(longestMs).toBeLessThan(200)
    expect((await flood).map(({ status }) => status)).not.toContain('fulfilled')
    faults().thaw()
    await eventually(expectWorking, 3000)
  })

  test('every connection closed by the server: the next requests succeed', async () => {
    await expectWorking()
    for (let turn = 0; turn < 5; turn++) {
      const closed = await server.sql(`select pg_terminate_backend(pid) ${backends()}`)
      expect(closed.length).toBeGreaterThan(1)
      await expectWorking()
    }
  })

  test('closed in the middle of a statement: it is repeated, and does not take its own work for that of another', async () => {
    await store.check()
    for (let turn = 0; turn < 10; turn++) {
      const adds = Array.from({ length: 8 }, async (_, index) => store.add(`${turn}:${index}`, record()))
      const [, versions] = await Promise.all([server.sql(`select pg_terminate_backend(pid) ${backends()}`), Promise.all(adds)])
      expect(versions).not.toContain(undefined)
    }
  })

  test('a write whose answer was lost is repeated, and known again', async () => {
    const link = await linkTo(server.url)
    const far = createPostgresStore({ url: link.url, schema })
    await far.check()
    const version = await far.add('replaced', record())
    const writes: readonly (readonly [string, () => unknown])[] = [
      ['added', () => far.add('added', record('new'))],
      ['replaced', () => far.replace('replaced', version ?? 0, Buffer.from('new'), Date.now() + 60_000)],
    ]
    for (const [key, write] of writes) {
      link.freezeAnswers()
      const written = write()
      await eventually(async () => expect(String((await store.get(key))?.value)).toBe('new'))
      link.cut()
      expect((await store.get(key))?.version).toBe(await written)
    }
    await far.close()
    await link.close()
  })

  test.runIf(hasFaults)('read-only: reads go on, writes reject, and both work when it is over', async () => {
    const version = await store.add('k', record())
    const database = new URL(server.url).pathname.slice(1)
    const setReadOnly = (value: string) =>
      server.sql(`begin read write; alter database ${database} set default_transaction_read_only = ${value}; commit`)
    await setReadOnly('on')
    await server.sql(`select pg_terminate_backend(pid) ${backends()}`)
    try {
      expect((await store.get('k'))?.version).toBe(version)
      await expect(store.add('other', record())).rejects.toThrow(/in trouble: .*read-only/)
      await expect(store.delete('k')).rejects.toThrow(/in trouble: .*read-only/)
      await expect(store.check()).rejects.toThrow(/in trouble: .*read-only/)
      expect((await store.get('k'))?.version).toBe(version)
    } finally {
      await setReadOnly('off')
    }
    // The connections are as they were; a failed write makes the store look for others.
    await eventually(() => store.check(), 3000)
    expect(await store.delete('k')).toBe(true)
  })
})

describe('PostgreSQL store, the way to the server', () => {
  test('a pooler sees single statements only: no settings, no names, no listening, no transactions', async () => {
    const link = await linkTo(server.url)
    const pooled = createPostgresStore({ url: link.url, listenUrl: server.url, schema })
    const version = await pooled.add('k', record())
    await pooled.get('k')
    await pooled.touch('k', Date.now() + 90_000)
    await pooled.touch('k', Date.now() + 30_000)
    await pooled.replace('k', version ?? 0, Buffer.from('x'), Date.now() + 60_000)
    await pooled.listTagged('t')
    await pooled.deleteTagged('t')
    await pooled.delete('k')
    await pooled.close()
    const starts = link.said.filter((text) => text.startsWith('start'))
    expect(starts.length).toBeGreaterThan(0)
    for (const start of starts) {
      expect(start).toContain('application_name coatcheck')
      expect(start).not.toMatch(/timeout|options/)
    }
    const statements = link.said.filter((text) => !text.startsWith('start'))
    expect(statements.length).toBeGreaterThan(8)
    for (const statement of statements) expect(statement).toMatch(/^(P {2}|Q )(select|insert|update|with)\s/)
    await link.close()
  })

  test.runIf(hasFaults)(
    'TLS: a certificate is accepted from the named authority for the named host, and else refused',
    async () => {
      const { cert, key } = makeCertificate('127.0.0.1')
      const { cert: foreign } = makeCertificate('127.0.0.1')
      const secure = await startPostgres([], { cert, key })
      const refused = async (url: string, ca: string | undefined, words: RegExp) => {
        const refusing = createPostgresStore({ url, ...(ca === undefined ? {} : { ca }) })
        await expect(refusing.check()).rejects.toThrow(words)
        await refusing.close()
      }
      const verifying = `${secure.url}?sslmode=verify-full`
      await refused(verifying, undefined, /self-signed certificate/)
      await refused(verifying, foreign, /self-signed certificate|signature|verify/)
      await refused(verifying.replace('127.0.0.1', 'localhost'), cert, /altnames|Hostname/)
      await refused(server.url, cert, /does not support SSL connections; on a network of your own, add \?sslmode=disable/)
      const trusted = createPostgresStore({ url: verifying, ca: cert })
      await trusted.check()
      const sessions = await secure.sql(
        `select ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'coatcheck'`,
      )
      expect(sessions.length).toBeGreaterThan(0)
      expect(sessions).not.toContainEqual({ ssl: false })
      await trusted.close()
      await secure.stop()
    },
  )
})

describe('PostgreSQL store, what is in the database', () => {
  test('wiped: records are absent, and new ones can be added', async () => {
    await store.add('k', record())
    await server.sql(`truncate ${schema}.records`)
    expect(await store.get('k')).toBe(undefined)
    expect(await store.listTagged('t')).toEqual([])
    expect(await store.add('k', record())).toBeTypeOf('number')
  })

  test('a corrupt value is given as it is, for those who can tell', async () => {
    await store.add('k', record())
    await server.sql(`update ${schema}.records set value = '\\x00ff'`)
    expect([...((await store.get('k'))?.value ?? [])]).toEqual([0, 255])
  })

  test('dropped tables are trouble and not "empty", until somebody makes or restores them', async () => {
    await store.add('k', record())
    await server.sql(`drop schema ${schema} cascade`)
    await expect(store.get('k')).rejects.toThrow(/does not exist/)
    await expectTrouble(/its tables are gone; restore them, or make them anew with: coatcheck check/)
    await migratePostgres({ url: server.url, schema })
    expect(await store.get('k')).toBe(undefined)
    await expectWorking()
  })

  test('tables of a newer version are left alone', async () => {
    await store.check()
    await server.sql(`insert into ${schema}.migration (version) values (99)`)
    const older = createPostgresStore({ url: server.url, schema })
    await expect(older.get('k')).rejects.toThrow(/version 99, made by a newer Coatcheck/)
    await expect(migratePostgres({ url: server.url, schema })).rejects.toThrow(/version 99, made by a newer Coatcheck/)
    await older.close()
  })

  test('many nodes that start together make the tables once', async () => {
    const nodes = Array.from({ length: 8 }, () => createPostgresStore({ url: server.url, schema, poolSize: 2 }))
    await Promise.all(nodes.map(async (node, index) => node.add(`k${index}`, record())))
    expect(await nodes[0]?.listTagged('t')).toHaveLength(8)
    expect(await server.sql(`select version from ${schema}.migration`)).toEqual([{ version: 1 }])
    await Promise.all(nodes.map(async (node) => node.close()))
  })

  test('a user without the right to make tables is told so, and needs none where they are', async () => {
    const role = `plain_${process.pid}_${round}`
    await server.sql(`create role ${role} login password 'plain'`)
    const url = new URL(server.url)
    url.username = role
    url.password = 'plain'
    const plain = createPostgresStore({ url: url.href, schema })
    await expect(plain.get('k')).rejects.toThrow(/in trouble: permission denied for database/)
    await migratePostgres({ url: server.url, schema })
    await server.sql(`grant usage on schema ${schema} to ${role};
      grant select, insert, update, delete on all tables in schema ${schema} to ${role}`)
    await plain.add('k', record())
    await plain.check()
    expect(await plain.delete('k')).toBe(true)
    await plain.close()
    await server.sql(`drop owned by ${role}; drop role ${role}`)
  })

  test('a closed store answers nothing', async () => {
    await store.check()
    await store.close()
    await expectTrouble(/the store is closed/)
    expect(await server.sql(`select pid ${backends()}`)).toEqual([])
  })

  test.runIf(hasFaults)('no message tells the password', async () => {
    const url = new URL(server.url)
    url.password = 'not-the-password'
    const wrong = createPostgresStore({ url: url.href, schema })
    const error = await Promise.resolve(wrong.get('k')).catch((reason: unknown) => reason)
    expect(String(error)).toMatch(/in trouble: password authentication failed/)
    expect(String(error)).not.toContain('not-the-password')
    await wrong.close()
  })
})
