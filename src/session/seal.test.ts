import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { Secret } from '../config/secret.ts'
import { Keyring } from './seal.ts'

const one = new Secret('the first secret, long enough to count for something')
const other = new Secret('the other secret, long enough to count for something')
const ring = (...secrets: Secret[]): Keyring => new Keyring(secrets, randomBytes)
const plain = Buffer.from('what must not be read')

test('what was sealed opens, and shows nothing of itself', () => {
  const sealed = ring(one).seal('login-transaction', plain, 'cookie-1')
  expect(sealed.includes(plain)).toBe(false)
  expect(ring(one).open('login-transaction', sealed, 'cookie-1')).toEqual(plain)
})

test('two seals of the same bytes differ', () => {
  const keyring = ring(one)
  expect(keyring.seal('session-meta', plain, 'k')).not.toEqual(keyring.seal('session-meta', plain, 'k'))
})

test('another purpose, context, salt or secret opens nothing', () => {
  const salt = randomBytes(32)
  const sealed = ring(one).seal('session-tokens', plain, 'key', salt)
  expect(ring(one).open('session-tokens', sealed, 'key', salt)).toEqual(plain)
  expect(ring(one).open('session-meta', sealed, 'key', salt)).toBeUndefined()
  expect(ring(one).open('session-tokens', sealed, 'other key', salt)).toBeUndefined()
  expect(ring(one).open('session-tokens', sealed, 'key', randomBytes(32))).toBeUndefined()
  expect(ring(one).open('session-tokens', sealed, 'key')).toBeUndefined()
  expect(ring(other).open('session-tokens', sealed, 'key', salt)).toBeUndefined()
})

test('no changed bit and no other length opens', () => {
  const keyring = ring(one)
  const sealed = keyring.seal('session-meta', plain, 'k')
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const changed = Buffer.from(sealed)
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    expect(keyring.open('session-meta', changed, 'k'), `bit ${bit}`).toBeUndefined()
  }
  for (let length = 0; length < sealed.length; length += 1) {
    expect(keyring.open('session-meta', sealed.subarray(0, length), 'k'), `length ${length}`).toBeUndefined()
  }
  expect(keyring.open('session-meta', Buffer.concat([sealed, Buffer.of(0)]), 'k')).toBeUndefined()
})

test('a rotation: the new secret seals, the old one still opens until it is dropped', () => {
  const before = ring(one).seal('session-meta', plain, 'k')
  const during = ring(other, one)
  expect(during.open('session-meta', before, 'k')).toEqual(plain)
  const after = during.seal('session-meta', plain, 'k')
  expect(ring(one).open('session-meta', after, 'k')).toBeUndefined()
  expect(ring(other).open('session-meta', after, 'k')).toEqual(plain)
  expect(ring(other).open('session-meta', before, 'k')).toBeUndefined()
})

test('a MAC is bound to its purpose and its data, and checked under every secret', () => {
  const mac = ring(one).mac('csrf-token', 'session')
  expect(ring(one).verifyMac('csrf-token', 'session', mac, 32)).toBe(true)
  expect(ring(other, one).verifyMac('csrf-token', 'session', mac, 32)).toBe(true)
  expect(ring(one).verifyMac('csrf-token', 'another', mac, 32)).toBe(false)
  expect(ring(one).verifyMac('login-state', 'session', mac, 32)).toBe(false)
  expect(ring(other).verifyMac('csrf-token', 'session', mac, 32)).toBe(false)
  expect(ring(one).verifyMac('csrf-token', 'session', mac.subarray(0, 16), 32)).toBe(false)
  expect(ring(one).verifyMac('csrf-token', 'session', Buffer.alloc(0), 32)).toBe(false)
})
