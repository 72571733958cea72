import { createHash } from 'node:crypto'
import type { SharedCounters } from '../rate-limits.ts'
import { RedisConnection } from './redis-connection.ts'
import type { RedisStoreOptions } from './redis.ts'
import { parseRedisUrl } from './redis-url.ts'

/** Counters of rate limits in the store's Redis, on a connection of their own. Nothing is kept beyond a limit's window. */
export class RedisCounters implements SharedCounters {
  readonly keyPrefix: string
  readonly #connection: RedisConnection
  readonly #sha1 = new Map<string, string>()

  constructor(options: RedisStoreOptions) {
    this.keyPrefix = options.keyPrefix ?? 'coatcheck:'
    this.#connection = new RedisConnection({
      target: parseRedisUrl(options.url),
      tls: options.tls ?? {},
      sentinelUsername: options.sentinelUsername,
      sentinelPassword: options.sentinelPassword,
    })
  }

  get isReady(): boolean {
    if (this.#connection.isReady) return true
    this.#connection.command('ping').catch(() => undefined)
    return false
  }

  run(lua: string, key: string, args: readonly string[]): Promise<unknown> {
    let sha1 = this.#sha1.get(lua)
    if (sha1 === undefined) {
      sha1 = createHash('sha1').update(lua).digest('hex')
      this.#sha1.set(lua, sha1)
    }
    return this.#connection.script({ lua, sha1 }, key, ...args)
  }

  close(): void {
    this.#connection.close()
  }
}
