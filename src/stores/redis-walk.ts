import { performance } from 'node:perf_hooks'
import type { KeyedRecord } from './store.ts'

/** A walk that does not go on for so long is forgotten: its keys are old by then. */
const keepMs = 30_000

interface Walk {
  readonly prefix: string
  /** All keys of the prefix when the walk began, in their order. */
  readonly keys: readonly string[]
  /** The first one that no page has looked at. */
  next: number
}

/**
 * Pages in the order of the keys, which Redis cannot give: one look at every key serves all pages of a walk. What came later
 * is met by the next walk; what is gone meanwhile is absent, because each page reads its records when it is asked for.
 */
export class RedisWalk {
  readonly #keysOf: (prefix: string) => Promise<readonly string[]>
  readonly #recordsOf: (keys: readonly string[]) => Promise<readonly KeyedRecord[]>
  readonly #now: () => number
  #kept: { readonly walk: Walk; readonly after: string; readonly untilMs: number } | undefined

  /** `keysOf` gives all keys of a prefix in no order; `recordsOf` the records that some keys still have. */
  constructor(
    keysOf: (prefix: string) => Promise<readonly string[]>,
    recordsOf: (keys: readonly string[]) => Promise<readonly KeyedRecord[]>,
    now: () => number = () => performance.now(),
  ) {
    this.#keysOf = keysOf
    this.#recordsOf = recordsOf
    this.#now = now
  }

  /** At most `limit` records after a key; fewer where there are no more. */
  async page(prefix: string, after: string | undefined, limit: number): Promise<readonly KeyedRecord[]> {
    const walk = this.#resume(prefix, after) ?? (await this.#begin(prefix, after))
    const page: KeyedRecord[] = []
    while (page.length < limit && walk.next < walk.keys.length) {
      const keys = walk.keys.slice(walk.next, walk.next + limit - page.length)
      walk.next += keys.length
      page.push(...(await this.#recordsOf(keys)))
    }
    const last = page.at(-1)
    if (last !== undefined && page.length === limit) {
      this.#kept = { walk, after: last.key, untilMs: this.#now() + keepMs }
    }
    return page
  }

  /** The walk whose last page ended with this key. It is taken: who asks the same again gets a new look. */
  #resume(prefix: string, after: string | undefined): Walk | undefined {
    const kept = this.#kept
    if (kept === undefined || kept.after !== after || kept.walk.prefix !== prefix) return undefined
    this.#kept = undefined
    return this.#now() < kept.untilMs ? kept.walk : undefined
  }

  async #begin(prefix: string, after: string | undefined): Promise<Walk> {
    const keys = await this.#keysOf(prefix)
    return { prefix, keys: keys.filter((key) => after === undefined || key > after).toSorted(), next: 0 }
  }
}
