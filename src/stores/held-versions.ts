/** How many records are remembered; one more costs a small read in the database, nothing else. */
const capacity = 65_536

interface Held {
  readonly version: number
  readonly expiresAtMs: number
}

/**
 * The versions that one database connection knows to be current, as long as nobody else commits.
 *
 * What is put in must have been current at a moment after the last `validate`; then it holds until the next one sees that
 * the data version moved.
 */
export class HeldVersions {
  readonly #records = new Map<string, Held>()
  #dataVersion: number | undefined

  /** Forgets everything where another connection has committed since the last call (PRAGMA data_version moved). */
  validate(dataVersion: number): void {
    if (this.#dataVersion === dataVersion) return
    this.#records.clear()
    this.#dataVersion = dataVersion
  }

  get(key: string): Held | undefined {
    return this.#records.get(key)
  }

  set(key: string, version: number, expiresAtMs: number): void {
    if (this.#records.size >= capacity && !this.#records.has(key)) {
      const oldest = this.#records.keys().next()
      if (oldest.done !== true) this.#records.delete(oldest.value)
    }
    this.#records.set(key, { version, expiresAtMs })
  }

  /** Moves the expiry of a record, where it is known. */
  touch(key: string, expiresAtMs: number): void {
    const held = this.#records.get(key)
    if (held !== undefined) this.#records.set(key, { version: held.version, expiresAtMs })
  }

  delete(key: string): void {
    this.#records.delete(key)
  }

  clear(): void {
    this.#records.clear()
  }
}
