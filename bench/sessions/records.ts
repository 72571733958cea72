import { createHmac, randomBytes, randomInt } from 'node:crypto'
import { Secret } from '../../src/config/secret.ts'
import { openRecord, providerSessionTag, sealRecord, sessionKey, subjectTag } from '../../src/session/record.ts'
import { Keyring } from '../../src/session/seal.ts'
import type { SessionMeta, SessionTokens } from '../../src/session/session.ts'

/** A sealed session as the sessions layer would write it. */
export interface SealedSession {
  readonly key: string
  readonly version: number
  readonly value: Buffer
  readonly tags: readonly [subject: string, providerSession: string]
  readonly expiresAtMs: number
}

const issuer = 'https://login.example.com/realms/shop'
const keyring = new Keyring([new Secret('k3S9vQ2xTz8mWb1LpR7dYc5FhJ0nGaU4eXo6iKqBtMs')], randomBytes)

/** Half of the sessions end this much after they were made, the others a day later. */
export const shortLifeMs = 3_600_000
const longLifeMs = 86_400_000

/** Whether the session with this number is of the half that ends first. */
export const endsFirst = (index: number): boolean => index % 2 === 1

/** The cookie's 256 bits of the session with this number: the same in every process of a run. */
export function idOf(index: number): string {
  return createHmac('sha256', 'sessions of a measurement').update(String(index)).digest('base64url')
}

/** A session with tokens as large as those of common providers, sealed by the code that seals real ones. */
export function sealedSession(index: number, nowMs: number): SealedSession {
  const id = idOf(index)
  const key = sessionKey(id)
  const subject = `user-${index}`
  const providerSessionId = text(27)
  const expiresAtMs = nowMs + (endsFirst(index) ? shortLifeMs : longLifeMs)
  const meta: SessionMeta = { issuer, subject, providerSessionId, createdAtMs: nowMs, expiresAtMs, device: 'Firefox on Linux' }
  const value = sealRecord(keyring, key, id, meta, tokensOf(subject, providerSessionId, nowMs))
  const tags = [subjectTag(issuer, subject), providerSessionTag(issuer, providerSessionId)] as const
  return { key, version: randomInt(1, 2 ** 48 - 1), value, tags, expiresAtMs }
}

/** Throws where the bytes are not the session with this number. */
export function requireSession(index: number, value: Uint8Array): void {
  const id = idOf(index)
  const opened = openRecord(keyring, sessionKey(id), id, value)
  if (opened?.meta.subject !== `user-${index}`) throw new Error(`session ${index} does not open`)
}

function tokensOf(subject: string, sid: string, nowMs: number): SessionTokens {
  return {
    accessToken: text(1100),
    accessTokenExpiresAtMs: nowMs + 300_000,
    refreshAtMs: nowMs + 270_000,
    refreshToken: text(120),
    idToken: text(900),
    scope: 'openid profile email offline_access orders:read orders:write',
    resources: {},
    claims: {
      iss: issuer,
      sub: subject,
      sid,
      name: `Firstname Lastname ${subject}`,
      email: `${subject}@example.com`,
      email_verified: true,
      groups: ['customers', 'newsletter'],
      auth_time: Math.floor(nowMs / 1000),
    },
  }
}

function text(characters: number): string {
  return randomBytes(Math.ceil((characters * 3) / 4))
    .toString('base64url')
    .slice(0, characters)
}
