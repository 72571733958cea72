/** A value, or a promise of it: stores inside the process answer at once, so the hot path does not wait for a tick. */
export type MaybePromise<T> = T | Promise<T>

/** What a store keeps under a key. */
export interface StoredRecord {
  /** Sealed bytes. A store never sees a token. */
  readonly value: Uint8Array
  /** Changes with every write of the value, and is never given twice for the same key: the fence of conditional writes. */
  readonly version: number
  /** Epoch milliseconds. From this moment on the record is gone. */
  readonly expiresAtMs: number
}

/** A record to be written. */
export interface NewRecord {
  readonly value: Uint8Array
  /** Epoch milliseconds. */
  readonly expiresAtMs: number
  /** Names under which `deleteTagged` and `listTagged` find the record. Fixed when the record is added. */
  readonly tags?: readonly string[]
}

/** A record together with its key, as `list` and `listTagged` give it. */
export interface KeyedRecord extends StoredRecord {
  readonly key: string
}

/**
 * Keeps sealed bytes by key, for sessions, refresh leases and one-time marks alike.
 *
 * Keys and tags are printable ASCII of at most 200 characters. A record past its `expiresAtMs` is absent for every
 * method. All writes are durable when the method returns, and seen by every other client of the same store from then
 * on; `touch` alone may lose its last moments when the machine loses power.
 *
 * Any error a method throws means "the store is in trouble", never "there is no such record".
 */
export interface SessionStore {
  /** The record, or `undefined` where there is none. */
  get(key: string): MaybePromise<StoredRecord | undefined>

  /** Adds a record only where the key has none; gives its version, or `undefined` where a record is there already. */
  add(key: string, record: NewRecord): MaybePromise<number | undefined>

  /**
   * Replaces the value and the expiry only where the record still has `version`; gives the new version, or `undefined`
   * where the record is gone or was written by somebody else. Tags stay.
   */
  replace(key: string, version: number, value: Uint8Array, expiresAtMs: number): MaybePromise<number | undefined>

  /** Moves the expiry of a record that exists, and nothing else. `false` where there is none. */
  touch(key: string, expiresAtMs: number): MaybePromise<boolean>

  /** Deletes the record; with `version`, only where it still has that version. `false` where nothing was deleted. */
  delete(key: string, version?: number): MaybePromise<boolean>

  /** Deletes every record with the tag and gives their keys. */
  deleteTagged(tag: string): MaybePromise<readonly string[]>

  /** Every record with the tag, in no order. */
  listTagged(tag: string): MaybePromise<readonly KeyedRecord[]>

  /**
   * Records whose keys begin with `prefix`, in the order of their keys (byte by byte) and at most `limit` of them; with
   * `after`, only those whose keys come after it, whether or not such a record is still there. Fewer than `limit` means
   * that there are no more. A record that is there throughout a walk over the pages is met in it once. For operators: it
   * may cost a look at every key, and is never on the path of a request.
   */
  list(prefix: string, after: string | undefined, limit: number): MaybePromise<readonly KeyedRecord[]>

  /**
   * Whether what was read at `version` is certainly still what the store holds, answered at once and without asking
   * another machine. `false` means "not certain, read again". It lets the sessions layer keep opened sessions in
   * memory without ever using one that was closed elsewhere.
   */
  holds(key: string, version: number): boolean

  /** Rejects where the store cannot be read and written now. For readiness and `coatcheck check`. */
  check(): MaybePromise<void>

  /** Ends timers and connections. The store is not used afterwards. */
  close(): MaybePromise<void>
}
