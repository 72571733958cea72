import { createCipheriv, createDecipheriv, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { Secret } from '../config/secret.ts'

/** What a key is for. A value sealed for one purpose never opens for another. */
export type Purpose = 'session-meta' | 'session-tokens' | 'login-transaction' | 'login-state' | 'csrf-token' | 'rate-limit'

const format = 1
const ivBytes = 12
const tagBytes = 16
const keyIdBytes = 4
const headBytes = 1 + keyIdBytes + ivBytes

interface ServerKey {
  readonly id: Buffer
  readonly material: Buffer
  readonly derived: Map<Purpose, Buffer>
}

/**
 * Seals bytes with AES-256-GCM under keys derived by HKDF-SHA256 from the server's secrets, one key per purpose. The
 * first secret seals, all of them open: a rotation adds the new one in front and drops the old one later.
 *
 * With a `salt` (the session id, which only the user's cookie holds) the key needs both: neither the store, nor the
 * server's secrets, nor both together open such a value.
 */
export class Keyring {
  readonly #keys: readonly [ServerKey, ...ServerKey[]]
  readonly #random: (bytes: number) => Uint8Array

  constructor(secrets: readonly Secret[], random: (bytes: number) => Uint8Array) {
    const [first, ...rest] = secrets.map(readServerKey)
    if (first === undefined) throw new RangeError('a keyring needs at least one secret')
    this.#keys = [first, ...rest]
    this.#random = random
  }

  /** Seals `plain`. `context` is authenticated but not stored: opening needs the same, so values cannot be swapped. */
  seal(purpose: Purpose, plain: Uint8Array, context: string, salt?: Uint8Array): Buffer {
    const key = this.#keys[0]
    const iv = this.#random(ivBytes)
    const cipher = createCipheriv('aes-256-gcm', keyFor(key, purpose, salt), iv)
    const head = Buffer.concat([Buffer.of(format), key.id, iv])
    cipher.setAAD(Buffer.concat([head, Buffer.from(`${purpose}\n${context}`)]))
    return Buffer.concat([head, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  }

  /** The plain bytes, or `undefined` where the value was not sealed here for this purpose, context and salt. */
  open(purpose: Purpose, sealed: Uint8Array, context: string, salt?: Uint8Array): Buffer | undefined {
    if (sealed.length < headBytes + tagBytes || sealed[0] !== format) return undefined
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
    const key = this.#keys.find((k) => k.id.equals(bytes.subarray(1, 1 + keyIdBytes)))
    if (key === undefined) return undefined
    const decipher = createDecipheriv('aes-256-gcm', keyFor(key, purpose, salt), bytes.subarray(1 + keyIdBytes, headBytes))
    decipher.setAAD(Buffer.concat([bytes.subarray(0, headBytes), Buffer.from(`${purpose}\n${context}`)]))
    decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes))
    try {
      return Buffer.concat([decipher.update(bytes.subarray(headBytes, bytes.length - tagBytes)), decipher.final()])
    } catch {
      return undefined
    }
  }

  /** HMAC-SHA256 of `data` for a purpose, under the first secret. */
  mac(purpose: Purpose, data: Uint8Array | string): Buffer {
    return createHmac('sha256', keyFor(this.#keys[0], purpose)).update(data).digest()
  }

  /** Whether `presented` begins the MAC of `data` under any of the secrets; compared in constant time. */
  verifyMac(purpose: Purpose, data: Uint8Array | string, presented: Uint8Array, length: number): boolean {
    if (presented.length !== length) return false
    let valid = false
    for (const key of this.#keys) {
      const expected = createHmac('sha256', keyFor(key, purpose)).update(data).digest().subarray(0, length)
      if (timingSafeEqual(expected, presented)) valid = true
    }
    return valid
  }
}

function readServerKey(secret: Secret): ServerKey {
  const material = Buffer.from(secret.reveal())
  const id = Buffer.from(hkdfSync('sha256', material, '', 'coatcheck/key-id/1', keyIdBytes))
  return { id, material, derived: new Map() }
}

function keyFor(key: ServerKey, purpose: Purpose, salt?: Uint8Array): Buffer {
  if (salt !== undefined) return Buffer.from(hkdfSync('sha256', key.material, salt, `coatcheck/${purpose}/1`, 32))
  let derived = key.derived.get(purpose)
  if (derived === undefined) {
    derived = Buffer.from(hkdfSync('sha256', key.material, '', `coatcheck/${purpose}/1`, 32))
    key.derived.set(purpose, derived)
  }
  return derived
}
