import { randomBytes, randomInt } from 'node:crypto'
import { RedisCertainty } from './redis-certainty.ts'
import type { Change } from './redis-certainty.ts'
import { RedisConnection, RedisFailure } from './redis-connection.ts'
import type { RedisArgument } from './redis-connection.ts'
import { RedisNames } from './redis-names.ts'
import { RedisNodes } from './redis-nodes.ts'
import { RedisNotices } from './redis-notices.ts'
import { changedOf, listOf, recordOf } from './redis-replies.ts'
import type { ChangedRecord } from './redis-replies.ts'
import { addScript, deleteScript, hintScript, replaceScript, touchScript } from './redis-scripts.ts'
import type { RedisScript } from './redis-scripts.ts'
import type { RedisTlsOptions } from './redis-tls-options.ts'
import { parseRedisUrl } from './redis-url.ts'
import { RedisWalk } from './redis-walk.ts'
import type { KeyedRecord, NewRecord, SessionStore, StoredRecord } from './store.ts'

export type { RedisTlsOptions } from './redis-tls-options.ts'

/** Options of the Redis store. */
export interface RedisStoreOptions {
  /**
   * `redis://[user:password@]host[:port][/database]`, `redis+sentinel://host,host/primary[/database]` or
   * `redis+cluster://host,host`. `rediss` instead of `redis` speaks TLS; `valkey` and `valkeys` mean the same.
   */
  readonly url: string
  /** Begins every key and channel. Installations with the same prefix on the same Redis are one. Default: `coatcheck:`. */
  readonly keyPrefix?: string
  readonly tls?: RedisTlsOptions
  /** Credentials of the sentinels, where they have their own. */
  readonly sentinelUsername?: string
  readonly sentinelPassword?: string
  /** Epoch milliseconds. Default: Date.now. */
  readonly clock?: () => number
}

/**
 * A store in Redis 6.2 or later, or Valkey: one server, a primary behind sentinels, or a cluster.
 *
 * It connects at first use, so this call never fails because of the network. Its methods throw within about a second while
 * Redis is in trouble, and work again when that is over.
 *
 * @throws RangeError where the URL cannot be understood; Error where the package ioredis is not installed.
 */
export function createRedisStore(options: RedisStoreOptions): SessionStore {
  return new RedisStore(options)
}

/** The server clears records away this long after their expiry, which it never decides. Also the most that clocks may differ. */
const clearAwayAfterMs = 60_000
/** A tag points to a record at least this long after its expiry, so that one lost update of the tag loses nothing. */
const keepHintsForMs = 86_400_000
/** A write waits so long for a connection that is being made, on which it hears who has taken note of it. */
const hearingPatienceMs = 500
/** A read that is overtaken by a change is done again, and after so many changes in a row taken as it is. */
const mostReads = 3

class RedisStore implements SessionStore {
  readonly #clock: () => number
  readonly #names: RedisNames
  readonly #connection: RedisConnection
  readonly #certainty: RedisCertainty
  readonly #nodes: RedisNodes
  readonly #notices: RedisNotices
  readonly #walk: RedisWalk

  constructor(options: RedisStoreOptions) {
    const name = randomBytes(9).toString('base64url')
    this.#clock = options.clock ?? Date.now
    this.#names = new RedisNames(options.keyPrefix ?? 'coatcheck:')
    this.#certainty = new RedisCertainty(this.#clock)
    this.#connection = new RedisConnection({
      target: parseRedisUrl(options.url),
      tls: options.tls ?? {},
      sentinelUsername: options.sentinelUsername,
      sentinelPassword: options.sentinelPassword,
    })
    this.#nodes = new RedisNodes({
      connection: this.#connection,
      names: this.#names,
      certainty: this.#certainty,
      name,
      onHeard: (id, sequence) => this.#notices.hear(id, sequence),
    })
    this.#notices = new RedisNotices(this.#connection, this.#names, name, this.#nodes)
    this.#walk = new RedisWalk(
      async (prefix) => [...(await this.#connection.scan(this.#names.record(prefix)))].map((found) => this.#names.keyOf(found)),
      (keys) => this.#recordsOf(keys),
    )
  }

  async get(key: string): Promise<StoredRecord | undefined> {
    this.#nodes.start()
    for (let reads = 1; ; reads++) {
      const look = this.#certainty.begin(key)
      let record: StoredRecord | undefined
      let isLatest = false
      try {
        record = recordOf(await this.#fieldsOf(key), this.#clock())
      } finally {
        isLatest = this.#certainty.end(look, record)
      }
      if (isLatest || reads === mostReads) return record
    }
  }

  async add(key: string, record: NewRecord): Promise<number | undefined> {
    this.#nodes.start()
    const value = Buffer.from(record.value)
    const { expiresAtMs } = record
    const version = newVersion()
    const tags = [...new Set(record.tags)]
    const hint = `${version} ${key}`
    // The tags first: a record that its tags do not know of could not be closed by them.
    await this.#keepHints(tags, hint, expiresAtMs)
    const look = this.#certainty.begin(key)
    let added: unknown
    try {
      const [now, keepMs] = [this.#clock(), this.#keepMs(expiresAtMs)]
      const redisKey = this.#names.record(key)
      added = await this.#connection.script(addScript, redisKey, now, version, expiresAtMs, keepMs, value, tags.join('\n'))
    } finally {
      this.#certainty.end(look, added === 1 ? { version, expiresAtMs } : undefined)
    }
    if (added === 1) return version
    await this.#dropHints(tags, hint)
    return undefined
  }

  async replace(key: string, version: number, value: Uint8Array, expiresAtMs: number): Promise<number | undefined> {
    const next = newVersion()
    const args = [expiresAtMs, this.#keepMs(expiresAtMs), version, next, Buffer.from(value)]
    const look = this.#certainty.begin(key)
    let replaced: ChangedRecord | undefined
    try {
      replaced = await this.#change(replaceScript, key, args, () => ({ key, version: next, expiresAtMs }))
    } finally {
      this.#certainty.end(look, replaced === undefined ? undefined : { version: next, expiresAtMs })
    }
    if (replaced === undefined) return undefined
    await this.#keepHints(replaced.tags, `${replaced.birth} ${key}`, expiresAtMs)
    return next
  }

  async touch(key: string, expiresAtMs: number): Promise<boolean> {
    const args = [expiresAtMs, this.#keepMs(expiresAtMs)]
    const touched = await this.#change(touchScript, key, args, ({ version }) => ({ key, version, expiresAtMs }))
    if (touched === undefined) return false
    await this.#keepHints(touched.tags, `${touched.birth} ${key}`, expiresAtMs)
    return true
  }

  delete(key: string, version?: number): Promise<boolean> {
    return this.#delete(key, version === undefined ? '' : `${version}`, '')
  }

  async deleteTagged(tag: string): Promise<readonly string[]> {
    const hints = await this.#hintsOf(tag)
    const deletions = hints.map(async ({ key, birth }) => ((await this.#delete(key, '', birth)) ? [key] : []))
    // One that fails does not leave the others half done.
    await Promise.allSettled(deletions)
    return (await Promise.all(deletions)).flat()
  }

  async listTagged(tag: string): Promise<readonly KeyedRecord[]> {
    const records = await Promise.all(
      (await this.#hintsOf(tag)).map(async ({ key, birth }) => {
        const fields = await this.#fieldsOf(key)
        const record = String(fields[3]) === birth ? recordOf(fields, this.#clock()) : undefined
        return record === undefined ? [] : [{ key, ...record }]
      }),
    )
    return records.flat()
  }

  /** The first page of a walk looks at every key there is, those of other applications on the same Redis included. */
  list(prefix: string, after: string | undefined, limit: number): Promise<readonly KeyedRecord[]> {
    return this.#walk.page(prefix, after, limit)
  }

  /** Costs no command: what was read is compared in memory, while this node is told of every change. */
  holds(key: string, version: number): boolean {
    return this.#certainty.holds(key, version)
  }

  /** Writes and reads by the commands that records need, and makes sure that this node hears of changes. */
  async check(): Promise<void> {
    this.#nodes.start()
    const probe = this.#names.probe(randomBytes(9).toString('base64url'))
    const [version, now] = [newVersion(), this.#clock()]
    await this.#connection.script(addScript, probe, now, version, now + clearAwayAfterMs, clearAwayAfterMs, 'probe', '')
    const [found] = await this.#hash(probe, ['v'])
    await this.#connection.command('del', probe)
    if (String(found) !== `${version}`) throw new Error('Redis is in trouble: what was written is not what is read')
    if (await this.#nodes.hears(hearingPatienceMs)) return
    throw new Error('Redis is in trouble: this node does not hear of changes (is it allowed to subscribe and publish?)')
  }

  async close(): Promise<void> {
    try {
      await this.#nodes.close()
    } catch {
      // Redis is away; whoever writes next waits until this node's lease is over.
    }
    this.#connection.close()
  }

  async #delete(key: string, version: string, birth: string): Promise<boolean> {
    const deleted = await this.#change(deleteScript, key, [version, birth], () => ({ key, version: 0, expiresAtMs: 0 }))
    if (deleted === undefined) return false
    await this.#dropHints(deleted.tags, `${deleted.birth} ${key}`)
    return true
  }

  /** Runs a script that changes a record and tells it, and waits until no node trusts what it knew of it before. */
  async #change(
    script: RedisScript,
    key: string,
    args: readonly RedisArgument[],
    changeOf: (changed: ChangedRecord) => Change,
  ): Promise<ChangedRecord | undefined> {
    this.#nodes.start()
    await this.#nodes.hears(hearingPatienceMs)
    const notice = this.#notices.open()
    try {
      const [redisKey, now] = [this.#names.record(key), this.#clock()]
      const changed = changedOf(await this.#connection.script(script, redisKey, now, this.#names.changes, notice.sender, ...args))
      if (changed === undefined) return undefined
      const change = changeOf(changed)
      this.#certainty.hear(change)
      await this.#notices.settle(notice, change, await this.#notices.listeners())
      return changed
    } finally {
      this.#notices.close(notice)
    }
  }

  async #recordsOf(keys: readonly string[]): Promise<readonly KeyedRecord[]> {
    const fields = await Promise.all(keys.map((key) => this.#fieldsOf(key)))
    return keys.flatMap((key, index) => {
      const record = recordOf(fields[index] ?? [], this.#clock())
      return record === undefined ? [] : [{ key, ...record }]
    })
  }

  #fieldsOf(key: string): Promise<readonly unknown[]> {
    return this.#hash(this.#names.record(key), ['v', 'e', 'd', 'b'])
  }

  /** Fields of a hash; none where there is something else under its name, which is not ours and thus no record. */
  async #hash(redisKey: string, fields: readonly string[]): Promise<readonly unknown[]> {
    try {
      return listOf(await this.#connection.read('hmget', redisKey, ...fields))
    } catch (error) {
      if (error instanceof RedisFailure && error.reply.startsWith('WRONGTYPE')) return []
      throw error
    }
  }

  async #hintsOf(tag: string): Promise<readonly { readonly birth: string; readonly key: string }[]> {
    const hints = listOf(await this.#connection.read('zrange', this.#names.tag(tag), 0, -1)).map(String)
    return hints.map((hint) => {
      const [birth = ''] = hint.split(' ', 1)
      return { birth, key: hint.slice(birth.length + 1) }
    })
  }

  async #keepHints(tags: readonly string[], hint: string, expiresAtMs: number): Promise<void> {
    const now = this.#clock()
    await Promise.all(
      tags.map((tag) => this.#connection.script(hintScript, this.#names.tag(tag), now, hint, expiresAtMs + keepHintsForMs)),
    )
  }

  async #dropHints(tags: readonly string[], hint: string): Promise<void> {
    await Promise.all(tags.map((tag) => this.#connection.command('zrem', this.#names.tag(tag), hint)))
  }

  /** From now on, by a stopwatch: the server's idea of the time does not matter. */
  #keepMs(expiresAtMs: number): number {
    return Math.max(0, Math.ceil(expiresAtMs - this.#clock())) + clearAwayAfterMs
  }
}

/** Never given twice for a key, and unlike a counter it needs nothing that outlives its record. */
function newVersion(): number {
  return randomInt(1, 2 ** 48 - 1)
}
