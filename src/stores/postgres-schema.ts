import type { Client } from 'pg'
import { abandon, loadDriver, reasonOf } from './postgres-driver.ts'
import { readPostgresOptions } from './postgres-options.ts'
import type { PostgresSettings } from './postgres-options.ts'
import type { PostgresStoreOptions } from './postgres-store-options.ts'

/** How long one step of the schema may take, and wait for another node that is at it. */
const migrationTimeoutMs = 30_000

/** Nodes that start together take turns by this advisory lock. */
const migrationLock = 0x636f_6174

/**
 * Each entry leads from the version that is its index to the next one. Published entries never change.
 *
 * `records` is one table, so that a record and its tags come and go together. A touch writes `expires_at` alone: it is in no
 * index, and a value of more than 2 kB lies outside the row, so the row is rewritten in its own page (HOT) and the value not
 * at all. `sweep_at` is never later than `expires_at`, and moves on only when the sweep passes by.
 */
const migrations: readonly ((schema: string) => readonly string[])[] = [
  (schema) => [
    `create table ${schema}.records (
      key text collate "C" primary key,
      version bigint not null,
      expires_at bigint not null,
      sweep_at bigint not null,
      tags text[] collate "C" not null,
      value bytea not null
    ) with (
      fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.2,
      toast.autovacuum_vacuum_scale_factor = 0.05
    )`,
    // Sealed bytes do not get smaller.
    `alter table ${schema}.records alter column value set storage external`,
    `create index records_sweep_at on ${schema}.records (sweep_at)`,
    `create index records_tags on ${schema}.records using gin (tags) with (fastupdate = off)`,
    `create table ${schema}.probe (id int primary key, value bigint not null) with (fillfactor = 50)`,
    `insert into ${schema}.probe (id, value) values (1, 0)`,
  ],
]

/** Only the newest version of the tables is used; a newer one than this means that a newer Coatcheck has been here. */
export const schemaVersion = migrations.length

/**
 * Makes the tables of the PostgreSQL store, or brings them to the version that this Coatcheck uses. The store does so by
 * itself at its first start; run it beforehand where the store's own user may not create tables. Rejects where it cannot.
 */
export async function migratePostgres(options: PostgresStoreOptions): Promise<void> {
  const settings = readPostgresOptions(options)
  try {
    await migrate(settings)
  } catch (error) {
    throw new Error(`The PostgreSQL session store at ${settings.place} could not be set up: ${reasonOf(error)}`, { cause: error })
  }
}

/** Does nothing where the tables are there already. */
export async function migrate(settings: PostgresSettings): Promise<void> {
  const { Client } = await loadDriver()
  const client = new Client({
    ...settings.listen,
    connectionTimeoutMillis: 5000,
    query_timeout: migrationTimeoutMs,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('begin')
    await client.query('select pg_advisory_xact_lock($1, hashtext($2))', [migrationLock, settings.schema])
    await applyMissing(client, settings.schema)
    await client.query('commit')
    await client.end()
  } finally {
    abandon(client)
  }
}

async function applyMissing(client: Client, schema: string): Promise<void> {
  // "if not exists" would ask for the right to create even where there is nothing to be created.
  if (!(await exists(client, 'regnamespace', schema))) await client.query(`create schema ${schema}`)
  if (!(await exists(client, 'regclass', `${schema}.migration`))) {
    await client.query(`create table ${schema}.migration (version int primary key)`)
  }
  const found = await client.query<{ version: number | null }>(`select max(version) as version from ${schema}.migration`)
  const version = found.rows[0]?.version ?? 0
  checkNotNewer(version)
  for (const [index, statements] of migrations.entries()) {
    if (index < version) continue
    for (const statement of statements(schema)) await client.query(statement)
    await client.query(`insert into ${schema}.migration (version) values ($1)`, [index + 1])
  }
}

/** Throws for tables that only a newer Coatcheck knows. */
export function checkNotNewer(version: number): void {
  if (version > schemaVersion)
    throw new Error(`its tables have version ${version}, made by a newer Coatcheck; this one knows ${schemaVersion}`)
}

async function exists(client: Client, kind: 'regnamespace' | 'regclass', name: string): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(`select to_${kind}($1) is not null as found`, [name])
  return rows[0]?.found === true
}
