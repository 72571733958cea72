import { randomBytes, randomInt } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { QueryResultRow } from 'pg'
import { reasonOf, sqlStateOf } from './postgres-driver.ts'
import { HeldVersions } from './postgres-held.ts'
import type { Reading } from './postgres-held.ts'
import { PostgresListener } from './postgres-listener.ts'
import { formatMessage } from './postgres-message.ts'
import { readPostgresOptions } from './postgres-options.ts'
import type { PostgresSettings } from './postgres-options.ts'
import type { PostgresStoreOptions } from './postgres-store-options.ts'
import { PostgresPeers } from './postgres-peers.ts'
import { PostgresPool } from './postgres-pool.ts'
import type { Statement } from './postgres-pool.ts'
import { checkNotNewer, migrate, schemaVersion } from './postgres-schema.ts'
import { statementsFor } from './postgres-statements.ts'
import type { Statements } from './postgres-statements.ts'
import { PostgresSweep } from './postgres-sweep.ts'
import type { KeyedRecord, NewRecord, SessionStore, StoredRecord } from './store.ts'

export { migratePostgres } from './postgres-schema.ts'
export type { PostgresStoreOptions } from './postgres-store-options.ts'

/**
 * A store in PostgreSQL (13 or newer), shared by several nodes. Needs the package `pg`.
 *
 * It connects at first use, and makes its tables then; its methods reject while the server is in trouble, and work again
 * when that is over. What one node ends is ended for `holds` of every node when the call that ended it resolves. Throws a
 * TypeError for options that cannot be used.
 */
export function createPostgresStore(options: PostgresStoreOptions): SessionStore {
  return new PostgresStore(readPostgresOptions(options))
}

/** Never given twice for a key, and chosen before the write, so that a write can be repeated. */
const newVersion = () => randomInt(1, 2 ** 48 - 1)

interface Row extends QueryResultRow {
  readonly key: string
  readonly value: Uint8Array
  readonly version: string
  readonly expires_at: string
}

class PostgresStore implements SessionStore {
  readonly #settings: PostgresSettings
  readonly #statements: Statements
  readonly #pool: PostgresPool
  readonly #held = new HeldVersions()
  readonly #peers: PostgresPeers
  readonly #listener: PostgresListener
  readonly #sweep: PostgresSweep
  #ready: Promise<void> | undefined
  #wasReady = false

  constructor(settings: PostgresSettings) {
    this.#settings = settings
    this.#statements = statementsFor(settings.schema)
    this.#pool = new PostgresPool(settings)
    this.#peers = new PostgresPeers(settings.trustMs, () => performance.now())
    this.#listener = new PostgresListener(settings, this.#statements, this.#held, this.#peers, (message) =>
      this.#pool.query(this.#statements.say, [settings.channel, message]),
    )
    this.#sweep = new PostgresSweep(this.#pool, this.#statements.sweep, settings.clock)
  }

  get(key: string): Promise<StoredRecord | undefined> {
    return this.#reading(key, async (reading) => {
      const [row] = await this.#query<Row>(this.#statements.get, [key, this.#settings.clock()])
      if (row === undefined) {
        this.#held.drop(key)
        return undefined
      }
      const record = recordOf(row)
      this.#held.hold(reading, record.version, record.expiresAtMs)
      return record
    })
  }

  add(key: string, record: NewRecord): Promise<number | undefined> {
    const { value, expiresAtMs, tags } = record
    const version = newVersion()
    const values = [key, version, expiresAtMs, [...new Set(tags)], bytesOf(value), this.#settings.clock()]
    return this.#reading(key, async (reading) => {
      if ((await this.#query(this.#statements.add, values)).length === 0) return undefined
      this.#held.hold(reading, version, expiresAtMs)
      return version
    })
  }

  async replace(key: string, version: number, value: Uint8Array, expiresAtMs: number): Promise<number | undefined> {
    const next = newVersion()
    const values = [key, version, next, bytesOf(value), expiresAtMs, this.#settings.clock()]
    const rows = await this.#ending(key, this.#statements.replace, values, (reading) =>
      this.#held.hold(reading, next, expiresAtMs),
    )
    return rows.length === 0 ? undefined : next
  }

  async touch(key: string, expiresAtMs: number): Promise<boolean> {
    const now = this.#settings.clock()
    const isExtended = await this.#reading(key, async (reading) => {
      if ((await this.#query(this.#statements.extend, [key, expiresAtMs, now])).length === 0) return false
      this.#held.extend(reading, expiresAtMs)
      return true
    })
    if (isExtended) return true
    return (await this.#ending(key, this.#statements.shorten, [key, expiresAtMs, now])).length > 0
  }

  async delete(key: string, version?: number): Promise<boolean> {
    const values = [key, version ?? null, this.#settings.clock()]
    const rows = await this.#ending<{ live: boolean }>(key, this.#statements.delete, values)
    return rows[0]?.live === true
  }

  async deleteTagged(tag: string): Promise<readonly string[]> {
    const { clock } = this.#settings
    const rows = await this.#ending<{ key: string; live: boolean }>(undefined, this.#statements.deleteTagged, [tag, clock()])
    return rows.filter(({ live }) => live).map(({ key }) => key)
  }

  listTagged(tag: string): Promise<readonly KeyedRecord[]> {
    return this.#records(this.#statements.listTagged, [tag, this.#settings.clock()])
  }

  list(prefix: string, after: string | undefined, limit: number): Promise<readonly KeyedRecord[]> {
    return this.#records(this.#statements.list, [prefix, after ?? null, this.#settings.clock(), limit])
  }

  holds(key: string, version: number): boolean {
    const nowMs = performance.now()
    this.#listener.want(nowMs)
    return this.#listener.isTrusting(nowMs) && this.#held.has(key, version, this.#settings.clock(), nowMs)
  }

  /** Writes a number and reads it back. */
  async check(): Promise<void> {
    const value = newVersion()
    const [row] = await this.#query<{ value: string }>(this.#statements.probe, [value])
    if (Number(row?.value) !== value) throw this.#trouble(new Error('what was written is not what is read'))
  }

  async close(): Promise<void> {
    this.#sweep.stop()
    this.#pool.close()
    await this.#listener.close()
  }

  async #records(statement: Statement, values: readonly unknown[]): Promise<readonly KeyedRecord[]> {
    const rows = await this.#query<Row>(statement, values)
    return rows.map((row) => ({ key: row.key, ...recordOf(row) }))
  }

  /** A question whose answer may be held, if no write of the record is announced while it is under way. */
  async #reading<T>(key: string, ask: (reading: Reading) => Promise<T>): Promise<T> {
    const nowMs = performance.now()
    this.#listener.want(nowMs)
    const reading = this.#held.begin(key, nowMs)
    try {
      return await ask(reading)
    } finally {
      this.#held.end(reading)
    }
  }

  /**
   * A write that ends a version, of one key or of any. It announces that in its own transaction, and resolves when no node
   * goes by the old version any more.
   */
  async #ending<R extends QueryResultRow>(
    key: string | undefined,
    statement: Statement,
    values: readonly unknown[],
    written: (reading: Reading) => void = () => undefined,
  ): Promise<readonly R[]> {
    const nowMs = performance.now()
    this.#listener.want(nowMs)
    const announcement = randomBytes(9).toString('base64url')
    const reading = this.#held.begin(key ?? '', nowMs, announcement)
    const message = formatMessage({ kind: 'ended', announcement, keys: key === undefined ? [] : [key] })
    this.#peers.expect(announcement)
    try {
      const rows = await this.#query<R>(statement, [...values, this.#settings.channel, message])
      this.#drop(key, announcement)
      if (rows.length === 0) return rows
      await this.#peers.settled(announcement)
      written(reading)
      return rows
    } catch (error) {
      this.#drop(key)
      throw error
    } finally {
      this.#peers.forget(announcement)
      this.#held.end(reading)
    }
  }

  #drop(key: string | undefined, announcement?: string): void {
    if (key === undefined) this.#held.dropAll()
    else this.#held.drop(key, announcement)
  }

  async #query<R extends QueryResultRow>(statement: Statement, values: readonly unknown[]): Promise<readonly R[]> {
    try {
      this.#ready ??= this.#prepare()
      await this.#ready
      return await this.#pool.query<R>(statement, values)
    } catch (error) {
      // The tables are gone: from now on, look for them before each statement.
      if (['42P01', '3F000', '42703'].includes(sqlStateOf(error) ?? '')) this.#ready = undefined
      throw this.#trouble(error)
    }
  }

  /** Finds the tables, or makes them. What was once there and is gone is trouble, and never the same as "empty". */
  async #prepare(): Promise<void> {
    try {
      const version = await this.#readVersion()
      checkNotNewer(version)
      if (version < schemaVersion) {
        if (this.#wasReady) throw new Error('its tables are gone; restore them, or make them anew with: coatcheck check')
        await migrate(this.#settings)
      }
      this.#wasReady = true
      this.#sweep.start()
    } catch (error) {
      this.#ready = undefined
      throw error
    }
  }

  async #readVersion(): Promise<number> {
    try {
      const [row] = await this.#pool.query<{ version: number | null }>(this.#statements.version, [])
      return row?.version ?? 0
    } catch (error) {
      if (['42P01', '3F000'].includes(sqlStateOf(error) ?? '')) return 0
      throw error
    }
  }

  #trouble(error: unknown): Error {
    return new Error(`The PostgreSQL session store at ${this.#settings.place} is in trouble: ${reasonOf(error)}`, {
      cause: error,
    })
  }
}

function recordOf({ value, version, expires_at }: Row): StoredRecord {
  return { value, version: Number(version), expiresAtMs: Number(expires_at) }
}

/** The bytes at this moment, as the driver sends them. */
function bytesOf(value: Uint8Array): Buffer {
  return Buffer.from(value)
}
