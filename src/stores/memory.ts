import type { KeyedRecord, NewRecord, SessionStore, StoredRecord } from './store.ts'

/** How many records each `add` looks at for expiry: more than one, so that the sweep is faster than the growth. */
const sweepPerAdd = 8

interface MemoryRecord {
  value: Uint8Array
  version: number
  expiresAtMs: number
  readonly tags: readonly string[]
}

/** A store inside one process, gone at restart: for development, tests, and where a new login after a restart is fine. */
export function createMemoryStore(options: { readonly clock?: () => number } = {}): SessionStore {
  return new MemoryStore(options.clock ?? Date.now)
}

class MemoryStore implements SessionStore {
  readonly #clock: () => number
  readonly #records = new Map<string, MemoryRecord>()
  readonly #keysByTag = new Map<string, Set<string>>()
  #sweep = this.#records.entries()
  #lastVersion = 0

  constructor(clock: () => number) {
    this.#clock = clock
  }

  get(key: string): StoredRecord | undefined {
    const record = this.#find(key)
    return record === undefined ? undefined : copyOf(record)
  }

  add(key: string, record: NewRecord): number | undefined {
    this.#sweepSome()
    if (this.#find(key) !== undefined) return undefined
    const version = this.#newVersion()
    const tags = [...new Set(record.tags)]
    this.#records.set(key, { value: new Uint8Array(record.value), version, expiresAtMs: record.expiresAtMs, tags })
    for (const tag of tags) this.#keysOf(tag).add(key)
    return version
  }

  replace(key: string, version: number, value: Uint8Array, expiresAtMs: number): number | undefined {
    const record = this.#find(key)
    if (record?.version !== version) return undefined
    record.value = new Uint8Array(value)
    record.version = this.#newVersion()
    record.expiresAtMs = expiresAtMs
    return record.version
  }

  touch(key: string, expiresAtMs: number): boolean {
    const record = this.#find(key)
    if (record === undefined) return false
    record.expiresAtMs = expiresAtMs
    return true
  }

  delete(key: string, version?: number): boolean {
    const record = this.#find(key)
    if (record === undefined || (version !== undefined && record.version !== version)) return false
    this.#remove(key, record)
    return true
  }

  deleteTagged(tag: string): readonly string[] {
    return [...(this.#keysByTag.get(tag) ?? [])].filter((key) => this.delete(key))
  }

  listTagged(tag: string): readonly KeyedRecord[] {
    return [...(this.#keysByTag.get(tag) ?? [])].flatMap((key) => {
      const record = this.#find(key)
      return record === undefined ? [] : [{ key, ...copyOf(record) }]
    })
  }

  list(prefix: string, after: string | undefined, limit: number): readonly KeyedRecord[] {
    const keys = [...this.#records.keys()].filter((key) => key.startsWith(prefix) && (after === undefined || key > after))
    const page: KeyedRecord[] = []
    for (const key of keys.toSorted(inByteOrder)) {
      if (page.length >= limit) break
      const record = this.#find(key)
      if (record !== undefined) page.push({ key, ...copyOf(record) })
    }
    return page
  }

  holds(key: string, version: number): boolean {
    return this.#find(key)?.version === version
  }

  check(): void {}

  close(): void {
    this.#records.clear()
    this.#keysByTag.clear()
  }

  #find(key: string): MemoryRecord | undefined {
    const record = this.#records.get(key)
    if (record === undefined || this.#clock() < record.expiresAtMs) return record
    this.#remove(key, record)
    return undefined
  }

  #remove(key: string, record: MemoryRecord): void {
    this.#records.delete(key)
    for (const tag of record.tags) {
      const keys = this.#keysByTag.get(tag)
      keys?.delete(key)
      if (keys?.size === 0) this.#keysByTag.delete(tag)
    }
  }

  #keysOf(tag: string): Set<string> {
    const known = this.#keysByTag.get(tag)
    if (known !== undefined) return known
    const keys = new Set<string>()
    this.#keysByTag.set(tag, keys)
    return keys
  }

  // Goes on where the last call ended; without a timer, nothing keeps the process alive or runs in an idle one.
  #sweepSome(): void {
    const now = this.#clock()
    for (let looked = 0; looked < sweepPerAdd; looked++) {
      const next = this.#sweep.next()
      if (next.done === true) {
        this.#sweep = this.#records.entries()
        return
      }
      const [key, record] = next.value
      if (now >= record.expiresAtMs) this.#remove(key, record)
    }
  }

  /** One counter for all keys: no version is ever given twice. */
  #newVersion(): number {
    this.#lastVersion += 1
    return this.#lastVersion
  }
}

function inByteOrder(one: string, other: string): number {
  return one < other ? -1 : 1
}

function copyOf({ value, version, expiresAtMs }: MemoryRecord): StoredRecord {
  return { value: new Uint8Array(value), version, expiresAtMs }
}
