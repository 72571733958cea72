import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { Secret } from '../config/secret.ts'
import { Keyring } from '../session/seal.ts'
import { transactionSeconds, Transactions } from './transaction.ts'

const secret = new Secret('a server secret that is long enough for a test')
let now = 1_000_000
const transactions = new Transactions(new Keyring([secret], randomBytes), () => now, randomBytes)
const what = { returnTo: '/orders?page=2#top', parameters: {} }

test('state, nonce and verifier are new each time and long enough', () => {
  const all = Array.from({ length: 1_000 }, () => transactions.begin(what))
  for (const part of ['state', 'nonce', 'codeVerifier'] as const) expect(new Set(all.map((t) => t[part])).size).toBe(1_000)
  for (const { state, nonce, codeVerifier } of all) {
    // RFC 7636 section 4.1.
    expect(codeVerifier).toMatch(/^[A-Za-z0-9\-._~]{43,128}$/)
    expect(nonce).toMatch(/^[\w-]{43}$/)
    expect(state).toMatch(/^[\w-]{48}$/)
  }
})

test('a cookie opens under its own name only', () => {
  const transaction = transactions.begin(what)
  const sealed = transactions.seal(transaction, 'coatcheck-login-1')
  expect(transactions.open(sealed, 'coatcheck-login-1')).toEqual(transaction)
  expect(transactions.open(sealed, 'coatcheck-login-2')).toBeUndefined()
  expect(transactions.open(sealed.slice(0, -4), 'coatcheck-login-1')).toBeUndefined()
  expect(transactions.open('', 'coatcheck-login-1')).toBeUndefined()
})

test('it is small: a handful of them fits any header limit', () => {
  expect(transactions.seal(transactions.begin(what), 'coatcheck-login-1').length).toBeLessThan(600)
})

test('it is too old after a quarter of an hour', () => {
  const transaction = transactions.begin(what)
  const sealed = transactions.seal(transaction, 'n')
  now += transactionSeconds * 1000
  expect(transactions.open(sealed, 'n')).toBeDefined()
  now += 1
  expect(transactions.open(sealed, 'n')).toBeUndefined()
})

test('a state tells by itself whether it was made here and is still good', () => {
  const { state } = transactions.begin(what)
  expect(transactions.judgeState(state)).toBe('genuine')
  const elsewhere = new Transactions(
    new Keyring([new Secret('another server secret, long enough')], randomBytes),
    () => now,
    randomBytes,
  )
  expect(elsewhere.judgeState(state)).toBe('forged')
  now += (transactionSeconds + 1) * 1000
  expect(transactions.judgeState(state)).toBe('expired')
})

test.each(['', ':', '.', 'a.b.c', '\0', '%ff', '__proto__', 'A'.repeat(48), 'A'.repeat(65_536), 'ü'.repeat(48)])(
  '%j is no state',
  (state) => {
    expect(transactions.judgeState(state)).toBe('forged')
  },
)

test('no changed character leaves a state genuine', () => {
  const { state } = transactions.begin(what)
  for (let i = 0; i < state.length; i += 1) {
    const other = state[i] === 'A' ? 'B' : 'A'
    expect(transactions.judgeState(state.slice(0, i) + other + state.slice(i + 1)), `at ${i}`).toBe('forged')
  }
})
