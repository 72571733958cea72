import type { StoredRecord } from './store.ts'

/** What a script gives back of the record it changed. */
export interface ChangedRecord {
  readonly version: number
  /** The version it had when it was added. */
  readonly birth: string
  readonly tags: readonly string[]
}

/** The record in the fields v, e, d and b of a hash; `undefined` where they are not of our form or it has expired. */
export function recordOf([version, expiresAt, value, birth]: readonly unknown[], nowMs: number): StoredRecord | undefined {
  if (!(value instanceof Uint8Array) || !(birth instanceof Uint8Array)) return undefined
  const [versionNumber, expiresAtMs] = [numberOf(version), numberOf(expiresAt)]
  if (versionNumber === undefined || expiresAtMs === undefined || nowMs >= expiresAtMs) return undefined
  return { value, version: versionNumber, expiresAtMs }
}

/** The answer of a script that changes a record; `undefined` where it did not. */
export function changedOf(reply: unknown): ChangedRecord | undefined {
  if (!Array.isArray(reply)) return undefined
  const [version, birth = '', tags = ''] = reply.map(String)
  return { version: Number(version), birth, tags: tags === '' ? [] : tags.split('\n') }
}

/** A list, empty where the reply is something else. */
export function listOf(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : []
}

function numberOf(field: unknown): number | undefined {
  const text = String(field)
  return /^\d{1,16}(\.\d+)?$/.test(text) ? Number(text) : undefined
}
