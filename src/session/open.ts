import type { EndReason } from './sessions.ts'

/** Something open that belongs to a session: a proxied call, a WebSocket, an event stream. */
export interface Open {
  /** Its place among what is open; whoever keeps that list sets it. */
  slot: number
  /** Its session is over. */
  sessionEnded(reason: EndReason): void
}
