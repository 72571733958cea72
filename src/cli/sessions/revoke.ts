import { loadConfig } from '../../config/load.ts'
import type { AuditEvent } from '../../log.ts'
import { listSessions, revokeSessions } from '../../session/operators.ts'
import type { ListedSession, OperatorView, SessionFilter } from '../../session/operators.ts'
import type { EndReason } from '../../session/sessions.ts'
import type { Terminal } from '../terminal.ts'
import { sessionsOf } from './amount.ts'
import { withView } from './open-view.ts'

export interface RevokeOptions {
  /** The config file. */
  readonly config: string
  readonly filter: SessionFilter
  /** Whether it is certain that so many sessions may end: asked for where the filter names nobody. */
  readonly isConfirmed: boolean
}

/**
 * Ends sessions; gives the exit code. Standard output gets one line for each, in the form of the gateway's audit log, as
 * soon as it has ended; the words for people go to standard error.
 */
export async function revokeCommand({ config: file, filter, isConfirmed }: RevokeOptions, terminal: Terminal): Promise<number> {
  const { stdout, stderr, env } = terminal
  const config = await loadConfig(file, { env })
  return withView(config, async (view) => {
    if (!isConfirmed) {
      const count = await countOf(view, filter)
      stderr.write(`This would end ${sessionsOf(count)}. Nothing was done; say --yes to end them.\n`)
      return 2
    }
    let ended = 0
    let unreadable = 0
    try {
      for await (const session of revokeSessions(view, filter)) {
        stdout.write(auditLine(session, view.clock()))
        ended += 1
        if (session.meta === undefined) unreadable += 1
      }
    } finally {
      const lost = unreadable === 0 ? '' : `, ${unreadable} of them unreadable with the present session.secrets`
      stderr.write(ended === 0 ? 'No session was ended: none is meant.\n' : `Ended ${sessionsOf(ended)}${lost}.\n`)
    }
    return 0
  })
}

async function countOf(view: OperatorView, filter: SessionFilter): Promise<number> {
  let count = 0
  for await (const { meta } of listSessions(view, filter)) {
    if (meta !== undefined || filter.olderThanSeconds === undefined) count += 1
  }
  return count
}

/** As the gateway's log has it (pino's level 30 is information), so that one search finds both. */
function auditLine({ id, meta }: ListedSession, nowMs: number): string {
  const [event, reason]: [AuditEvent, EndReason] = ['session_ended', 'ended_by_operator']
  const about = { reason, session: id, subject: meta?.subject, issuer: meta?.issuer }
  return `${JSON.stringify({ level: 30, time: new Date(nowMs).toISOString(), audit: true, event, ...about, msg: event })}\n`
}
