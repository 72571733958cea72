/** A login that the provider or the gateway refused; `login_required` where a renewal finds no session. */
export class ErrorResponse extends Error {
  override readonly name: string = 'ErrorResponse'
  readonly error: string | null
  readonly error_description: string | null
  readonly error_uri: string | null
  state?: unknown
  readonly session_state: string | null
  url_state?: string

  constructor(args: {
    error?: string | null
    error_description?: string | null
    error_uri?: string | null
    userState?: unknown
  }) {
    super(args.error_description ?? args.error ?? '')
    this.error = args.error ?? null
    this.error_description = args.error_description ?? null
    this.error_uri = args.error_uri ?? null
    this.state = args.userState
    this.session_state = null
  }
}

export class ErrorTimeout extends Error {
  override readonly name: string = 'ErrorTimeout'
}

/** Works as it does in oidc-client-ts, and nothing of the session is kept in it. */
export class WebStorageStateStore {
  readonly #store: Storage
  readonly #prefix: string

  constructor({ prefix = 'oidc.', store = localStorage }: { prefix?: string; store?: Storage } = {}) {
    this.#store = store
    this.#prefix = prefix
  }

  set(key: string, value: string): Promise<void> {
    this.#store.setItem(this.#prefix + key, value)
    return Promise.resolve()
  }

  get(key: string): Promise<string | null> {
    return Promise.resolve(this.#store.getItem(this.#prefix + key))
  }

  async remove(key: string): Promise<string | null> {
    const value = await this.get(key)
    this.#store.removeItem(this.#prefix + key)
    return value
  }

  getAllKeys(): Promise<string[]> {
    const keys = Array.from({ length: this.#store.length }, (_, index) => this.#store.key(index) ?? '')
    return Promise.resolve(keys.filter((key) => key.startsWith(this.#prefix)).map((key) => key.slice(this.#prefix.length)))
  }
}

/** Works as it does in oidc-client-ts, and nothing of the session is kept in it. */
export class InMemoryWebStorage implements Storage {
  readonly #data = new Map<string, string>()

  get length(): number {
    return this.#data.size
  }

  clear(): void {
    this.#data.clear()
  }

  // oidc-client-ts says that it gives a string, as `Storage` does not.
  getItem(key: string): string {
    return this.#data.get(key) as string
  }

  setItem(key: string, value: string): void {
    this.#data.set(key, value)
  }

  removeItem(key: string): void {
    this.#data.delete(key)
  }

  key(index: number): string {
    return [...this.#data.keys()][index] as string
  }
}

/** Nothing is logged but what has to be seen, and that goes to the console. */
export const Log = {
  NONE: 0,
  ERROR: 1,
  WARN: 2,
  INFO: 3,
  DEBUG: 4,
  reset: (): void => undefined,
  setLevel: (_level: number): void => undefined,
  setLogger: (_logger: object): void => undefined,
} as const
