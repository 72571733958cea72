import { createHash, hash } from 'node:crypto'
import type { Keyring } from './seal.ts'
import type { SessionMeta, SessionTokens } from './session.ts'

/**
 * How a session becomes bytes: the length of the meta part, the meta part sealed with the server's key, then the
 * tokens sealed with a key that needs the session id too. Both are bound to the store key, so no record can stand in
 * for another.
 */
export function sealRecord(keyring: Keyring, key: string, id: string, meta: SessionMeta, tokens: SessionTokens): Buffer {
  const sealedMeta = keyring.seal('session-meta', Buffer.from(JSON.stringify(meta)), key)
  const sealedTokens = keyring.seal('session-tokens', Buffer.from(JSON.stringify(tokens)), key, idBytes(id))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(sealedMeta.length)
  return Buffer.concat([length, sealedMeta, sealedTokens])
}

/** The meta part alone, which needs no cookie; `undefined` where the bytes are not a record of ours. */
export function openMeta(keyring: Keyring, key: string, value: Uint8Array): SessionMeta | undefined {
  const parts = split(value)
  const plain = parts && keyring.open('session-meta', parts.meta, key)
  return plain && (JSON.parse(plain.toString()) as SessionMeta)
}

/** Both parts; `undefined` where the bytes are not a record of ours or belong to another id. */
export function openRecord(
  keyring: Keyring,
  key: string,
  id: string,
  value: Uint8Array,
): { meta: SessionMeta; tokens: SessionTokens } | undefined {
  const parts = split(value)
  const meta = openMeta(keyring, key, value)
  const plain = parts && keyring.open('session-tokens', parts.tokens, key, idBytes(id))
  return meta && plain && { meta, tokens: JSON.parse(plain.toString()) as SessionTokens }
}

/** The store's key of a session: a hash, so that the store holds no id that a cookie could carry. */
export function sessionKey(id: string): string {
  return `session:${hash('sha256', `coatcheck session ${id}`, 'base64url')}`
}

/** Tags under which a session is found without its cookie. The issuer is part of each: a sub means nothing without it. */
export function subjectTag(issuer: string, subject: string): string {
  return tag('sub', issuer, subject)
}

export function providerSessionTag(issuer: string, providerSessionId: string): string {
  return tag('sid', issuer, providerSessionId)
}

function tag(kind: string, issuer: string, value: string): string {
  return `${kind}:${createHash('sha256')
    .update(JSON.stringify([kind, issuer, value]))
    .digest('base64url')}`
}

function split(value: Uint8Array): { meta: Buffer; tokens: Buffer } | undefined {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (bytes.length < 4) return undefined
  const length = bytes.readUInt32BE(0)
  return length > bytes.length - 4 ? undefined : { meta: bytes.subarray(4, 4 + length), tokens: bytes.subarray(4 + length) }
}

function idBytes(id: string): Buffer {
  return Buffer.from(id, 'base64url')
}
