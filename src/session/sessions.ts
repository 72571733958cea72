import type { MaybePromise, SessionStore, StoredRecord } from '../stores/store.ts'
import { openRecord, providerSessionTag, sealRecord, sessionKey, subjectTag } from './record.ts'
import type { Keyring } from './seal.ts'
import type { Session, SessionMeta, SessionTokens } from './session.ts'

/** Why a session ended; part of the audit log. */
export type EndReason =
  | 'logout'
  | 'logout_at_provider'
  | 'ended_by_user'
  | 'ended_by_operator'
  | 'replaced_by_login'
  | 'refresh_rejected'
  | 'subject_changed'
  | 'access_token_expired'
  | 'closed_elsewhere'

export interface SessionsOptions {
  readonly store: SessionStore
  readonly keyring: Keyring
  readonly clock: () => number
  readonly random: (bytes: number) => Uint8Array
  readonly idleTimeoutMs: number
  readonly lifetimeMs: number
}

/** What a login brings. */
export interface NewSession {
  readonly issuer: string
  readonly subject: string
  readonly providerSessionId?: string | undefined
  readonly device: string
  readonly tokens: SessionTokens
}

/** Opened sessions kept in memory; the oldest give way. */
const mostCached = 10_000

/**
 * Opens, finds, replaces and closes sessions: id -> hashed key -> sealed bytes -> store.
 *
 * An opened session stays in memory so that a warm call neither reads nor opens anything, but it is used only while
 * `store.holds` vouches for its version: a session closed elsewhere is closed here too.
 */
export class Sessions {
  readonly #options: SessionsOptions
  /** By id, which spares a warm call the hash, and the ids by store key. */
  readonly #cache = new Map<string, Session>()
  readonly #ids = new Map<string, string>()
  readonly #listeners: ((key: string, reason: EndReason) => void)[] = []

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  /** The live session of an id, or `undefined`. Answers at once where the store does. Throws `store_unavailable`. */
  find(id: string): MaybePromise<Session | undefined> {
    const cached = this.#cache.get(id)
    if (cached !== undefined && this.isCurrent(cached)) return cached
    const key = sessionKey(id)
    const record = this.#options.store.get(key)
    return record instanceof Promise ? record.then((r) => this.#open(key, id, r)) : this.#open(key, id, record)
  }

  /** Makes a new session with a new id (ASVS 7.2.4). Throws `store_unavailable`. */
  async create(login: NewSession): Promise<Session> {
    const { store, keyring, clock, random, idleTimeoutMs, lifetimeMs } = this.#options
    const now = clock()
    const id = Buffer.from(random(32)).toString('base64url')
    const key = sessionKey(id)
    const meta: SessionMeta = {
      issuer: login.issuer,
      subject: login.subject,
      providerSessionId: login.providerSessionId,
      createdAtMs: now,
      expiresAtMs: now + lifetimeMs,
      device: login.device,
    }
    const idleExpiresAtMs = Math.min(now + idleTimeoutMs, meta.expiresAtMs)
    const tags = [subjectTag(login.issuer, login.subject)]
    if (login.providerSessionId !== undefined) tags.push(providerSessionTag(login.issuer, login.providerSessionId))
    const value = sealRecord(keyring, key, id, meta, login.tokens)
    const version = await store.add(key, { value, expiresAtMs: idleExpiresAtMs, tags })
    if (version === undefined) throw new Error('a fresh session id was in use: the random source is broken')
    return this.#keep({ key, id, version, meta, tokens: login.tokens, idleExpiresAtMs })
  }

  /**
   * Writes new tokens only where the session is still as it was read: a late refresh cannot bring back a session that
   * was closed meanwhile. `undefined` where it was closed or written by somebody else.
   */
  async replaceTokens(session: Session, tokens: SessionTokens): Promise<Session | undefined> {
    const { store, keyring } = this.#options
    const idleExpiresAtMs = this.#slid(session)
    const value = sealRecord(keyring, session.key, session.id, session.meta, tokens)
    const version = await store.replace(session.key, session.version, value, idleExpiresAtMs)
    return version === undefined ? undefined : this.#keep({ ...session, version, tokens, idleExpiresAtMs })
  }

  /**
   * Slides the idle timeout. Writes only when it gains a twentieth of it (at most a minute), and never waits: a touch
   * that fails costs at most that, and a touch of a closed session changes nothing.
   */
  touch(session: Session): void {
    const slid = this.#slid(session)
    if (slid - session.idleExpiresAtMs < Math.min(60_000, this.#options.idleTimeoutMs / 20)) return
    session.idleExpiresAtMs = slid
    try {
      const done = this.#options.store.touch(session.key, slid)
      if (done instanceof Promise) done.catch(() => undefined)
    } catch {
      // The next call tries again through a read of the store, which tells the outage to somebody who waits for it.
    }
  }

  /** Closes a session for good. `false` where there was none. Throws `store_unavailable`, and then it is not closed. */
  async close(key: string, reason: EndReason, version?: number): Promise<boolean> {
    const closed = await this.#options.store.delete(key, version)
    if (closed || version === undefined) this.#forget(key, reason)
    return closed
  }

  /** Closes every session with a tag and tells how many there were. Throws `store_unavailable`. */
  async closeTagged(tag: string, reason: EndReason): Promise<number> {
    const keys = await this.#options.store.deleteTagged(tag)
    for (const key of keys) this.#forget(key, reason)
    return keys.length
  }

  /** Whether a session is certainly still open, without a read of another machine. For streams that are open long. */
  isCurrent(session: Session): boolean {
    return this.#isLive(session) && this.#options.store.holds(session.key, session.version)
  }

  /** Calls back when a session ends on this node. */
  onEnd(listener: (key: string, reason: EndReason) => void): void {
    this.#listeners.push(listener)
  }

  #open(key: string, id: string, record: StoredRecord | undefined): Session | undefined {
    if (record === undefined) {
      this.#forget(key, 'closed_elsewhere')
      return undefined
    }
    const opened = openRecord(this.#options.keyring, key, id, record.value)
    if (opened === undefined || this.#options.clock() >= opened.meta.expiresAtMs) return undefined
    return this.#keep({ key, id, version: record.version, ...opened, idleExpiresAtMs: record.expiresAtMs })
  }

  #isLive(session: Session): boolean {
    const now = this.#options.clock()
    return now < session.idleExpiresAtMs && now < session.meta.expiresAtMs
  }

  #slid(session: Session): number {
    return Math.min(this.#options.clock() + this.#options.idleTimeoutMs, session.meta.expiresAtMs)
  }

  #keep(session: Session): Session {
    this.#cache.delete(session.id)
    this.#cache.set(session.id, session)
    this.#ids.set(session.key, session.id)
    if (this.#cache.size > mostCached) {
      for (const [id, { key }] of this.#cache) {
        this.#cache.delete(id)
        this.#ids.delete(key)
        break
      }
    }
    return session
  }

  #forget(key: string, reason: EndReason): void {
    const id = this.#ids.get(key)
    if (id !== undefined) this.#cache.delete(id)
    this.#ids.delete(key)
    for (const listener of this.#listeners) listener(key, reason)
  }
}
