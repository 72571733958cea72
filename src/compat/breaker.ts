import { LoginLoopError } from './errors.ts'

const tokenKey = 'coatcheck.compat.missing-token'
const loginsKey = 'coatcheck.compat.logins'
const stateKey = 'coatcheck.compat.state'

/** A login so soon after a missing token was made because of it. */
const soonMs = 10_000
/** Logins further back are no part of a loop. */
const loopMs = 60_000

/** In the storage of the tab, since a loop goes through other pages. */
export function noteMissingToken(): void {
  write(tokenKey, Date.now())
}

/** @throws {LoginLoopError} at the third login that a missing token led to. */
export function refuseLoop(): void {
  const now = Date.now()
  const missedAtMs = Number(read(tokenKey) ?? -Infinity)
  if (now - missedAtMs > soonMs) return
  const known = read(loginsKey)
  const logins = (Array.isArray(known) ? known : []).filter(
    (atMs): atMs is number => typeof atMs === 'number' && now - atMs < loopMs,
  )
  if (logins.length >= 2)
    throw new LoginLoopError(
      'The page logs in because it finds no token, and there never is one. Look at the errors above this one.',
    )
  write(loginsKey, [...logins, now])
}

/** What the app wants back after the login. One login at a time leaves a tab. */
export interface AppState {
  readonly state?: unknown
  readonly url_state?: string | undefined
}

export function keepState(kept: AppState): void {
  write(stateKey, kept)
}

/** Whether this tab left for a login and has not taken its state back. */
export function awaitsState(): boolean {
  return read(stateKey) !== undefined
}

export function takeState(): AppState {
  const kept = read(stateKey)
  storage()?.removeItem(stateKey)
  return typeof kept === 'object' && kept !== null ? kept : {}
}

function read(key: string): unknown {
  try {
    return JSON.parse(storage()?.getItem(key) ?? '') as unknown
  } catch {
    return undefined
  }
}

function write(key: string, value: unknown): void {
  storage()?.setItem(key, JSON.stringify(value))
}

/** None on a server, and none where the browser forbids it. */
function storage(): Storage | undefined {
  try {
    return globalThis.sessionStorage
  } catch {
    return undefined
  }
}
