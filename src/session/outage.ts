import { BffError } from '../errors.ts'
import type { MaybePromise, SessionStore } from '../stores/store.ts'

/** A store call that has not answered by then counts as failed. */
const deadlineMs = 2_000

/** Whatever a store throws, and whatever it keeps waiting for, is `store_unavailable`: an error is not an answer. */
export function storeAnswer<T>(ask: () => MaybePromise<T>): MaybePromise<T> {
  let answer: MaybePromise<T>
  try {
    answer = ask()
  } catch (error) {
    throw unavailable(error)
  }
  return answer instanceof Promise ? withDeadline(answer) : answer
}

/** What is told once when the store fails after it worked, and once when it works again. */
export interface OutageListener {
  readonly onDown: (error: BffError) => void
  readonly onUp: () => void
}

/** The store with `storeAnswer` around each method. */
export function withOutageErrors(store: SessionStore, listener?: OutageListener): SessionStore {
  const state = new OutageState(listener)
  const told = <T>(ask: () => MaybePromise<T>): MaybePromise<T> => {
    try {
      const answer = storeAnswer(ask)
      return answer instanceof Promise ? state.watch(answer) : state.worked(answer)
    } catch (error) {
      throw state.failed(error)
    }
  }
  return {
    get: (key) => told(() => store.get(key)),
    add: (key, record) => told(() => store.add(key, record)),
    replace: (key, version, value, expiresAtMs) => told(() => store.replace(key, version, value, expiresAtMs)),
    touch: (key, expiresAtMs) => told(() => store.touch(key, expiresAtMs)),
    delete: (key, version) => told(() => store.delete(key, version)),
    deleteTagged: (tag) => told(() => store.deleteTagged(tag)),
    listTagged: (tag) => told(() => store.listTagged(tag)),
    list: (prefix, after, limit) => told(() => store.list(prefix, after, limit)),
    holds: (key, version) => store.holds(key, version),
    check: () => told(() => store.check()),
    close: () => store.close(),
  }
}

/** Whether the last answer of the store was one. */
class OutageState {
  readonly #listener: OutageListener | undefined
  #isDown = false

  constructor(listener: OutageListener | undefined) {
    this.#listener = listener
  }

  watch<T>(answer: Promise<T>): Promise<T> {
    return answer.then(
      (value) => this.worked(value),
      (error: unknown) => {
        throw this.failed(error)
      },
    )
  }

  worked<T>(value: T): T {
    if (this.#isDown) {
      this.#isDown = false
      this.#listener?.onUp()
    }
    return value
  }

  failed(error: unknown): unknown {
    if (!this.#isDown && error instanceof BffError) {
      this.#isDown = true
      this.#listener?.onDown(error)
    }
    return error
  }
}

async function withDeadline<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unavailable(new Error(`the store did not answer within ${deadlineMs} ms`))), deadlineMs)
  })
  try {
    return await Promise.race([answer, late])
  } catch (error) {
    throw error instanceof BffError ? error : unavailable(error)
  } finally {
    clearTimeout(timer)
  }
}

function unavailable(cause: unknown): BffError {
  return new BffError('store_unavailable', { reason: 'the session store failed', retryAfterSeconds: 2, cause })
}
