import { performance } from 'node:perf_hooks'
import { busyTimeoutMs, openDatabaseFile } from './embedded-schema.ts'
import { HeldVersions } from './held-versions.ts'
import { sqliteCode, sqliteCodeOf } from './sqlite.ts'
import type { SqliteDatabase, SqliteStatement } from './sqlite.ts'

/** How long to wait for a write lock that was just waited for in vain: one stuck process must not stop this one again and again. */
const impatientTimeoutMs = 100

/** `full`: on the disk when committed. `normal`: safe against a killed process, may be lost when the machine loses power. */
export type Durability = 'full' | 'normal'

/** How a transaction is carried out. */
export interface TransactionOptions {
  readonly durability: Durability
}

/** One open database: its statements, its transactions, and what it knows to be current. */
export class EmbeddedConnection {
  readonly held = new HeldVersions()
  readonly statements: EmbeddedStatements
  readonly #database: SqliteDatabase
  readonly #begin: SqliteStatement<never>
  readonly #commit: SqliteStatement<never>
  readonly #rollback: SqliteStatement<never>
  readonly #dataVersion: SqliteStatement<{ readonly data_version: number }>
  #durability: Durability = 'full'
  #waitMs = busyTimeoutMs
  #patienceMs = busyTimeoutMs

  private constructor(database: SqliteDatabase) {
    database.exec('pragma synchronous = full')
    this.#database = database
    this.statements = prepareStatements(database)
    this.#begin = database.prepare('begin immediate')
    this.#commit = database.prepare('commit')
    this.#rollback = database.prepare('rollback')
    this.#dataVersion = database.prepare('pragma data_version')
  }

  /** Opens the file. Throws where that is impossible now, and leaves nothing open then. */
  static open(file: string): EmbeddedConnection {
    const database = openDatabaseFile(file)
    try {
      return new EmbeddedConnection(database)
    } catch (error) {
      database.close()
      throw error
    }
  }

  /**
   * Runs `work` while no other process writes, and commits. Everything it does is undone when it throws, or answers
   * `undefined` or `false`: nothing changed then.
   */
  transaction<T>(options: TransactionOptions, work: () => T): T {
    this.#setDurability(options.durability)
    this.#beginWriting()
    try {
      const result = work()
      if (result === undefined || result === false) this.#rollback.run()
      else this.#commit.run()
      return result
    } catch (error) {
      this.held.clear()
      this.#rollbackIfOpen()
      throw error
    }
  }

  /** Forgets what is no longer certain, by asking whether another connection has committed. */
  validateHeld(): HeldVersions {
    const row = this.#dataVersion.get()
    if (row === undefined) throw new Error('SQLite gave no data version')
    this.held.validate(row.data_version)
    return this.held
  }

  /** Gives the database back. Leaves the write-ahead log empty where nobody else is using it. */
  close(): void {
    try {
      // The driver for Node 20 closes the file only when its statements are collected: until then the log would stay full.
      this.#setWait(0)
      this.#database.exec('pragma wal_checkpoint(truncate)')
    } finally {
      this.#database.close()
    }
  }

  /** Gives up a database that is in trouble. */
  abandon(): void {
    this.#database.close()
  }

  // SQLite's own waiting sleeps up to 100 ms at a time, and a busy neighbour then wins the lock again and again; short
  // random naps find the gap between two of its commits.
  #beginWriting(): void {
    const deadlineMs = performance.now() + this.#patienceMs
    this.#setWait(0)
    try {
      while (!this.#tryBegin(deadlineMs)) nap()
      this.#patienceMs = busyTimeoutMs
    } catch (error) {
      if (isBusy(error)) this.#patienceMs = impatientTimeoutMs
      throw error
    } finally {
      this.#setWait(busyTimeoutMs)
    }
  }

  #tryBegin(deadlineMs: number): boolean {
    try {
      this.#begin.run()
      return true
    } catch (error) {
      if (isBusy(error) && performance.now() < deadlineMs) return false
      throw error
    }
  }

  // The commit of a durable write flushes the undurable ones before it too: they stand in the same log.
  #setDurability(durability: Durability): void {
    if (this.#durability === durability) return
    this.#database.exec(`pragma synchronous = ${durability}`)
    this.#durability = durability
  }

  #setWait(waitMs: number): void {
    if (this.#waitMs === waitMs) return
    this.#database.exec(`pragma busy_timeout = ${waitMs}`)
    this.#waitMs = waitMs
  }

  #rollbackIfOpen(): void {
    try {
      this.#rollback.run()
    } catch {
      // SQLite has rolled back by itself; the first error is the one to tell.
    }
  }
}

const isBusy = (error: unknown) => sqliteCodeOf(error) === sqliteCode.busy

const napping = new Int32Array(new SharedArrayBuffer(4))

function nap(): void {
  Atomics.wait(napping, 0, 0, 0.1 + Math.random() * 0.4)
}

/** A record as it is read. */
export interface RecordRow {
  readonly key: string
  readonly version: number
  readonly expiresAtMs: number
  /** `null` only in a damaged file: every record has content. */
  readonly value: Uint8Array | null
}

const recordColumns = 'record.key, record.version, record.expires_at_ms as expiresAtMs, content.value'

type EmbeddedStatements = ReturnType<typeof prepareStatements>

// Each look-up takes the present time: what has expired is absent for all of them at once, swept or not.
function prepareStatements(database: SqliteDatabase) {
  return {
    find: database.prepare<RecordRow>(
      `select ${recordColumns} from record left join content using (id) where key = ? and expires_at_ms > ?`,
    ),
    findTagged: database.prepare<RecordRow>(
      `select ${recordColumns} from tag join record on record.id = tag.record_id left join content using (id)
       where tag.tag = ? and expires_at_ms > ?`,
    ),
    findRange: database.prepare<RecordRow>(
      `select ${recordColumns} from record left join content using (id)
       where key >= ? and key < ? and expires_at_ms > ? order by key limit ?`,
    ),
    findVersion: database.prepare<{ id: number; version: number; expiresAtMs: number }>(
      'select id, version, expires_at_ms as expiresAtMs from record where key = ? and expires_at_ms > ?',
    ),
    findTaggedKeys: database.prepare<{ id: number; key: string }>(
      'select id, key from tag join record on record.id = tag.record_id where tag.tag = ? and expires_at_ms > ?',
    ),
    insertRecord: database.prepare('insert into record (key, version, expires_at_ms) values (?, ?, ?)'),
    insertContent: database.prepare('insert into content (id, value) values (?, ?)'),
    insertTag: database.prepare('insert or ignore into tag (tag, record_id) values (?, ?)'),
    updateRecord: database.prepare('update record set version = ?, expires_at_ms = ? where id = ?'),
    updateContent: database.prepare('update content set value = ? where id = ?'),
    updateExpiry: database.prepare('update record set expires_at_ms = ? where id = ?'),
    deleteRecord: database.prepare('delete from record where id = ?'),
    deleteExpired: database.prepare('delete from record where key = ? and expires_at_ms <= ?'),
    findExpired: database.prepare<{ found: number }>('select 1 as found from record where expires_at_ms <= ? limit 1'),
    writeProbe: database.prepare(
      'insert into probe (id, value) values (1, ?) on conflict (id) do update set value = excluded.value',
    ),
    readProbe: database.prepare<{ value: number }>('select value from probe where id = 1'),
  }
}
