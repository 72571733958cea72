import { chownSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { findFreePort } from './loopback.ts'
import { PostgresProcess } from './postgres-process.ts'

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
  const port = await findFreePort()
  const server = new PostgresProcess(port, [
    // What a killed process wrote is safe with the kernel; only a loss of power would need the disk.
    'fsync=off',
    'shared_buffers=32MB',
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    ...(tls === undefined ? [] : ['ssl=on', 'ssl_cert_file=server.crt', 'ssl_key_file=server.key']),
    ...flags,
  ])
  server.initialise()
  if (tls !== undefined) writeTls(server.folder, tls)
  await server.start()
  const url = `postgres://postgres:postgres@127.0.0.1:${port}/postgres`
  const faults = faultsOf(join(server.folder, 'postmaster.pid'), () => server.start())
  const stop = async () => {
    faults.thaw()
    await server.stop()
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
    for (const pid of processesOf(pidFile)) kill(pid, name)
  }
  return {
    kill: async () => {
      signal('SIGKILL')
      await new Promise((resolve) => setTimeout(resolve, 50))
      rmSync(pidFile, { force: true })
    },
    start,
    freeze: () => {
      signal('SIGSTOP')
      // The signal is only on its way when kill returns; another core may still finish a statement.
      const endMs = performance.now() + 1_000
      while (processesOf(pidFile).some((pid) => stateOf(pid) !== 'T') && performance.now() < endMs)
        Atomics.wait(clockTick, 0, 0, 1)
    },
    thaw: () => signal('SIGCONT'),
  }
}

const clockTick = new Int32Array(new SharedArrayBuffer(4))

/** Each backend has a process group of its own. */
function processesOf(pidFile: string): number[] {
  if (!existsSync(pidFile)) return []
  const main = Number(readFileSync(pidFile, 'utf8').split('\n')[0])
  return [...childrenOf(main), main]
}

/** `T` is stopped; a process that is gone counts as stopped too. */
function stateOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3)
  } catch {
    return 'T'
  }
}

function kill(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    return
  }
}

/** The fourth field of /proc/PID/stat is the parent; the second, a name in brackets, may hold anything. */
function childrenOf(main: number): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === main ? [Number(name)] : []
    } catch {
      return []
    }
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
