import { createHash } from 'node:crypto'
import { BffError } from '../errors.ts'
import type { Audit } from '../log.ts'
import type { KeyedRecord, MaybePromise, SessionStore } from '../stores/store.ts'
import { json, type Endpoint } from '../web.ts'
import { openMeta, subjectTag } from './record.ts'
import type { Keyring } from './seal.ts'
import type { Session, SessionMeta } from './session.ts'
import type { Sessions } from './sessions.ts'

export interface OwnSessionsOptions {
  readonly store: SessionStore
  readonly keyring: Keyring
  readonly sessions: Sessions
  readonly sessionOf: (request: Request) => MaybePromise<Session | undefined>
  readonly idleTimeoutMs: number
  /** The path of the list, without its trailing slash. */
  readonly path: string
  readonly audit: Audit
}

/**
 * `GET /bff/sessions`: the user's own sessions, on every device; `DELETE /bff/sessions/{id}` ends one (ASVS 7.5.2). An
 * id here names a session to its owner and opens nothing.
 */
export function ownSessions(options: OwnSessionsOptions): Endpoint {
  const { store, keyring, sessions, sessionOf, idleTimeoutMs, path, audit } = options
  return async ({ request, url, requestId, clientAddress }) => {
    const wanted = url.pathname === path ? undefined : url.pathname.slice(path.length + 1)
    const method = wanted === undefined ? 'GET' : 'DELETE'
    if (request.method !== method) throw new BffError('method_not_allowed', { allow: [method] })
    const current = await sessionOf(request)
    if (current === undefined) throw new BffError('session_required', { reason: 'no session' })
    const { issuer, subject } = current.meta
    const records = await store.listTagged(subjectTag(issuer, subject))
    if (wanted !== undefined) {
      const chosen = records.find(({ key }) => publicId(key) === wanted)
      if (chosen === undefined) throw new BffError('not_found', { reason: 'no such session of this user' })
      await sessions.close(chosen.key, 'ended_by_user')
      audit('session_ended', { requestId, clientAddress, subject, reason: 'ended_by_user' })
      return new Response(null, { status: 204 })
    }
    const list = records.flatMap((record) => {
      const meta = openMeta(keyring, record.key, record.value)
      return meta === undefined ? [] : [describe(record, meta, idleTimeoutMs, record.key === current.key)]
    })
    return json({ sessions: list.sort((a, b) => b.lastSeenAt.localeCompare(a.lastSeenAt)) })
  }
}

function describe({ key, expiresAtMs }: KeyedRecord, meta: SessionMeta, idleTimeoutMs: number, current: boolean) {
  // The idle end moves with use, so it tells when that was, to within a minute; near the absolute end it stands still.
  const lastSeenMs = Math.max(meta.createdAtMs, expiresAtMs - idleTimeoutMs)
  return {
    id: publicId(key),
    createdAt: new Date(meta.createdAtMs).toISOString(),
    lastSeenAt: new Date(lastSeenMs).toISOString(),
    expiresAt: new Date(meta.expiresAtMs).toISOString(),
    device: meta.device,
    current,
  }
}

/** A name for a session that tells nothing about its key, let alone its cookie. */
export function publicId(key: string): string {
  return createHash('sha256').update(`coatcheck public ${key}`).digest('base64url').slice(0, 22)
}
