import { setTimeout as delay } from 'node:timers/promises'
import { momentNow } from './redis-certainty.ts'
import type { Change, RedisCertainty } from './redis-certainty.ts'
import { watchSockets, type RedisConnection } from './redis-connection.ts'
import type { RedisNames } from './redis-names.ts'

/** Several renewals fit into a lease, so that a slow one does no harm. */
const renewEveryMs = 150
const slowestReturnMs = 500

/** The mark of a node in the hash of nodes. Anything else, or nothing, means that it has been expelled. */
const standing = '1'

export interface RedisNodesOptions {
  readonly connection: RedisConnection
  readonly names: RedisNames
  readonly certainty: RedisCertainty
  /** The name of this process, without spaces; unique. */
  readonly name: string
  /** Called when the node `id` has taken in the change that this process told under `sequence`. */
  readonly onHeard: (id: string, sequence: number) => void
}

/**
 * This node's place among those that are told of changes.
 *
 * It subscribes, then enters itself in a hash, and asks again and again whether it still stands there. Whoever makes a
 * change waits for the word of all who stand there, or expels them and waits until their lease is over. An entry is
 * never used twice: after a lost subscription or an expulsion, the node comes back under a new id, knowing nothing.
 */
export class RedisNodes {
  readonly #options: RedisNodesOptions
  readonly #stop = new AbortController()
  readonly #waiting = new Set<() => void>()
  readonly #toAcknowledge = new Map<string, number[]>()
  #id: string | undefined
  #former: string[] = []
  #generation = 0
  #running: Promise<void> | undefined

  constructor(options: RedisNodesOptions) {
    this.#options = options
  }

  /** Begins to listen, once. */
  start(): void {
    if (!this.#stop.signal.aborted) this.#running ??= this.#run()
  }

  /** Whether an id is one of this process, now or before. */
  isOwn(id: string): boolean {
    return id.startsWith(`${this.#options.name}.`)
  }

  /** Whether this node hears of changes; waits so long for it where it does not yet. */
  async hears(patienceMs: number): Promise<boolean> {
    if (this.#id !== undefined) return true
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(settle)
        resolve()
      }
      const timer = setTimeout(settle, patienceMs)
      this.#waiting.add(settle)
    })
    return this.#id !== undefined
  }

  /** Leaves, so that nobody waits for this node any more. */
  async close(): Promise<void> {
    this.#stop.abort()
    for (const settle of this.#waiting) settle()
    await this.#running
    const { connection, names } = this.#options
    if (this.#former.length > 0 && connection.isReady) await connection.command('hdel', names.nodes, ...this.#former)
  }

  async #run(): Promise<void> {
    let failures = 0
    while (!this.#stop.signal.aborted) {
      try {
        await this.#attend()
        failures = 0
      } catch {
        // Whoever waits for this node's place hears of the trouble from a command of their own.
        failures += 1
      }
      await pause(Math.min(failures * 50, slowestReturnMs), this.#stop.signal)
    }
  }

  /** One stay under one id, until the subscription is lost or the node was expelled. */
  async #attend(): Promise<void> {
    const { connection, names, certainty, name } = this.#options
    const id = `${name}.${++this.#generation}`
    const over = new AbortController()
    const subscriber = await connection.subscriber()
    if (this.#stop.signal.aborted) return
    const leave = (): void => {
      if (over.signal.aborted) return
      over.abort()
      certainty.forget()
      this.#id = undefined
      subscriber.disconnect()
    }
    subscriber.on('error', () => undefined)
    watchSockets(subscriber)
    subscriber.on('end', leave)
    subscriber.on('message', (channel: string, message: string) => this.#receive(channel, message))
    this.#stop.signal.addEventListener('abort', leave)
    try {
      await subscriber.connect()
      await subscriber.subscribe(names.changes, names.heard(name))
      const enteredAt = momentNow()
      this.#former.push(id)
      await connection.command('hset', names.nodes, id, standing)
      if (over.signal.aborted) return
      this.#id = id
      certainty.join()
      certainty.extend(enteredAt)
      for (const settle of this.#waiting) settle()
      await this.#removeFormer(id)
      await this.#renew(id, over.signal)
    } finally {
      this.#stop.signal.removeEventListener('abort', leave)
      leave()
    }
  }

  async #renew(id: string, over: AbortSignal): Promise<void> {
    const { connection, names, certainty } = this.#options
    for (;;) {
      await pause(renewEveryMs, over)
      if (over.aborted) return
      const sentAt = momentNow()
      let mark: unknown
      try {
        mark = await connection.command('hget', names.nodes, id)
      } catch {
        // Not renewed: the lease runs out by itself, and counts again when Redis says that nobody expelled this node.
        continue
      }
      if (String(mark) !== standing || over.aborted) return
      certainty.extend(sentAt)
    }
  }

  /** Ids that are not trusted here any more, so that no change waits for them. */
  async #removeFormer(id: string): Promise<void> {
    const former = this.#former.filter((other) => other !== id)
    if (former.length > 0) await this.#options.connection.command('hdel', this.#options.names.nodes, ...former)
    this.#former = [id]
  }

  #receive(channel: string, message: string): void {
    const { names, certainty, name, onHeard } = this.#options
    if (channel === names.changes) {
      const [sender, sequence, change] = changeOf(message, names) ?? []
      if (sender === undefined || sequence === undefined || change === undefined) return
      certainty.hear(change)
      if (sender !== name) this.#acknowledge(sender, sequence)
      return
    }
    const [id = '', sequences = ''] = message.split(' ')
    for (const sequence of sequences.split(',')) onHeard(id, Number(sequence))
  }

  /** Many changes at once are acknowledged in one message. */
  #acknowledge(sender: string, sequence: number): void {
    if (this.#id === undefined) return
    const known = this.#toAcknowledge.get(sender)
    if (known !== undefined) {
      known.push(sequence)
      return
    }
    this.#toAcknowledge.set(sender, [sequence])
    setImmediate(() => {
      const sequences = this.#toAcknowledge.get(sender) ?? []
      this.#toAcknowledge.delete(sender)
      if (this.#id === undefined) return
      const { connection, names } = this.#options
      connection.command('publish', names.heard(sender), `${this.#id} ${sequences.join(',')}`).catch(() => undefined)
    })
  }
}

/** What is told of a change: who tells it under which number, and the record's new state; the key comes last. */
export function changeMessage(sender: string, change: Change, names: RedisNames): string {
  return `${sender} ${change.version} ${change.expiresAtMs} ${names.record(change.key)}`
}

function changeOf(message: string, names: RedisNames): readonly [string, number, Change] | undefined {
  const [, sender = '', sequence, version, expiresAtMs, record = ''] = /^(\S+) (\d+) (\d+) (\S+) (.*)$/.exec(message) ?? []
  if (sender === '') return undefined
  const change = { key: names.keyOf(record), version: Number(version), expiresAtMs: Number(expiresAtMs) }
  return [sender, Number(sequence), change]
}

/** Waits, or ends early where the signal says so. Keeps no process alive. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal, ref: false })
  } catch {
    // Aborted: whoever waits looks at the signal.
  }
}
