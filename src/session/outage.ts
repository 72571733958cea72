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

/** The store with `storeAnswer` around each method. */
export function withOutageErrors(store: SessionStore): SessionStore {
  return {
    get: (key) => storeAnswer(() => store.get(key)),
    add: (key, record) => storeAnswer(() => store.add(key, record)),
    replace: (key, version, value, expiresAtMs) => storeAnswer(() => store.replace(key, version, value, expiresAtMs)),
    touch: (key, expiresAtMs) => storeAnswer(() => store.touch(key, expiresAtMs)),
    delete: (key, version) => storeAnswer(() => store.delete(key, version)),
    deleteTagged: (tag) => storeAnswer(() => store.deleteTagged(tag)),
    listTagged: (tag) => storeAnswer(() => store.listTagged(tag)),
    list: (prefix, after, limit) => storeAnswer(() => store.list(prefix, after, limit)),
    holds: (key, version) => store.holds(key, version),
    check: () => storeAnswer(() => store.check()),
    close: () => store.close(),
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
