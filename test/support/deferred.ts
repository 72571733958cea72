/** A promise that somebody else settles. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: Error): void
}

export function deferred<T = void>(): Deferred<T> {
  const made: Partial<Deferred<T>> = {}
  const promise = new Promise<T>((resolve, reject) => Object.assign(made, { resolve, reject }))
  const settle = made.resolve
  const fail = made.reject
  if (settle === undefined || fail === undefined) throw new Error('a promise runs its executor at once')
  return { promise, resolve: settle, reject: fail }
}
