import { createHash, timingSafeEqual } from 'node:crypto'
import type { Keyring } from '../session/seal.ts'

/** One login under way: what the callback must find again, sealed in a cookie of the browser that started it. */
export interface Transaction {
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
  readonly returnTo: string
  readonly startedAtMs: number
  /** Extra parameters of the authorization request that the link set, under their OAuth names. */
  readonly parameters: Readonly<Record<string, string>>
  /** The store key of the session that this login takes the place of. */
  readonly replaces?: string | undefined
}

/** A login must come back within this time. */
export const transactionSeconds = 900
/** Logins of one browser under way at the same time; the oldest give way. */
export const mostTransactions = 5

const stateRandomBytes = 16
const stateMacBytes = 16
const stateBytes = stateRandomBytes + 4 + stateMacBytes

/** What a `state` is, before any cookie or store is looked at. */
export type StateKind = 'forged' | 'expired' | 'genuine'

/** Makes, seals and recognises login transactions. */
export class Transactions {
  readonly #keyring: Keyring
  readonly #clock: () => number
  readonly #random: (bytes: number) => Uint8Array

  constructor(keyring: Keyring, clock: () => number, random: (bytes: number) => Uint8Array) {
    this.#keyring = keyring
    this.#clock = clock
    this.#random = random
  }

  begin(what: Pick<Transaction, 'returnTo' | 'parameters' | 'replaces'>): Transaction {
    return {
      ...what,
      state: this.#newState(),
      nonce: Buffer.from(this.#random(32)).toString('base64url'),
      codeVerifier: Buffer.from(this.#random(32)).toString('base64url'),
      startedAtMs: this.#clock(),
    }
  }

  /** The value of the cookie `cookieName`, and of no other. */
  seal(transaction: Transaction, cookieName: string): string {
    return this.#keyring.seal('login-transaction', Buffer.from(JSON.stringify(transaction)), cookieName).toString('base64url')
  }

  /** The transaction in a cookie, or `undefined` where it is not ours, not that cookie's, or too old. */
  open(value: string, cookieName: string): Transaction | undefined {
    const plain = this.#keyring.open('login-transaction', Buffer.from(value, 'base64url'), cookieName)
    if (plain === undefined) return undefined
    const transaction = JSON.parse(plain.toString()) as Transaction
    const ageMs = this.#clock() - transaction.startedAtMs
    return ageMs > transactionSeconds * 1000 ? undefined : transaction
  }

  /**
   * Whether a state was made here and is still good. It carries its own expiry and a MAC, so that made-up ones cost
   * neither a look into the store nor a row in it.
   */
  judgeState(state: string): StateKind {
    if (!/^[A-Za-z0-9_-]{48}$/.test(state)) return 'forged'
    const bytes = Buffer.from(state, 'base64url')
    if (bytes.length !== stateBytes) return 'forged'
    const signed = bytes.subarray(0, stateBytes - stateMacBytes)
    if (!this.#keyring.verifyMac('login-state', signed, bytes.subarray(stateBytes - stateMacBytes), stateMacBytes))
      return 'forged'
    return this.#clock() < signed.readUInt32BE(stateRandomBytes) * 1000 ? 'genuine' : 'expired'
  }

  #newState(): string {
    const expires = Buffer.alloc(4)
    expires.writeUInt32BE(Math.ceil(this.#clock() / 1000) + transactionSeconds)
    const signed = Buffer.concat([this.#random(stateRandomBytes), expires])
    return Buffer.concat([signed, this.#keyring.mac('login-state', signed).subarray(0, stateMacBytes)]).toString('base64url')
  }
}

/** The store key of the mark that a transaction was used or burnt. */
export function spentKey(state: string): string {
  return `spent:${createHash('sha256').update(state).digest('base64url')}`
}

export function sameState(a: string, b: string): boolean {
  const one = Buffer.from(a)
  const other = Buffer.from(b)
  return one.length === other.length && timingSafeEqual(one, other)
}
