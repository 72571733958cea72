import type { KeyedRecord, SessionStore } from '../stores/store.ts'
import { publicId } from './own-sessions.ts'
import { openMeta, providerSessionTag, subjectTag } from './record.ts'
import type { Keyring } from './seal.ts'
import type { SessionMeta } from './session.ts'

/** Which sessions an operator means: those for which everything that is given holds. An empty filter means all. */
export interface SessionFilter {
  /** The subject at `issuer`: its `sub` claim, exactly. */
  readonly subject?: string | undefined
  /** The provider's session id (the `sid` claim) at `issuer`. */
  readonly providerSessionId?: string | undefined
  /** The id under which a session is listed. It opens nothing. */
  readonly id?: string | undefined
  /** Made at least this long ago. */
  readonly olderThanSeconds?: number | undefined
}

/** A live session as an operator may see it: no token, and nothing that a token could be opened with. */
export interface ListedSession {
  readonly id: string
  /** `undefined` where no present secret of the server opens it; then nothing is known of it but its id. */
  readonly meta: SessionMeta | undefined
  /** Epoch milliseconds: when it ends if nothing is done with it. */
  readonly idleExpiresAtMs: number
}

/** What the functions below need to know of an installation. */
export interface OperatorView {
  readonly store: SessionStore
  readonly keyring: Keyring
  /** Whose subjects and session ids a filter names. */
  readonly issuer: string
  /** Epoch milliseconds. */
  readonly clock: () => number
}

/** Begins the store's key of every session, and of nothing else. */
const sessionPrefix = 'session:'

/** Records asked for at once. */
const pageSize = 200

/**
 * The live sessions that a filter means, page by page. What cannot be read is part of the answer wherever it may be
 * meant: nobody takes it for absent. Throws what the store throws.
 */
export async function* listSessions(view: OperatorView, filter: SessionFilter): AsyncGenerator<ListedSession> {
  for await (const page of pagesOf(view.store, view.issuer, filter)) {
    for (const record of page) {
      const listed = describe(view.keyring, record)
      if (isMeant(filter, listed, view.clock())) yield listed
    }
  }
}

/**
 * Ends the sessions that a filter means, on every node at once, and tells each of them when it has ended. An unreadable
 * one is ended where its id, its tag or an empty filter means it; of its age nothing is known.
 *
 * A session is deleted whatever its version: its key is never given to another one, and a refresh that is under way
 * must not save it. Throws what the store throws; what was told before has ended nevertheless.
 */
export async function* revokeSessions(view: OperatorView, filter: SessionFilter): AsyncGenerator<ListedSession> {
  const { store, keyring, clock } = view
  const tag = wholeTag(view.issuer, filter)
  if (tag !== undefined) {
    const known = new Map((await store.listTagged(tag)).map((record) => [record.key, describe(keyring, record)]))
    for (const key of await store.deleteTagged(tag)) {
      yield known.get(key) ?? { id: publicId(key), meta: undefined, idleExpiresAtMs: clock() }
    }
    return
  }
  for await (const page of pagesOf(store, view.issuer, filter)) {
    const meant = page
      .map((record) => ({ key: record.key, listed: describe(keyring, record) }))
      .filter(({ listed }) => isMeant(filter, listed, clock()) && (listed.meta !== undefined || !asksForMeta(filter)))
    const deletions = await Promise.allSettled(meant.map(async ({ key }) => store.delete(key)))
    for (const [index, { listed }] of meant.entries()) {
      const deletion = deletions[index]
      if (deletion?.status === 'fulfilled' && deletion.value) yield listed
    }
    for (const deletion of deletions) if (deletion.status === 'rejected') throw deletion.reason
  }
}

/** When a session was last used, to within a minute: its idle end moves with use, and stands still near the absolute one. */
export function lastSeenAtMs(session: ListedSession & { readonly meta: SessionMeta }, idleTimeoutMs: number): number {
  return Math.max(session.meta.createdAtMs, session.idleExpiresAtMs - idleTimeoutMs)
}

/** Every live session record, in the order of the keys. */
export async function* sessionPages(store: SessionStore): AsyncGenerator<readonly KeyedRecord[]> {
  yield* recordPages(store, sessionPrefix)
}

/** Every live record of a prefix, in the order of the keys. */
export async function* recordPages(store: SessionStore, prefix: string): AsyncGenerator<readonly KeyedRecord[]> {
  let after: string | undefined
  for (;;) {
    const page = await store.list(prefix, after, pageSize)
    yield page
    if (page.length < pageSize) return
    after = page.at(-1)?.key
  }
}

async function* pagesOf(store: SessionStore, issuer: string, filter: SessionFilter): AsyncGenerator<readonly KeyedRecord[]> {
  const tag = anyTag(issuer, filter)
  if (tag === undefined) yield* sessionPages(store)
  else yield await store.listTagged(tag)
}

/** A tag under which all that is meant is found; the narrower one where there are two. */
function anyTag(issuer: string, { subject, providerSessionId }: SessionFilter): string | undefined {
  if (providerSessionId !== undefined) return providerSessionTag(issuer, providerSessionId)
  return subject === undefined ? undefined : subjectTag(issuer, subject)
}

/** A tag that says the same as the filter, so that one call of the store ends everything, whatever comes in between. */
function wholeTag(issuer: string, filter: SessionFilter): string | undefined {
  const given = Object.values(filter).filter((value) => value !== undefined)
  return given.length === 1 ? anyTag(issuer, filter) : undefined
}

function describe(keyring: Keyring, { key, value, expiresAtMs }: KeyedRecord): ListedSession {
  return { id: publicId(key), meta: openMeta(keyring, key, value), idleExpiresAtMs: expiresAtMs }
}

function asksForMeta({ olderThanSeconds, subject, providerSessionId }: SessionFilter): boolean {
  return olderThanSeconds !== undefined || (subject !== undefined && providerSessionId !== undefined)
}

/** What is known of an unreadable session never speaks against it. */
function isMeant(filter: SessionFilter, { id, meta }: ListedSession, nowMs: number): boolean {
  if (filter.id !== undefined && filter.id !== id) return false
  if (meta === undefined) return true
  if (filter.subject !== undefined && filter.subject !== meta.subject) return false
  if (filter.providerSessionId !== undefined && filter.providerSessionId !== meta.providerSessionId) return false
  return filter.olderThanSeconds === undefined || nowMs - meta.createdAtMs >= filter.olderThanSeconds * 1000
}
