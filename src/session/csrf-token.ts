import type { Keyring } from './seal.ts'

const tokenBytes = 32

/** The CSRF token of a session: a MAC of its id, so that nothing is kept for it and a new login has a new one. */
export function csrfTokenOf(keyring: Keyring, sessionId: string): string {
  return keyring.mac('csrf-token', sessionId).toString('base64url')
}

/** Whether `presented` is the CSRF token of this session id, under any of the server's secrets; in constant time. */
export function isCsrfTokenOf(keyring: Keyring, sessionId: string, presented: string): boolean {
  if (!/^[A-Za-z0-9_-]{43}$/.test(presented)) return false
  return keyring.verifyMac('csrf-token', sessionId, Buffer.from(presented, 'base64url'), tokenBytes)
}
