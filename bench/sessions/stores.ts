import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import pg from 'pg'
import { createEmbeddedStore } from '../../src/stores/embedded.ts'
import { createPostgresStore } from '../../src/stores/postgres.ts'
import { createRedisStore } from '../../src/stores/redis.ts'
import { openSqlite } from '../../src/stores/sqlite.ts'
import type { SessionStore } from '../../src/stores/store.ts'
import { startPostgres } from '../../test/support/postgres-server.ts'
import { RedisServer } from '../../test/support/redis-server.ts'
import type { SealedSession } from './records.ts'

export const storeKinds = ['embedded', 'redis', 'postgres'] as const
export type StoreKind = (typeof storeKinds)[number]

/** Where the store of a run is, as another process can be told. */
export interface Place {
  readonly kind: StoreKind
  /** A folder or a URL. */
  readonly at: string
}

/** A store that is being filled, and looked at from outside. */
export interface FilledStore {
  readonly place: Place
  /** Sessions written at once. */
  readonly batch: number
  fill(sessions: readonly SealedSession[]): Promise<void>
  /** What it takes on the disk, or in the memory of Redis. */
  bytes(): Promise<number>
  /** Records that are still there and whose end lies before this moment. */
  expired(beforeMs: number): Promise<number>
  /** Lets the time come at which the server removes these by itself; nothing to do where the store sweeps. */
  letExpire(keys: readonly string[]): Promise<void>
  close(): Promise<void>
}

/** A client of a store, as a gateway has it. */
export function connect({ kind, at }: Place, clock: () => number): SessionStore {
  if (kind === 'embedded') return createEmbeddedStore({ path: at, clock })
  if (kind === 'redis') return createRedisStore({ url: at, clock })
  return createPostgresStore({ url: at, clock })
}

export function openFilled(kind: StoreKind): Promise<FilledStore> {
  if (kind === 'embedded') return openEmbedded()
  return kind === 'redis' ? openRedis() : openPostgres()
}

/** The store's own writes wait for the disk one by one; here thousands share one transaction, into the tables that it made. */
export function embeddedFiller(folder: string) {
  const database = openSqlite(join(folder, 'sessions.db'))
  database.exec('pragma synchronous = off; pragma cache_size = -400000; pragma busy_timeout = 5000')
  const insertRecord = database.prepare('insert into record (key, version, expires_at_ms) values (?, ?, ?)')
  const insertContent = database.prepare('insert into content (id, value) values (?, ?)')
  const insertTag = database.prepare('insert into tag (tag, record_id) values (?, ?)')
  return {
    database,
    fill: (sessions: readonly SealedSession[]): void => {
      database.exec('begin immediate')
      for (const { key, version, value, tags, expiresAtMs } of sessions) {
        const id = Number(insertRecord.run(key, version, expiresAtMs).lastInsertRowid)
        insertContent.run(id, value)
        for (const tag of tags) insertTag.run(tag, id)
      }
      database.exec('commit')
    },
  }
}

async function openEmbedded(): Promise<FilledStore> {
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-sessions-'))
  const store = createEmbeddedStore({ path: folder })
  await store.check()
  await store.close()
  const { database, fill } = embeddedFiller(folder)
  const countExpired = database.prepare<{ count: number }>('select count(*) as count from record where expires_at_ms <= ?')
  return {
    place: { kind: 'embedded', at: folder },
    batch: 2000,
    fill(sessions) {
      fill(sessions)
      return Promise.resolve()
    },
    bytes() {
      database.exec('pragma wal_checkpoint(truncate)')
      return Promise.resolve(statSync(join(folder, 'sessions.db')).size)
    },
    expired: (beforeMs) => Promise.resolve(countExpired.get(beforeMs)?.count ?? NaN),
    letExpire: () => Promise.resolve(),
    close() {
      database.close()
      rmSync(folder, { recursive: true })
      return Promise.resolve()
    },
  }
}

/** Filled through the store itself. */
async function openRedis(): Promise<FilledStore> {
  const server = await RedisServer.start()
  const client = new Redis(server.url, { protocol: 2 })
  const store = createRedisStore({ url: server.url })
  await store.check()
  const used = async () => Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1])
  const before = await used()
  // Redis knows no look-up by expiry: what has expired has gone, so the server's own counter tells what is left.
  let due = 0
  const gone = async () => Number(/expired_keys:(\d+)/.exec(await client.info('stats'))?.[1])
  let goneBefore = 0
  return {
    place: { kind: 'redis', at: server.url },
    batch: 100,
    async fill(sessions) {
      await Promise.all(sessions.map((session) => addPatiently(store, session)))
    },
    bytes: async () => (await used()) - before,
    expired: async () => due - ((await gone()) - goneBefore),
    async letExpire(keys) {
      goneBefore = await gone()
      const atMs = Date.now() + 60_000
      for (let start = 0; start < keys.length; start += 5000) {
        const pipeline = client.pipeline()
        for (const key of keys.slice(start, start + 5000)) pipeline.pexpireat(`coatcheck:record:${key}`, atMs)
        await pipeline.exec()
      }
      if (Date.now() > atMs) throw new Error('the keys began to expire before all of them were told to')
      due += keys.length
      await new Promise((resolve) => setTimeout(resolve, atMs - Date.now()))
    },
    async close() {
      await store.close()
      client.disconnect()
      await server.stop()
    },
  }
}

/** On a busy machine an answer may come too late. Who tries again may find that it had worked. */
async function addPatiently(store: SessionStore, { key, value, tags, expiresAtMs }: SealedSession): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      const version = await store.add(key, { value, tags, expiresAtMs })
      if (version === undefined && tries === 1) throw new Error('a session was there already')
      return
    } catch (error) {
      if (tries === 20) throw error
    }
  }
}

const postgresFlags = ['fsync=on', 'shared_buffers=128MB', 'max_wal_size=4GB']

/** Filled by inserts of many rows. The server waits for the disk, as by default, except while it is filled. */
async function openPostgres(): Promise<FilledStore> {
  const server = await startPostgres(postgresFlags)
  const store = createPostgresStore({ url: server.url })
  await store.check()
  await store.close()
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  await client.query('set synchronous_commit = off')
  return {
    place: { kind: 'postgres', at: server.url },
    batch: 500,
    async fill(sessions) {
      const rows = sessions.map((_, index) => `(${[1, 2, 3, 3, 4, 5].map((column) => `$${index * 5 + column}`).join()})`).join()
      const values = sessions.flatMap(({ key, version, expiresAtMs, tags, value }) => [key, version, expiresAtMs, tags, value])
      const text = `insert into coatcheck.records (key, version, expires_at, sweep_at, tags, value) values ${rows}`
      await client.query({ name: `fill_${sessions.length}`, text, values })
    },
    async bytes() {
      const { rows } = await client.query<{ bytes: string }>(`select pg_total_relation_size('coatcheck.records') as bytes`)
      return Number(rows[0]?.bytes)
    },
    async expired(beforeMs) {
      const { rows } = await client.query<{ count: string }>('select count(*) from coatcheck.records where sweep_at <= $1', [
        beforeMs,
      ])
      return Number(rows[0]?.count)
    },
    letExpire: () => Promise.resolve(),
    async close() {
      await client.end()
      await server.stop()
    },
  }
}

/** Not a key of any session, for a look-up that finds nothing. */
export function absentKey(): string {
  return `session:${randomBytes(32).toString('base64url')}`
}
