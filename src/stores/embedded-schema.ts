import { randomBytes } from 'node:crypto'
import { closeSync, linkSync, openSync, rmSync } from 'node:fs'
import { openSqlite } from './sqlite.ts'
import type { SqliteDatabase } from './sqlite.ts'

/** Says "this file is ours" (PRAGMA application_id): the letters "Coat". */
const applicationId = 0x43_6f_61_74

/** The form of the tables below (PRAGMA user_version). A later release migrates from here. */
const schemaVersion = 1

// The value stands apart from the record so that a touch, the most frequent write, never rewrites it. STRICT makes a
// damaged type an error. Triggers, unlike foreign keys, also hold for whoever opens the file without our settings.
const schema = `
  create table record (
    id integer primary key,
    key text not null unique,
    version integer not null,
    expires_at_ms integer not null
  ) strict;
  create index record_by_expiry on record (expires_at_ms);
  create table content (id integer primary key, value blob not null) strict;
  create table tag (
    tag text not null,
    record_id integer not null,
    primary key (tag, record_id)
  ) strict, without rowid;
  create index tag_by_record on tag (record_id);
  create trigger record_deleted after delete on record begin
    delete from content where id = old.id;
    delete from tag where record_id = old.id;
  end;
  create table probe (id integer primary key, value integer not null) strict;
  pragma application_id = ${applicationId};
  pragma user_version = ${schemaVersion};
`

/** How long a statement waits for another process's write. It blocks the event loop meanwhile. */
export const busyTimeoutMs = 5000

/**
 * Makes an empty database, readable by its owner alone, unless there is a file already. It is built under another name and
 * appears whole, so an empty or half-made file is always damage and never a beginning.
 */
export function createDatabaseFile(file: string): void {
  const draft = `${file}-${randomBytes(6).toString('hex')}.new`
  closeSync(openSync(draft, 'wx', 0o600))
  try {
    const database = openSqlite(draft)
    try {
      database.exec('pragma journal_mode = wal')
      database.exec(`begin immediate; ${schema} commit`)
    } finally {
      database.close()
    }
    linkUnlessThere(draft, file)
  } finally {
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${draft}${suffix}`, { force: true })
  }
}

/**
 * Opens a database made by `createDatabaseFile`.
 *
 * @throws where it is missing, damaged, not ours, or written by a newer release.
 */
export function openDatabaseFile(file: string): SqliteDatabase {
  const database = openSqlite(file)
  try {
    database.exec(`pragma busy_timeout = ${busyTimeoutMs}`)
    requireOurs(database)
    const mode = database.prepare<{ journal_mode: string }>('pragma journal_mode = wal').get()?.journal_mode
    if (mode !== 'wal') throw new Error('the file system does not support shared memory (WAL); use a local disk')
    database.exec(settings)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

// A checkpoint runs inside a commit and stops the event loop: few pages at a time keep each one short.
const settings = `
  pragma wal_autocheckpoint = 250;
  pragma journal_size_limit = 67108864;
  pragma cache_size = -8000;
  pragma cell_size_check = on;
  pragma trusted_schema = off;
`

function requireOurs(database: SqliteDatabase): void {
  const application = database.prepare<{ application_id: number }>('pragma application_id').get()?.application_id
  const version = database.prepare<{ user_version: number }>('pragma user_version').get()?.user_version ?? 0
  if (application !== applicationId) throw new Error('the file is damaged or is not a session database')
  if (version > schemaVersion)
    throw new Error(`the file was written by a newer release (schema ${version}, known is ${schemaVersion})`)
  if (version !== schemaVersion) throw new Error(`the file has an unknown schema (${version}, known is ${schemaVersion})`)
}

function linkUnlessThere(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}
