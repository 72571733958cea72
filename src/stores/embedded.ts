import { randomInt } from 'node:crypto'
import { EmbeddedFile } from './embedded-file.ts'
import { EmbeddedSweep } from './embedded-sweep.ts'
import type { EmbeddedConnection, RecordRow, TransactionOptions } from './embedded-connection.ts'
import type { KeyedRecord, NewRecord, SessionStore, StoredRecord } from './store.ts'

/** Options of the embedded store. */
export interface EmbeddedStoreOptions {
  /** A folder on a local disk, shared by all processes of this machine. Made where it is missing, for its owner alone. */
  readonly path: string
  /** Epoch milliseconds. Default: Date.now. */
  readonly clock?: () => number
}

/**
 * A store in a folder of this machine (SQLite): durable, shared by several processes, safe against kill -9.
 *
 * Its methods answer at once, with values and not with promises. It opens at first use, so this call never fails because
 * of the disk; its methods throw while the disk, the folder or the file is in trouble, and work again when that is over.
 */
export function createEmbeddedStore(options: EmbeddedStoreOptions): SessionStore {
  return new EmbeddedStore(options.path, options.clock ?? Date.now)
}

const durable: TransactionOptions = { durability: 'full' }

// A touch that is lost with the power costs a user at most one login; waiting for the disk would cost every request.
const quick: TransactionOptions = { durability: 'normal' }

/** Never given twice for a key, and unlike a counter it needs no row that outlives its record. */
const newVersion = () => randomInt(1, 2 ** 48 - 1)

/**
 * Each write looks again inside its transaction: waiting for the lock takes time, in which a record is written, deleted
 * or expires. What looks before it only saves the lock where there is nothing to do.
 */
class EmbeddedStore implements SessionStore {
  readonly #clock: () => number
  readonly #file: EmbeddedFile
  readonly #sweep: EmbeddedSweep

  constructor(path: string, clock: () => number) {
    this.#clock = clock
    this.#file = new EmbeddedFile(path, clock, () => this.#sweep.start())
    this.#sweep = new EmbeddedSweep(this.#file, clock)
  }

  get(key: string): StoredRecord | undefined {
    return this.#file.use(({ statements, held }) => {
      const row = statements.find.get(key, this.#clock())
      if (row === undefined) return undefined
      held.set(key, row.version, row.expiresAtMs)
      return { value: contentOf(row.value), version: row.version, expiresAtMs: row.expiresAtMs }
    })
  }

  add(key: string, record: NewRecord): number | undefined {
    return this.#file.use((connection) => {
      if (this.#find(connection, key) !== undefined) return undefined
      const version = connection.transaction(durable, () => this.#insert(connection, key, record))
      if (version !== undefined) connection.held.set(key, version, record.expiresAtMs)
      return version
    })
  }

  replace(key: string, version: number, value: Uint8Array, expiresAtMs: number): number | undefined {
    return this.#file.use((connection) => {
      const { statements, held } = connection
      const written = connection.transaction(durable, () => {
        const found = this.#find(connection, key)
        if (found?.version !== version) return undefined
        const next = newVersion()
        statements.updateRecord.run(next, expiresAtMs, found.id)
        if (Number(statements.updateContent.run(blobOf(value), found.id).changes) !== 1) throw damaged()
        return next
      })
      if (written === undefined) held.delete(key)
      else held.set(key, written, expiresAtMs)
      return written
    })
  }

  touch(key: string, expiresAtMs: number): boolean {
    return this.#file.use((connection) => {
      const touched = connection.transaction(quick, () => {
        const found = this.#find(connection, key)
        if (found === undefined) return false
        connection.statements.updateExpiry.run(expiresAtMs, found.id)
        return true
      })
      if (touched) connection.held.touch(key, expiresAtMs)
      return touched
    })
  }

  delete(key: string, version?: number): boolean {
    return this.#file.use((connection) => {
      if (this.#find(connection, key) === undefined) return false
      const deleted = connection.transaction(durable, () => {
        const found = this.#find(connection, key)
        if (found === undefined || (version !== undefined && found.version !== version)) return false
        connection.statements.deleteRecord.run(found.id)
        return true
      })
      if (deleted) connection.held.delete(key)
      return deleted
    })
  }

  deleteTagged(tag: string): readonly string[] {
    return this.#file.use((connection) => {
      const { findTaggedKeys, deleteRecord } = connection.statements
      if (findTaggedKeys.get(tag, this.#clock()) === undefined) return []
      const keys = connection.transaction(durable, () => {
        const rows = findTaggedKeys.all(tag, this.#clock())
        for (const { id } of rows) deleteRecord.run(id)
        return rows.map(({ key }) => key)
      })
      for (const key of keys) connection.held.delete(key)
      return keys
    })
  }

  listTagged(tag: string): readonly KeyedRecord[] {
    return this.#file.use(({ statements }) => statements.findTagged.all(tag, this.#clock()).map(recordOf))
  }

  list(prefix: string, after: string | undefined, limit: number): readonly KeyedRecord[] {
    // Keys are printable ASCII: what stands below and above all of it turns both conditions into one range of the index.
    const next = after === undefined ? prefix : `${after}\u0001`
    const from = next > prefix ? next : prefix
    return this.#file.use(({ statements }) =>
      statements.findRange.all(from, `${prefix}\u007f`, this.#clock(), limit).map(recordOf),
    )
  }

  /** Costs 2 to 4 microseconds while no other connection commits: one question to the shared index of the log. */
  holds(key: string, version: number): boolean {
    try {
      const connection = this.#file.certain()
      if (connection === undefined) return false
      const held = connection.validateHeld()
      const known = held.get(key)
      if (known !== undefined) return known.version === version && this.#clock() < known.expiresAtMs
      const found = this.#find(connection, key)
      if (found === undefined) return false
      held.set(key, found.version, found.expiresAtMs)
      return found.version === version
    } catch {
      return false
    }
  }

  /** Writes a number to the disk and reads it back. */
  check(): void {
    this.#file.use((connection) => {
      const value = newVersion()
      const { writeProbe, readProbe } = connection.statements
      connection.transaction(durable, () => {
        writeProbe.run(value)
        if (readProbe.get()?.value !== value) throw damaged()
        return true
      })
    })
  }

  close(): void {
    this.#sweep.stop()
    this.#file.close()
  }

  #find(connection: EmbeddedConnection, key: string) {
    return connection.statements.findVersion.get(key, this.#clock())
  }

  #insert({ statements }: EmbeddedConnection, key: string, record: NewRecord): number | undefined {
    const now = this.#clock()
    if (statements.findVersion.get(key, now) !== undefined) return undefined
    statements.deleteExpired.run(key, now)
    const version = newVersion()
    const id = Number(statements.insertRecord.run(key, version, record.expiresAtMs).lastInsertRowid)
    statements.insertContent.run(id, blobOf(record.value))
    for (const tag of record.tags ?? []) statements.insertTag.run(tag, id)
    return version
  }
}

function recordOf({ key, value, version, expiresAtMs }: RecordRow): KeyedRecord {
  return { key, value: contentOf(value), version, expiresAtMs }
}

function contentOf(value: Uint8Array | null): Uint8Array {
  if (value === null) throw damaged()
  return value
}

function damaged(): Error {
  return new Error('the file is damaged: a record lacks its content, or what was written is not what is read')
}

/** No bytes, but bytes: Node's own driver takes a view without memory behind it, as it gives for an empty value, for NULL. */
const noBytes = Buffer.allocUnsafe(8).subarray(0, 0)

function blobOf(value: Uint8Array): Uint8Array {
  return value.length === 0 ? noBytes : value
}
