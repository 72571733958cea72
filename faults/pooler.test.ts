import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sessionStoreContract } from '../src/stores/contract.ts'
import { createPostgresStore } from '../src/stores/postgres.ts'
import { eventually } from '../test/support/eventually.ts'
import { findFreePort } from '../test/support/loopback.ts'
import { startPostgres, type PostgresServer } from '../test/support/postgres-server.ts'

/** As in test/contract: each test begins with nodes that nobody knows yet, for which a write waits this long. */
const trustMs = 60

let server: PostgresServer
let pooler: ChildProcess
let folder: string
let pooledUrl: string
let schemas = 0

const open = (clock: () => number) =>
  createPostgresStore({ url: pooledUrl, listenUrl: server.url, schema: `pooled_${schemas}`, trustMs, clock })

beforeAll(async () => {
  server = await startPostgres(['max_connections=400'])
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-pooler-'))
  const port = await findFreePort()
  writeFileSync(
    join(folder, 'pgbouncer.ini'),
    [
      '[databases]',
      `postgres = host=127.0.0.1 port=${server.port} user=postgres password=postgres`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = any',
      'pool_mode = transaction',
      // Fewer connections than the store would take: its statements share them.
      'default_pool_size = 3',
      'max_client_conn = 2000',
    ].join('\n'),
  )
  // PgBouncer refuses to run as root.
  chmodSync(folder, 0o755)
  const as = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  pooler = spawn(poolerProgram(), [join(folder, 'pgbouncer.ini')], { ...as, stdio: 'ignore' })
  const url = new URL(server.url)
  url.port = String(port)
  pooledUrl = url.href
  await eventually(async () => {
    const store = createPostgresStore({ url: pooledUrl, listenUrl: server.url })
    try {
      await store.check()
    } finally {
      await store.close()
    }
  }, 20_000)
})

afterAll(async () => {
  const ended = once(pooler, 'exit')
  pooler.kill('SIGKILL')
  await ended
  rmSync(folder, { recursive: true })
  await server.stop()
})

describe('PostgreSQL store behind a real PgBouncer in transaction mode', () => {
  test('the statements of forty calls at once share three connections', async () => {
    const store = createPostgresStore({ url: pooledUrl, listenUrl: server.url, poolSize: 20 })
    await Promise.all(Array.from({ length: 40 }, async () => store.check()))
    const [row] = await server.sql<{ count: number }>(
      `select count(*)::int as count from pg_stat_activity where query like '%probe%' and pid <> pg_backend_pid()`,
    )
    expect(row?.count).toBeGreaterThan(0)
    expect(row?.count).toBeLessThanOrEqual(3)
    await store.close()
  })

  sessionStoreContract({
    test,
    create: (clock) => {
      schemas += 1
      return open(clock)
    },
    second: open,
  })
})

/** `pgbouncer`; installs it where that is possible. Throws where there is none. */
function poolerProgram(): string {
  const program = '/usr/sbin/pgbouncer'
  const isThere = () => {
    try {
      execFileSync(program, ['--version'], { stdio: 'ignore' })
      return true
    } catch {
      return false
    }
  }
  if (isThere()) return program
  if (process.getuid?.() === 0) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    execFileSync('apt-get', ['-o', 'DPkg::Lock::Timeout=180', 'install', '-y', '--no-install-recommends', 'pgbouncer'], {
      env,
      stdio: 'ignore',
    })
  }
  if (!isThere()) throw new Error('This test needs a real PgBouncer. Install the Debian package pgbouncer.')
  return program
}
