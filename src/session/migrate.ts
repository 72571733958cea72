import type { KeyedRecord, SessionStore, StoredRecord } from '../stores/store.ts'
import { digestOf, notedKey, notePrefix, readNote, writeNote } from './migration-note.ts'
import type { MigrationNote } from './migration-note.ts'
import { recordPages, sessionPages } from './operators.ts'
import { publicId } from './own-sessions.ts'
import { openMeta, providerSessionTag, subjectTag } from './record.ts'
import type { Keyring } from './seal.ts'
import type { SessionMeta } from './session.ts'

export interface Migration {
  /** Read only, and left as it is. */
  readonly from: SessionStore
  readonly to: SessionStore
  readonly keyring: Keyring
  /** Epoch milliseconds. */
  readonly clock: () => number
}

/** What became of each live session of the old store. The first five together are all of them. */
export interface MigrationOutcome {
  /** Written for the first time. */
  readonly copied: number
  /** Copied by an earlier pass, changed in the old store since, and written again. */
  readonly renewed: number
  /** Copied by an earlier pass and up to date. */
  readonly unchanged: number
  /** In use in the new store already, so that what is there is newer, or closed there. Left as they are. */
  readonly left: number
  /** Public ids of sessions that no present secret opens. They are of no use to anybody and are not copied. */
  readonly unreadable: readonly string[]
  /** Copied by an earlier pass and closed in the old store since: closed in the new one too. */
  readonly closed: number
  /** Live sessions of the new store afterwards. */
  readonly inDestination: number
  /** Readable live sessions of the old store, counted anew at the end, that the new one neither has nor has closed. */
  readonly missing: number
}

/** Marks that nobody's session is tied to: spent login transactions, logouts at the provider, used logout tokens. */
const markPrefixes = ['spent:', 'ended:', 'logout:']

/** Sessions written side by side. */
const atOnce = 8

/**
 * Copies live sessions, with their end and their tags, and the marks that keep a closed thing closed. Cookies stay good:
 * nothing is sealed anew. A second pass brings what changed since, and only that.
 *
 * Nothing in the new store is overwritten but an untouched copy, and nothing that was closed in either store comes back;
 * where a pass is cut short, the few sessions it was writing may count as closed. Throws what the stores throw.
 */
export async function migrateSessions(migration: Migration): Promise<MigrationOutcome> {
  const { from, to, keyring, clock } = migration
  const counts = { copied: 0, renewed: 0, unchanged: 0, left: 0, closed: 0 }
  const unreadable: string[] = []
  const notExpected = new Set<string>()
  for (const prefix of markPrefixes) {
    for await (const page of recordPages(from, prefix)) for (const mark of page) await copyMark(to, mark)
  }
  for await (const page of sessionPages(from)) {
    await inParallel(page, async (record) => {
      const { key, value } = record
      const meta = openMeta(keyring, key, value)
      if (meta === undefined) unreadable.push(publicId(key))
      const became = meta && (await copySession(to, record, meta, clock))
      if (became !== undefined) counts[became] += 1
      if (became === undefined || became === 'left') notExpected.add(key)
    })
  }
  for await (const page of recordPages(to, notePrefix)) {
    await inParallel(page, async ({ key }) => {
      if (await closeWithSource(from, to, notedKey(key))) counts.closed += 1
    })
  }
  const present = await sessionKeys(to)
  const missing = [...(await sessionKeys(from))].filter((key) => !present.has(key) && !notExpected.has(key))
  return { ...counts, unreadable, inDestination: present.size, missing: missing.length }
}

async function copySession(
  to: SessionStore,
  record: KeyedRecord,
  meta: SessionMeta,
  clock: () => number,
): Promise<'copied' | 'renewed' | 'unchanged' | 'left'> {
  const { key, value, expiresAtMs } = record
  const [note, present] = [await readNote(to, key), await to.get(key)]
  const digest = digestOf(value)
  const next: MigrationNote = { digests: [...(note?.digests ?? []), digest], expiresAtMs }

  if (present === undefined) {
    // A copy that is gone before its time was closed there. One whose time was over waited too long for this pass.
    if (note !== undefined && clock() < note.expiresAtMs) return 'left'
    await writeNote(to, key, next, meta.expiresAtMs)
    return (await to.add(key, { value, expiresAtMs, tags: tagsOf(meta) })) === undefined ? 'left' : 'copied'
  }
  const presentDigest = digestOf(present.value)
  if (presentDigest === digest) {
    if (present.expiresAtMs >= expiresAtMs && note !== undefined) return 'unchanged'
    await writeNote(to, key, { ...next, digests: [digest] }, meta.expiresAtMs)
    if (present.expiresAtMs >= expiresAtMs) return 'unchanged'
    return (await to.touch(key, expiresAtMs)) ? 'renewed' : 'left'
  }
  if (note === undefined || !isOwnCopy(note, present)) return 'left'
  await writeNote(to, key, { digests: [presentDigest, digest], expiresAtMs }, meta.expiresAtMs)
  return (await to.replace(key, present.version, value, expiresAtMs)) === undefined ? 'left' : 'renewed'
}

async function sessionKeys(store: SessionStore): Promise<ReadonlySet<string>> {
  const keys = new Set<string>()
  for await (const page of sessionPages(store)) for (const { key } of page) keys.add(key)
  return keys
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let index = 0; index < items.length; index += atOnce) await Promise.all(items.slice(index, index + atOnce).map(work))
}

/** Closes a copy that nobody has used where its original is gone. */
async function closeWithSource(from: SessionStore, to: SessionStore, key: string): Promise<boolean> {
  if ((await from.get(key)) !== undefined) return false
  const [note, present] = [await readNote(to, key), await to.get(key)]
  if (note === undefined || present === undefined || !isOwnCopy(note, present)) return false
  return present.expiresAtMs <= note.expiresAtMs && (await to.delete(key, present.version))
}

/** Of two marks, the one that lasts longer was made later and says more. */
async function copyMark(to: SessionStore, { key, value, expiresAtMs }: KeyedRecord): Promise<void> {
  while ((await to.add(key, { value, expiresAtMs })) === undefined) {
    const present = await to.get(key)
    if (present === undefined) continue
    if (present.expiresAtMs >= expiresAtMs) return
    if ((await to.replace(key, present.version, value, expiresAtMs)) !== undefined) return
  }
}

function isOwnCopy({ digests }: MigrationNote, { value }: StoredRecord): boolean {
  return digests.includes(digestOf(value))
}

/** As a login gives them. */
function tagsOf({ issuer, subject, providerSessionId }: SessionMeta): string[] {
  const tags = [subjectTag(issuer, subject)]
  if (providerSessionId !== undefined) tags.push(providerSessionTag(issuer, providerSessionId))
  return tags
}
