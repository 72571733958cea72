import { createRequire } from 'node:module'
import type { Cluster, Redis, RedisOptions } from 'ioredis'
import { namesWith } from './redis-scan.ts'
import type { RedisScript } from './redis-scripts.ts'
import type { RedisTarget } from './redis-url.ts'
import type { RedisTlsOptions } from './redis-tls-options.ts'

/** What a connection needs to know. */
export interface RedisConnectionOptions {
  readonly target: RedisTarget
  readonly tls: RedisTlsOptions
  /** Credentials of the sentinels, where they have their own. */
  readonly sentinelUsername: string | undefined
  readonly sentinelPassword: string | undefined
}

/** What a command takes. */
export type RedisArgument = string | number | Buffer

/** No command waits longer for its answer. */
const answerTimeoutMs = 1_000
/** And none waits longer for a connection: while Redis is down, each call fails after this. */
const connectPatienceMs = 600
const connectionLost = 'the connection was lost'
/** Shorter than that patience, so that the first call after an outage succeeds. */
const slowestReconnectMs = 400

/**
 * Commands to one server, to the primary that sentinels name, or to a cluster.
 *
 * It connects at first use and comes back by itself. Its errors say what is wrong in words only: those of the driver
 * carry the command, with its secrets, as properties.
 */
export class RedisConnection {
  readonly #client: Redis | Cluster
  #ready: Promise<void> | undefined
  #trouble: string | undefined
  #closed = false

  /** @throws where the package ioredis is not installed. */
  constructor(options: RedisConnectionOptions) {
    const client = createClient(options)
    client.on('error', (error: unknown) => (this.#trouble = wordsOf(error)))
    client.on('node error', (error: unknown) => (this.#trouble = wordsOf(error)))
    client.on('ready', () => (this.#trouble = undefined))
    watchSockets(client)
    this.#client = client
  }

  /** Whether a command would be sent at once. */
  get isReady(): boolean {
    return this.#client.status === 'ready'
  }

  /** Runs one command; strings in the reply are Buffers. */
  async command(name: string, ...args: readonly RedisArgument[]): Promise<unknown> {
    if (this.#client.status !== 'ready') await this.#becomeReady()
    try {
      return await this.#client.callBuffer(name, ...args)
    } catch (error) {
      throw this.#failure(error)
    }
  }

  /** Runs a command that changes nothing, and once more where its connection broke: a dead one is only found out so. */
  async read(name: string, ...args: readonly RedisArgument[]): Promise<unknown> {
    try {
      return await this.command(name, ...args)
    } catch (error) {
      if (!(error instanceof RedisFailure) || error.reply !== connectionLost) throw error
      return this.command(name, ...args)
    }
  }

  /** The names of all keys that begin with a prefix, in no order. Looks at every key of every server. */
  async scan(prefix: string): Promise<ReadonlySet<string>> {
    if (this.#client.status !== 'ready') await this.#becomeReady()
    try {
      return await namesWith(prefix, this.#client)
    } catch (error) {
      throw this.#failure(error)
    }
  }

  /** Runs a script, by its name where the server knows it. */
  async script(script: RedisScript, key: string, ...args: readonly RedisArgument[]): Promise<unknown> {
    try {
      return await this.command('evalsha', script.sha1, 1, key, ...args)
    } catch (error) {
      if (!(error instanceof RedisFailure) || !error.reply.startsWith('NOSCRIPT')) throw error
      return this.command('eval', script.lua, 1, key, ...args)
    }
  }

  /** A new connection for messages, to the server or to any primary of the cluster. It ends when it is lost. */
  async subscriber(): Promise<Redis> {
    if (this.#client.status !== 'ready') await this.#becomeReady()
    const server = 'nodes' in this.#client ? anyOf(this.#client.nodes('master')) : this.#client
    return server.duplicate({ retryStrategy: null, lazyConnect: true, autoResubscribe: false, readOnly: false })
  }

  close(): void {
    this.#closed = true
    this.#client.disconnect()
  }

  #becomeReady(): Promise<void> {
    if (this.#closed) return Promise.reject(new Error('the Redis store is closed'))
    this.#ready ??= this.#waitForReady().finally(() => (this.#ready = undefined))
    return this.#ready
  }

  async #waitForReady(): Promise<void> {
    const client = this.#client
    if (client.status === 'wait') client.connect().catch(() => undefined)
    await new Promise<void>((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer)
        client.off('ready', settle)
        client.off('end', settle)
        if (client.status === 'ready') resolve()
        else reject(this.#failure(new Error('there is no connection')))
      }
      const timer = setTimeout(settle, connectPatienceMs)
      client.once('ready', settle)
      client.once('end', settle)
    })
  }

  #failure(error: unknown): RedisFailure {
    const words = wordsOf(error)
    const cause = this.#client.status === 'ready' || this.#trouble === undefined ? '' : ` (${this.#trouble})`
    return new RedisFailure(`Redis is in trouble: ${words}${cause}`, words)
  }
}

/** Something went wrong in Redis or on the way there. */
export class RedisFailure extends Error {
  override readonly name = 'RedisFailure'
  /** The words of the server or of the driver alone. */
  readonly reply: string

  constructor(message: string, reply: string) {
    super(message)
    this.reply = reply
  }
}

function createClient(options: RedisConnectionOptions): Redis | Cluster {
  const { Redis, Cluster } = loadDriver()
  const { target } = options
  const [first] = target.addresses
  if (first === undefined) throw new RangeError('there is no address of Redis')
  const shared = sharedOptions(options)
  const retryStrategy = (times: number): number => Math.min(times * 50, slowestReconnectMs)
  switch (target.topology) {
    case 'single':
      return new Redis({ ...shared, ...first, db: target.database, retryStrategy })
    case 'sentinel':
      return new Redis({
        ...shared,
        sentinels: [...target.addresses],
        name: target.primaryName,
        db: target.database,
        sentinelUsername: options.sentinelUsername,
        sentinelPassword: options.sentinelPassword,
        sentinelCommandTimeout: answerTimeoutMs,
        sentinelRetryStrategy: retryStrategy,
        enableTLSForSentinelMode: target.tls,
        sentinelTLS: shared.tls,
        retryStrategy,
      })
    case 'cluster':
      return new Cluster([...target.addresses], {
        lazyConnect: true,
        redisOptions: shared,
        clusterRetryStrategy: retryStrategy,
        maxRedirections: 5,
        slotsRefreshTimeout: answerTimeoutMs,
        // A certificate is for a name: resolving names here would leave only addresses to verify.
        ...(target.tls ? { dnsLookup: (name, found) => found(null, name) } : {}),
      })
  }
}

function sharedOptions({ target, tls }: RedisConnectionOptions) {
  return {
    username: target.username,
    password: target.password,
    ...(target.tls ? { tls: { ca: tls.ca, cert: tls.cert, key: tls.key, servername: tls.serverName } } : {}),
    connectionName: 'coatcheck',
    disableClientInfo: true,
    protocol: 2,
    lazyConnect: true,
    connectTimeout: answerTimeoutMs,
    commandTimeout: answerTimeoutMs,
    // A server that takes commands and answers nothing: give the connection up, with all that piles up on it.
    socketTimeout: answerTimeoutMs + 100,
    // What was under way when a connection broke has failed: sending it again could do it twice.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    reconnectOnError: afterFailover(),
  } satisfies RedisOptions
}

/** Who cannot be written to is the old primary: look for the new one, but not so often that reading suffers. */
function afterFailover(): (error: Error) => boolean {
  let lastMs = -Infinity
  return (error) => {
    if (!error.message.includes('READONLY') || performance.now() - lastMs < answerTimeoutMs) return false
    lastMs = performance.now()
    return true
  }
}

function loadDriver(): typeof import('ioredis') {
  const require = createRequire(import.meta.url)
  try {
    return require('ioredis') as typeof import('ioredis')
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'MODULE_NOT_FOUND') throw error
    throw new Error('The Redis session store needs the package ioredis: npm install ioredis@6', { cause: error })
  }
}

function anyOf(nodes: readonly Redis[]): Redis {
  const node = nodes[Math.floor(Math.random() * nodes.length)]
  if (node === undefined) throw new RedisFailure('Redis is in trouble: the cluster has no primary', '')
  return node
}

/** What an error says, without the arguments that some servers repeat in it. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  if (error.name === 'MaxRetriesPerRequestError' || error.message === 'Connection is closed.') return connectionLost
  const words = error.message === '' && 'code' in error ? String(error.code) : error.message
  return words.replace(/,? with args beginning with:.*/s, '').slice(0, 200)
}

/**
 * The driver listens for the first error of a socket only. A TLS alert that comes after it would be nobody's, and end the
 * process: one more listener stays as long as the socket does.
 */
export function watchSockets(client: Redis | Cluster): void {
  client.on('connecting', () => {
    setImmediate(() => {
      if ('stream' in client) client.stream?.on('error', () => undefined)
    })
  })
}
