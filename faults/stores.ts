import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ConfigInput } from '../src/config/schema.ts'
import { openSqlite, type SqliteDatabase } from '../src/stores/sqlite.ts'
import { startPostgres, type PostgresServer } from '../test/support/postgres-server.ts'
import { RedisServer } from '../test/support/redis-server.ts'
import { linkTo, type Link } from './link.ts'

export type StoreKind = 'embedded' | 'redis' | 'postgres'
type StoreConfig = NonNullable<NonNullable<ConfigInput['session']>['store']>

/** The store of one row: a space of its own on a real server, or a folder. */
export interface StoreFixture {
  readonly kind: StoreKind
  /** For the node with this number, over a link of its own where the store is a server. */
  config(node: number): Promise<StoreConfig>
  /** The ways of the nodes to the server. */
  readonly links: Link[]
  stop(): Promise<void>
  start(): Promise<void>
  /** The server accepts connections and answers nothing; the embedded store's write lock is taken. */
  freeze(): Promise<void>
  thaw(): Promise<void>
  refuseWrites(): Promise<void>
  allowWrites(): Promise<void>
  wipe(): Promise<void>
  /** Damages every session record, each in one of several ways. Gives how many there were. */
  corrupt(): Promise<number>
  close(): Promise<void>
}

/** The real servers of one run. */
export interface Servers {
  readonly redis: RedisServer
  readonly postgres: PostgresServer
  close(): Promise<void>
}

export async function startServers(): Promise<Servers> {
  const redis = await RedisServer.start({ durable: true })
  const postgres = await startPostgres()
  return { redis, postgres, close: async () => void (await Promise.all([redis.stop(), postgres.stop()])) }
}

/** Ways in which a record can be broken: cut off, empty, of another form, and of a later one. */
const damaged = (value: Uint8Array, index: number): Uint8Array => {
  const forms = [
    value.subarray(0, Math.floor(value.length / 2)),
    new Uint8Array(0),
    Buffer.from('{"version":99,"session":{}}'),
    Buffer.concat([Buffer.from([0, 0, 0, 9]), value]),
    Buffer.alloc(value.length, 0x41),
  ]
  return forms[index % forms.length] ?? value
}

export function openStore(kind: StoreKind, servers: Servers, name: string, folder: string): StoreFixture {
  if (kind === 'redis') return redisStore(servers.redis, name)
  if (kind === 'postgres') return postgresStore(servers.postgres, name)
  return embeddedStore(join(folder, 'store'))
}

function redisStore(server: RedisServer, name: string): StoreFixture {
  const keyPrefix = `${name}:`
  const links: Link[] = []
  const records = async () => {
    const keys: unknown = await server.command('keys', `${keyPrefix}record:session:*`)
    return Array.isArray(keys) ? keys.map(String) : []
  }
  return {
    kind: 'redis',
    links,
    async config(node) {
      const link = (links[node] ??= await linkTo(server.port))
      return { type: 'redis', url: `redis://127.0.0.1:${link.port}`, keyPrefix }
    },
    stop: () => server.kill(),
    start: () => server.restart(),
    freeze: () => Promise.resolve(server.pause()),
    thaw: () => Promise.resolve(server.resume()),
    // A primary that a failover has made a replica, of a primary that is not there: reads go on, writes are READONLY.
    refuseWrites: async () => void (await server.command('replicaof', '127.0.0.1', 1)),
    allowWrites: async () => void (await server.command('replicaof', 'no', 'one')),
    wipe: async () => void (await server.command('flushall')),
    async corrupt() {
      const keys = await records()
      for (const [index, key] of keys.entries()) {
        const value = Buffer.from(String(await server.command('hget', key, 'd')), 'latin1')
        if (index % 6 === 5) await server.command('set', key, 'not a hash')
        else await server.command('hset', key, 'd', Buffer.from(damaged(value, index)).toString('latin1'))
      }
      return keys.length
    },
    close: async () => void (await Promise.all(links.map((link) => link.close()))),
  }
}

function postgresStore(server: PostgresServer, schema: string): StoreFixture {
  const links: Link[] = []
  const { faults } = server
  if (faults === undefined) throw new Error('the faults need a PostgreSQL of their own: unset TEST_POSTGRES_URL')
  const setReadOnly = async (value: 'on' | 'off') => {
    await server.sql(`alter system set default_transaction_read_only = ${value}`)
    await server.sql('select pg_reload_conf()')
  }
  return {
    kind: 'postgres',
    links,
    async config(node) {
      const link = (links[node] ??= await linkTo(server.port))
      const url = new URL(server.url)
      url.port = String(link.port)
      return { type: 'postgres', url: url.href, schema }
    },
    stop: () => faults.kill(),
    start: () => faults.start(),
    freeze: () => Promise.resolve(faults.freeze()),
    thaw: () => Promise.resolve(faults.thaw()),
    refuseWrites: () => setReadOnly('on'),
    allowWrites: () => setReadOnly('off'),
    wipe: async () => void (await server.sql(`truncate ${schema}.records`)),
    async corrupt() {
      const rows = await server.sql<{ key: string; value: Buffer }>(
        `select key, value from ${schema}.records where key like 'session:%'`,
      )
      for (const [index, { key, value }] of rows.entries())
        await server.sql(`update ${schema}.records set value = $1 where key = $2`, [Buffer.from(damaged(value, index)), key])
      return rows.length
    },
    close: async () => void (await Promise.all(links.map((link) => link.close()))),
  }
}

function embeddedStore(path: string): StoreFixture {
  const away = `${path}-away`
  let lock: SqliteDatabase | undefined
  const none = () => Promise.reject(new Error('this fault does not exist for the embedded store'))
  return {
    kind: 'embedded',
    links: [],
    config: () => Promise.resolve({ type: 'embedded', path }),
    // The folder is not there, and something else is in its place.
    stop: async () => {
      mkdirSync(path, { recursive: true })
      renameSync(path, away)
      writeFileSync(path, '')
    },
    start: async () => {
      rmSync(path)
      renameSync(away, path)
    },
    freeze: async () => {
      lock = openSqlite(databaseFile(path))
      lock.exec('begin immediate')
    },
    thaw: async () => {
      lock?.exec('rollback')
      lock?.close()
      lock = undefined
    },
    refuseWrites: none,
    allowWrites: none,
    wipe: async () => withDatabase(path, (database) => database.exec('delete from record')),
    corrupt: async () =>
      withDatabase(path, (database) => {
        const rows = database
          .prepare<{ id: number; value: Uint8Array }>(
            `select record.id as id, value from record join content on content.id = record.id where key like 'session:%'`,
          )
          .all()
        const write = database.prepare('update content set value = ? where id = ?')
        for (const [index, { id, value }] of rows.entries()) write.run(damaged(value, index), id)
        return rows.length
      }),
    close: async () => undefined,
  }
}

export function databaseFile(folder: string): string {
  return join(folder, 'sessions.db')
}

function withDatabase<T>(folder: string, work: (database: SqliteDatabase) => T): T {
  const database = openSqlite(databaseFile(folder))
  try {
    database.exec('pragma busy_timeout = 5000')
    return work(database)
  } finally {
    database.close()
  }
}
