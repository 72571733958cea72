import { mkdirSync, statSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { join, resolve } from 'node:path'
import { performance } from 'node:perf_hooks'
import { EmbeddedConnection } from './embedded-connection.ts'
import { createDatabaseFile } from './embedded-schema.ts'
import { sqliteCode, sqliteCodeOf } from './sqlite.ts'

/** A file that vanished may be on its way back (a restore, a rename): only after this time is it taken for wiped. */
const vanishedGraceMs = 2000

/** How long `certain` relies on the file still being the one that is open; other calls look every time. */
const identityCheckMs = 100

/** After these the connection itself is sound, and existing sessions stay readable with it, for instance on a full disk. */
const passingCodes: readonly (number | undefined)[] = [sqliteCode.busy, sqliteCode.locked, sqliteCode.full, sqliteCode.ioError]

/** The database file of a folder: opened at first use, and again after trouble. */
export class EmbeddedFile {
  /** Of the database. */
  readonly path: string
  readonly #folder: string
  readonly #clock: () => number
  readonly #opened: () => void
  #open: { readonly connection: EmbeddedConnection; readonly identity: Stats } | undefined
  #seenAtMs = -Infinity
  #folderDevice: number | undefined
  #vanishedAtMs: number | undefined
  #closed = false

  /** `opened` is called each time the file was opened. */
  constructor(folder: string, clock: () => number, opened: () => void) {
    this.#folder = resolve(folder)
    this.path = join(this.#folder, 'sessions.db')
    this.#clock = clock
    this.#opened = opened
  }

  /** Runs `work` with the open database. Throws what it throws, and where the database cannot be opened now. */
  use<T>(work: (connection: EmbeddedConnection) => T): T {
    try {
      return work(this.#connection())
    } catch (error) {
      if (!passingCodes.includes(sqliteCodeOf(error))) this.#drop()
      const reason = error instanceof Error ? error.message : String(error)
      throw new Error(`The embedded session store in ${this.#folder} is in trouble: ${reason}`, { cause: error })
    }
  }

  /** The open database where it is certainly still the one under its path; opens nothing. */
  certain(): EmbeddedConnection | undefined {
    if (this.#open === undefined) return undefined
    if (performance.now() - this.#seenAtMs < identityCheckMs || this.#isStillThere()) return this.#open.connection
    return undefined
  }

  close(): void {
    const open = this.#open
    this.#closed = true
    this.#open = undefined
    if (open !== undefined) tryTo(() => open.connection.close())
  }

  #connection(): EmbeddedConnection {
    if (this.#closed) throw new Error('the store is closed')
    if (this.#open === undefined) return this.#reopen()
    if (this.#isStillThere()) return this.#open.connection
    throw new Error('the database file was removed or replaced while in use')
  }

  #reopen(): EmbeddedConnection {
    const identity = statSync(this.path, { throwIfNoEntry: false }) ?? this.#create()
    const connection = EmbeddedConnection.open(this.path)
    this.#open = { connection, identity }
    if (!this.#isStillThere()) throw new Error('the database file was replaced while it was opened')
    this.#folderDevice = statSync(this.#folder).dev
    this.#vanishedAtMs = undefined
    this.#opened()
    return connection
  }

  // After the first opening, an absent folder or another disk in its place (a lost mount) is trouble: sessions that may
  // come back are not answered with "absent".
  #create(): Stats {
    if (this.#folderDevice === undefined) mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    else if (statSync(this.#folder).dev !== this.#folderDevice)
      throw new Error('the folder is on another disk than before, without a database')
    else this.#awaitReturn()
    createDatabaseFile(this.path)
    return statSync(this.path)
  }

  #awaitReturn(): void {
    const now = this.#clock()
    this.#vanishedAtMs ??= now
    if (now - this.#vanishedAtMs < vanishedGraceMs) throw new Error('the database file is gone')
  }

  #isStillThere(): boolean {
    const found = statSync(this.path, { throwIfNoEntry: false })
    const same = found !== undefined && found.ino === this.#open?.identity.ino && found.dev === this.#open.identity.dev
    this.#seenAtMs = same ? performance.now() : -Infinity
    return same
  }

  #drop(): void {
    const open = this.#open
    this.#open = undefined
    if (open !== undefined) tryTo(() => open.connection.abandon())
  }
}

// A connection that cannot even be closed is given up; the next one will tell what is wrong.
function tryTo(end: () => void): void {
  try {
    end()
  } catch {
    return
  }
}
