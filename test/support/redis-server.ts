import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Redis } from 'ioredis'
import { eventually } from './eventually.ts'

/** How a server is to be started. */
export interface RedisServerOptions {
  /** More arguments, as on the command line: `['--maxmemory', '4mb']`. */
  readonly args?: readonly string[]
  /** Keeps what was written over a restart. */
  readonly durable?: boolean
  /** Speaks TLS only, with these `--tls-...` arguments. */
  readonly tls?: readonly string[]
  /** Makes it a sentinel that watches this server under the name `main`. */
  readonly sentinelOf?: RedisServer
}

/** A real Redis or Valkey of one test, on a free loopback port, in a folder of its own. */
export class RedisServer {
  readonly port: number
  readonly #args: readonly string[]
  readonly #folder = mkdtempSync(join(tmpdir(), 'coatcheck-redis-'))
  #process: ChildProcess | undefined

  private constructor(port: number, options: RedisServerOptions) {
    this.port = port
    const ports = options.tls === undefined ? ['--port', `${port}`] : ['--port', '0', '--tls-port', `${port}`, ...options.tls]
    const bound = ['--bind', '127.0.0.1', ...ports]
    const appendonly = options.durable === true ? ['--appendonly', 'yes', '--appendfsync', 'always'] : []
    this.#args =
      options.sentinelOf === undefined
        ? [...bound, '--dir', this.#folder, '--save', '', ...appendonly, ...(options.args ?? [])]
        : [this.#sentinelFile(options.sentinelOf), '--sentinel', ...bound]
  }

  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), options)
    await server.restart()
    return server
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Of the process, while it runs. */
  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** Starts it again, on the same port. Resolves when it takes connections. */
  async restart(): Promise<void> {
    const child = spawn(redisProgram(), this.#args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process = child
    let output = ''
    const ready = new Promise<void>((resolve, reject) => {
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString()
        if (/Ready to accept connections|Sentinel ID is/.test(output)) resolve()
      })
      child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}:\n${output}`)))
    })
    await ready
  }

  /** kill -9: open connections break, nothing is written any more. */
  async kill(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  /** From now on it takes connections and answers nothing, like a network that drops packets. */
  pause(): void {
    this.#process?.kill('SIGSTOP')
  }

  resume(): void {
    this.#process?.kill('SIGCONT')
  }

  /** Ends it and removes its folder. */
  async stop(): Promise<void> {
    await this.kill()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** One command as any other program would send it. */
  command(name: string, ...args: readonly (string | number)[]): Promise<unknown> {
    return commandAt(this.url, name, ...args)
  }

  #sentinelFile(primary: RedisServer): string {
    const file = join(this.#folder, 'sentinel.conf')
    const lines = [
      `dir ${this.#folder}`,
      `sentinel monitor main 127.0.0.1 ${primary.port} 1`,
      'sentinel down-after-milliseconds main 500',
      'sentinel failover-timeout main 2000',
    ]
    writeFileSync(file, `${lines.join('\n')}\n`)
    return file
  }
}

/** One command to a server, over a connection of its own. */
export async function commandAt(url: string, name: string, ...args: readonly (string | number)[]): Promise<unknown> {
  const client = new Redis(url, { protocol: 2, retryStrategy: null, lazyConnect: true })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await client.call(name, ...args)
  } finally {
    client.disconnect()
  }
}

/** A cluster of three primaries on this machine. */
export class RedisCluster {
  readonly servers: readonly RedisServer[]

  private constructor(servers: readonly RedisServer[]) {
    this.servers = servers
  }

  static async start(options: { readonly durable?: boolean } = {}): Promise<RedisCluster> {
    const settings = { ...options, args: ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'] }
    const servers = await Promise.all([1, 2, 3].map(() => RedisServer.start(settings)))
    const slots = 16_384
    const share = Math.ceil(slots / servers.length)
    const [first] = servers
    if (first === undefined) throw new Error('there is no server')
    for (const [index, server] of servers.entries()) {
      const own = Array.from({ length: Math.min(share, slots - index * share) }, (_, slot) => index * share + slot)
      await server.command('cluster', 'set-config-epoch', index + 1)
      await server.command('cluster', 'addslots', ...own)
      if (server !== first) await server.command('cluster', 'meet', '127.0.0.1', first.port)
    }
    await eventually(async () => {
      for (const server of servers) {
        const info = String(await server.command('cluster', 'info'))
        if (!info.includes('cluster_state:ok') || !info.includes('cluster_known_nodes:3')) throw new Error(info)
      }
    }, 20_000)
    return new RedisCluster(servers)
  }

  get url(): string {
    return `redis+cluster://${this.servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()))
  }
}

/** The server for tests that need nothing but a Redis: that of TEST_REDIS_URL, or a new one. */
export async function anyRedis(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const url = process.env['TEST_REDIS_URL']
  return url === undefined || url === '' ? RedisServer.start() : { url, stop: async () => undefined }
}

let program: string | undefined

/** `redis-server` or `valkey-server`; installs it where that is possible. Throws where there is none: no test is skipped. */
export function redisProgram(): string {
  program ??= onPath('redis-server') ?? onPath('valkey-server') ?? installed()
  return program
}

function onPath(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function installed(): string {
  const wayOut = 'Install redis-server 6.2 or later, or valkey-server, so that it is on the PATH.'
  if (process.getuid?.() !== 0 || onPath('apt-get') === undefined) throw new Error(`These tests need a real Redis. ${wayOut}`)
  // Another test file may be installing the same at the same time.
  const lock = ['-o', 'DPkg::Lock::Timeout=180', '-o', 'Acquire::Retries=2']
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  execFileSync('apt-get', [...lock, 'update'], { env, stdio: 'ignore' })
  execFileSync('apt-get', [...lock, 'install', '-y', '--no-install-recommends', 'redis-server'], { env, stdio: 'ignore' })
  try {
    execFileSync('service', ['redis-server', 'stop'], { stdio: 'ignore' })
  } catch {
    // It does not start by itself where there is no init system.
  }
  const found = onPath('redis-server')
  if (found === undefined) throw new Error(`apt-get has installed no redis-server. ${wayOut}`)
  return found
}

/** A loopback port that is free now, and so far down that a cluster's second port (10000 more) exists, too. */
async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port
  }
  throw new Error('there is no free port')
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
