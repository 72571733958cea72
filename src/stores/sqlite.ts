import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

/** What can be bound to a statement. */
export type SqliteValue = string | number | Uint8Array | null

/** A prepared statement; `Row` is what its SQL says it gives. */
export interface SqliteStatement<Row> {
  run(...values: readonly SqliteValue[]): { readonly changes: number | bigint; readonly lastInsertRowid: number | bigint }
  get(...values: readonly SqliteValue[]): Row | undefined
  all(...values: readonly SqliteValue[]): Row[]
}

/** The part of node:sqlite's database that is used here; @photostructure/sqlite has the same. */
export interface SqliteDatabase {
  exec(sql: string): void
  prepare<Row>(sql: string): SqliteStatement<Row>
  close(): void
}

type SqliteConstructor = new (path: string) => SqliteDatabase

interface SqliteModule {
  readonly Database?: SqliteConstructor
  readonly DatabaseSync?: SqliteConstructor
}

/** SQLite's primary result codes that are told apart here (sqlite.org/rescode.html). */
export const sqliteCode = { busy: 5, locked: 6, ioError: 10, full: 13 } as const

/** SQLite's primary result code of an error, or `undefined` where it did not come from SQLite. */
export function sqliteCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return error.errcode & 0xff
}

/**
 * Whether several processes may safely share a database with this version of SQLite: 3.51.3 on, and the backports 3.50.7
 * and 3.44.6, no longer have the WAL-reset race (3.7.0 to 3.51.2) that loses commits.
 */
export function isSafelyShared(sqliteVersion: string): boolean {
  const [major = 0, minor = 0, patch = 0] = sqliteVersion.split('.').map(Number)
  if (major !== 3) return major > 3
  if (minor === 44) return patch >= 6
  if (minor === 50) return patch >= 7
  return minor > 51 || (minor === 51 && patch >= 3)
}

/** How to load a driver in another thread. */
export interface SqliteDriver {
  readonly module: string
  readonly className: 'Database' | 'DatabaseSync'
  /** The file or URL that the module's name is resolved from. */
  readonly requiredFrom: string
}

interface ChosenDriver {
  readonly open: SqliteConstructor
  readonly driver: SqliteDriver
}

let chosen: ChosenDriver | undefined

/**
 * Opens an existing database file; never creates one, which would leave a file that others can read.
 *
 * @throws where the file is missing or unreadable, or where this Node.js has no SQLite that is safe to share.
 */
export function openSqlite(file: string): SqliteDatabase {
  chosen ??= chooseDriver()
  return new chosen.open(sqliteUrl(file))
}

/** A database file as the driver takes it: opened where it is there, never created. */
export function sqliteUrl(file: string): string {
  return `${pathToFileURL(file).href}?mode=rw`
}

/** The driver that `openSqlite` uses. Throws where there is none. */
export function sqliteDriver(): SqliteDriver {
  chosen ??= chooseDriver()
  return chosen.driver
}

function chooseDriver(): ChosenDriver {
  const seen: string[] = []
  for (const [name, module, load] of drivers) {
    const loaded = load()
    const open = loaded?.Database ?? loaded?.DatabaseSync
    if (open === undefined) continue
    const version = versionOf(open)
    if (isSafelyShared(version)) {
      const className = loaded?.Database === undefined ? 'DatabaseSync' : 'Database'
      return { open, driver: { module, className, requiredFrom: import.meta.url } }
    }
    seen.push(`${name} brings SQLite ${version}`)
  }
  throw new Error(
    `The embedded session store needs SQLite 3.51.3 or later${seen.length === 0 ? '' : ` (${seen.join(', ')})`}. ` +
      'Update Node.js to 22.23.3, 24 or later, or install the optional package @photostructure/sqlite 1.2: npm install @photostructure/sqlite@1.2',
  )
}

// Both are loaded without import(): a store opens at its first use, and that call answers at once.
const drivers: readonly (readonly [name: string, module: string, load: () => SqliteModule | undefined])[] = [
  ['this Node.js', 'node:sqlite', () => process.getBuiltinModule('node:sqlite')],
  ['@photostructure/sqlite', '@photostructure/sqlite', () => requireIfInstalled('@photostructure/sqlite')],
]

function requireIfInstalled(name: string): SqliteModule | undefined {
  const require = createRequire(import.meta.url)
  try {
    return require(name) as SqliteModule
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}

function versionOf(driver: SqliteConstructor): string {
  const database = new driver(':memory:')
  try {
    return database.prepare<{ version: string }>('select sqlite_version() as version').get()?.version ?? '0'
  } finally {
    database.close()
  }
}
