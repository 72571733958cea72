import { createHash } from 'node:crypto'
import type { SessionStore } from '../stores/store.ts'

/**
 * What a migration wrote under a key of the new store, kept beside it for a later pass. With it, a later pass tells its own
 * copies from what the nodes of the new store made of them, and a session that was closed there from one that is still to be
 * copied.
 */
export interface MigrationNote {
  /** Hashes of what was copied, the latest last. Sealed bytes never come twice, so a hash stands for one version. */
  readonly digests: readonly string[]
  /** Epoch milliseconds: the end that the copy was given last. */
  readonly expiresAtMs: number
}

/** A note is written before what it tells of, so the version before it may still be the one that is there. */
const rememberedDigests = 2

export function digestOf(value: Uint8Array): string {
  return createHash('sha256').update(value).digest('base64url')
}

export async function readNote(store: SessionStore, key: string): Promise<MigrationNote | undefined> {
  const record = await store.get(noteKey(key))
  return record && (JSON.parse(Buffer.from(record.value).toString()) as MigrationNote)
}

/** Writes a note that lives until `untilMs`, or throws where somebody else is writing it too. */
export async function writeNote(store: SessionStore, key: string, note: MigrationNote, untilMs: number): Promise<void> {
  const value = Buffer.from(JSON.stringify({ ...note, digests: note.digests.slice(-rememberedDigests) }))
  const known = await store.get(noteKey(key))
  const version =
    known === undefined
      ? await store.add(noteKey(key), { value, expiresAtMs: untilMs })
      : await store.replace(noteKey(key), known.version, value, untilMs)
  if (version === undefined) throw new Error('another migration into the same store is under way')
}

export const notePrefix = 'migrated:'

/** The key that a note is about. */
export function notedKey(key: string): string {
  return key.slice(notePrefix.length)
}

function noteKey(key: string): string {
  return `${notePrefix}${key}`
}
