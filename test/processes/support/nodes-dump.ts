import { createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import { Secret } from '../../../src/config/secret.ts'
import { openRecord, sessionKey } from '../../../src/session/record.ts'
import { Keyring } from '../../../src/session/seal.ts'
import { findSecrets, type Finding } from '../../support/secret-search.ts'
import type { Dumped } from './nodes-backend.ts'
import type { SignedIn } from './nodes-client.ts'

const purposes = ['session-meta', 'session-tokens', 'login-transaction', 'login-state', 'csrf-token'] as const

/** Token texts in a dump as it is. */
export function findInDump(tokens: ReadonlyMap<string, string>, dump: readonly Dumped[]): Finding[] {
  return findSecrets(
    tokens,
    dump.map(({ where, bytes }) => ({ where, text: bytes.toString('latin1') })),
  )
}

/**
 * Everything that can be opened with a dump and the secrets of the server: every sealed value that begins anywhere in the
 * dump, under each purpose, bound to each name there is, with each key that can be derived from what is known.
 */
export function openWithSecrets(secrets: readonly string[], dump: readonly Dumped[]): Buffer[] {
  const texts = [...new Set(dump.filter(({ bytes }) => bytes.length < 300).map(({ bytes }) => bytes.toString()))]
  const contexts = new Set(['', ...texts.flatMap((text) => [text, ...partsOf(text)])])
  const salts = saltsOf(secrets, contexts)
  return dump.flatMap(({ bytes, where }) => {
    const own = [...contexts].filter((context) => context !== '' && where.includes(context))
    return sealedIn(bytes).flatMap((sealed) => [
      ...byKeyring(secrets, sealed, contexts),
      ...byDerivedKeys(secrets, sealed, own.length === 0 ? [...contexts] : own, salts),
    ])
  })
}

/** What the owner's cookie opens besides: without it, a search that finds nothing would prove nothing. */
export function openWithCookie(secret: string, dump: readonly Dumped[], { id }: SignedIn): string | undefined {
  const keyring = new Keyring([new Secret(secret)], randomBytes)
  for (const { bytes } of dump) {
    const opened = openRecord(keyring, sessionKey(id), id, bytes)
    if (opened !== undefined) return JSON.stringify(opened.tokens)
  }
  return undefined
}

function partsOf(text: string): string[] {
  return [text.slice(text.indexOf(':') + 1), ...(/session:[\w-]{43}/.exec(text) ?? []), ...text.split(/[\s:]/)]
}

/** A sealed value begins with its format, 1; the whole value may be in front of another one. */
function sealedIn(bytes: Buffer): Buffer[] {
  if (bytes.length < 60) return []
  const meta = 4 + bytes.readUInt32BE(0)
  const cuts = meta < bytes.length ? [bytes.subarray(4, meta), bytes.subarray(meta)] : []
  return [bytes, ...cuts].filter((value) => value[0] === 1)
}

function byKeyring(secrets: readonly string[], sealed: Buffer, contexts: ReadonlySet<string>): Buffer[] {
  const keyring = new Keyring(
    secrets.map((secret) => new Secret(secret)),
    randomBytes,
  )
  return purposes.flatMap((purpose) => [...contexts].flatMap((context) => keyring.open(purpose, sealed, context) ?? []))
}

function saltsOf(secrets: readonly string[], contexts: ReadonlySet<string>): Buffer[] {
  const known = [...secrets, ...contexts]
  const all = known.flatMap((text) => [
    Buffer.from(text),
    Buffer.from(text, 'base64url'),
    createHash('sha256').update(text).digest(),
    createHash('sha256').update(Buffer.from(text, 'base64url')).digest(),
  ])
  const distinct = new Map([Buffer.alloc(0), Buffer.alloc(32), ...all].map((salt) => [salt.toString('hex'), salt]))
  return [...distinct.values()]
}

function byDerivedKeys(
  secrets: readonly string[],
  sealed: Buffer,
  contexts: readonly string[],
  salts: readonly Buffer[],
): Buffer[] {
  const heads = contexts.flatMap((context) => purposes.map((purpose) => ({ purpose, context })))
  return secrets.flatMap((secret) =>
    salts.flatMap((salt) =>
      purposes.flatMap((keyPurpose) => {
        const key = Buffer.from(hkdfSync('sha256', secret, salt, `coatcheck/${keyPurpose}/1`, 32))
        return heads.flatMap(({ purpose, context }) => decrypt(key, sealed, `${purpose}\n${context}`) ?? [])
      }),
    ),
  )
}

function decrypt(key: Buffer, sealed: Buffer, bound: string): Buffer | undefined {
  const [headBytes, tagBytes] = [17, 16]
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(5, headBytes))
  decipher.setAAD(Buffer.concat([sealed.subarray(0, headBytes), Buffer.from(bound)]))
  decipher.setAuthTag(sealed.subarray(-tagBytes))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(headBytes, -tagBytes)), decipher.final()])
  } catch {
    return undefined
  }
}
