import { createPostgresStore } from '../../../src/stores/postgres.ts'
import { startPostgres } from '../../support/postgres-server.ts'
import type { Dumped, NodesBackend } from './nodes-backend.ts'

export async function postgresBackend(): Promise<NodesBackend> {
  const server = await startPostgres(['shared_preload_libraries=pg_stat_statements'])
  const { url, sql } = server
  const schema = `nodes_${process.pid}`
  await sql('create extension if not exists pg_stat_statements')
  return {
    name: 'postgres',
    config: { type: 'postgres', url, schema },
    connect: () => createPostgresStore({ url, schema }),
    async asked() {
      const rows = await sql<{ query: string; calls: string }>(
        `select query, sum(calls) as calls from pg_stat_statements where dbid = (select oid from pg_database where datname = current_database()) group by query`,
      )
      return new Map(rows.map(({ query, calls }) => [query.replaceAll(/\s+/g, ' '), Number(calls)]))
    },
    async dump() {
      const tables = await sql<{ name: string }>('select tablename as name from pg_tables where schemaname = $1', [schema])
      return (await Promise.all(tables.map(({ name }) => dumpTable(name)))).flat()
    },
    async clear() {
      await sql(`drop schema if exists ${schema} cascade`)
    },
    async stop() {
      await sql(`drop schema if exists ${schema} cascade`)
      await server.stop()
    },
  }

  async function dumpTable(name: string): Promise<Dumped[]> {
    const rows = await sql(`select * from ${schema}.${name}`)
    return rows.flatMap((row) =>
      Object.entries(row).flatMap(([column, value]) => {
        const values: readonly unknown[] = Array.isArray(value) ? value : [value]
        return values.map((part) => ({
          where: `${name}.${column} of ${String(row['key'])}`,
          bytes: part instanceof Uint8Array ? Buffer.from(part) : Buffer.from(String(part)),
        }))
      }),
    )
  }
}
