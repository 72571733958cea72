import { setTimeout as delay } from 'node:timers/promises'
import { leaseMs } from './redis-certainty.ts'
import type { Change } from './redis-certainty.ts'
import type { RedisConnection } from './redis-connection.ts'
import type { RedisNames } from './redis-names.ts'
import { RedisNodes, changeMessage } from './redis-nodes.ts'
import { listOf } from './redis-replies.ts'
import { expelScript } from './redis-scripts.ts'

/** A node that has not answered by then is told once more, in case the message or its answer was lost. */
const tellAgainAfterMs = 100
/** And a node that has not answered by then is expelled. */
const expelAfterMs = 250
/** The lease of an expelled node, and a little more for a clock that runs slow. */
const outwaitMs = leaseMs * 1.1

/** A change that is told to the other nodes. */
export interface Notice {
  /** Goes with the message: the name of this process, and a number to answer with. */
  readonly sender: string
  readonly sequence: number
  readonly heardBy: Set<string>
  onHeard: () => void
}

/**
 * Sees to it that no node trusts what a change has made old, before the one who made the change gets an answer.
 *
 * Each node that stands in the hash says that it has taken the change in. One that says nothing is expelled: its next
 * renewal fails, and once its lease is over it trusts nothing it holds. So a change is seen everywhere when this is
 * done, within milliseconds as a rule, and within `expelAfterMs + outwaitMs` when a node is dead or cut off.
 */
export class RedisNotices {
  readonly #connection: RedisConnection
  readonly #names: RedisNames
  readonly #name: string
  readonly #nodes: RedisNodes
  readonly #open = new Map<number, Notice>()
  readonly #expulsions = new Map<string, Promise<void>>()
  #lastSequence = 0

  constructor(connection: RedisConnection, names: RedisNames, name: string, nodes: RedisNodes) {
    this.#connection = connection
    this.#names = names
    this.#name = name
    this.#nodes = nodes
  }

  /** Called before the change is made; each notice is closed. */
  open(): Notice {
    const sequence = ++this.#lastSequence
    const notice: Notice = { sender: `${this.#name} ${sequence}`, sequence, heardBy: new Set(), onHeard: () => undefined }
    this.#open.set(sequence, notice)
    return notice
  }

  close(notice: Notice): void {
    this.#open.delete(notice.sequence)
  }

  /** A node says that it has taken a change in. */
  hear(id: string, sequence: number): void {
    const notice = this.#open.get(sequence)
    notice?.heardBy.add(id)
    notice?.onHeard()
  }

  /** The nodes that must hear of a change which has been made by now. */
  async listeners(): Promise<readonly string[]> {
    const ids = listOf(await this.#connection.command('hkeys', this.#names.nodes))
    return ids.map(String).filter((id) => !this.#nodes.isOwn(id))
  }

  /** Resolves when no node trusts any more what the change has made old. Throws where that cannot be made sure of. */
  async settle(notice: Notice, change: Change, listeners: readonly string[]): Promise<void> {
    const missing = (): readonly string[] => listeners.filter((id) => !notice.heardBy.has(id))
    if (await heardWithin(notice, missing, tellAgainAfterMs)) return
    await this.#connection.command('publish', this.#names.changes, changeMessage(notice.sender, change, this.#names))
    if (await heardWithin(notice, missing, expelAfterMs - tellAgainAfterMs)) return
    await Promise.all(missing().map((id) => this.#expel(id)))
  }

  /** Changes that meet the same silent node wait for it together. */
  #expel(id: string): Promise<void> {
    const running = this.#expulsions.get(id)
    if (running !== undefined) return running
    const expulsion = this.#outwait(id).finally(() => this.#expulsions.delete(id))
    this.#expulsions.set(id, expulsion)
    return expulsion
  }

  async #outwait(id: string): Promise<void> {
    // Who is no longer in the hash has left it, and forgot everything before; or somebody else has waited already.
    const expelled = await this.#connection.script(expelScript, this.#names.nodes, id)
    if (expelled !== 1) return
    await delay(outwaitMs)
    await this.#connection.command('hdel', this.#names.nodes, id)
  }
}

function heardWithin(notice: Notice, missing: () => readonly string[], ms: number): Promise<boolean> {
  if (missing().length === 0) return Promise.resolve(true)
  return new Promise((resolve) => {
    const settle = (heard: boolean): void => {
      clearTimeout(timer)
      notice.onHeard = () => undefined
      resolve(heard)
    }
    const timer = setTimeout(() => settle(false), ms)
    notice.onHeard = () => {
      if (missing().length === 0) settle(true)
    }
  })
}
