import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'

export type Claims = Record<string, unknown>

/** A key pair with the `kid` under which it is published. */
export interface SigningKey {
  readonly kid: string
  readonly alg: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/** How to sign; what is left out comes from the provider's current key. `alg` may be any text, to make bad tokens. */
export interface SignOptions {
  readonly alg?: string
  readonly kid?: string | null
  readonly typ?: string
  /** A private key, or the bytes of an HMAC secret. */
  readonly key?: KeyObject | Uint8Array
  /** Further header parameters, such as `jku` or `jwk`. */
  readonly header?: Claims
}

const pool: SigningKey[] = []

/** The nth key of this process; made once, because RSA keys take long to make. */
export function signingKey(index: number): SigningKey {
  let made = pool[index]
  if (made === undefined) {
    made = { kid: `key-${index}`, alg: 'RS256', ...generateKeyPairSync('rsa', { modulusLength: 2048 }) }
    pool[index] = made
  }
  return made
}

/** An ES256 key pair. */
export function makeEcKey(kid: string): SigningKey {
  return { kid, alg: 'ES256', ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) }
}

/** The public half as a JWK with `kid`, `alg` and `use`. */
export function publicJwk(key: SigningKey): Claims {
  return { ...key.publicKey.export({ format: 'jwk' }), kid: key.kid, alg: key.alg, use: 'sig' }
}

/** A compact JWS (RFC 7515 section 7.1), sound or not: nothing is checked, so that tests can make any token. */
export function signCompact(claims: Claims | string, current: SigningKey, options: SignOptions = {}): string {
  const alg = options.alg ?? current.alg
  const kid = options.kid === undefined ? current.kid : options.kid
  const header = {
    alg,
    ...(kid === null ? {} : { kid }),
    ...(options.typ === undefined ? {} : { typ: options.typ }),
    ...options.header,
  }
  const payload = typeof claims === 'string' ? claims : JSON.stringify(claims)
  const input = `${base64url(JSON.stringify(header))}.${base64url(payload)}`
  return `${input}.${signature(alg, input, options.key ?? current.privateKey)}`
}

/** The claims of a JWT without any check; none where the text is no JWT. */
export function decodeClaims(jwt: string): Claims {
  try {
    const payload: unknown = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString())
    return typeof payload === 'object' && payload !== null ? { ...payload } : {}
  } catch {
    return {}
  }
}

function signature(alg: string, input: string, key: KeyObject | Uint8Array): string {
  if (/^none$/i.test(alg) || alg === '') return ''
  if (alg.startsWith('HS'))
    return createHmac(`sha${alg.slice(2)}`, key)
      .update(input)
      .digest('base64url')
  if (key instanceof Uint8Array) throw new TypeError(`${alg} needs a private key`)
  if (alg.startsWith('ES'))
    return sign(`sha${alg.slice(2)}`, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')
  return sign(`sha${alg.slice(2)}`, Buffer.from(input), key).toString('base64url')
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}
