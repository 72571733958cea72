import { loadConfig } from '../../config/load.ts'
import { printable } from '../../config/option-path.ts'
import { lastSeenAtMs, listSessions } from '../../session/operators.ts'
import type { ListedSession, SessionFilter } from '../../session/operators.ts'
import type { SessionMeta } from '../../session/session.ts'
import type { Terminal } from '../terminal.ts'
import { sessionsOf } from './amount.ts'
import { withView } from './open-view.ts'

export interface ListOptions {
  /** The config file. */
  readonly config: string
  readonly filter: SessionFilter
  /** Prints one JSON object instead of a table. */
  readonly json: boolean
}

type ReadableSession = ListedSession & { readonly meta: SessionMeta }

/** Prints live sessions, the one used last first; gives the exit code. */
export async function listCommand({ config: file, filter, json }: ListOptions, terminal: Terminal): Promise<number> {
  const config = await loadConfig(file, { env: terminal.env })
  const readable: ReadableSession[] = []
  const unreadable: string[] = []
  await withView(config, async (view) => {
    for await (const { id, meta, idleExpiresAtMs } of listSessions(view, filter)) {
      if (meta === undefined) unreadable.push(id)
      else readable.push({ id, meta, idleExpiresAtMs })
    }
  })
  const idleTimeoutMs = config.session.idleTimeoutSeconds * 1000
  const rows = readable
    .map((session) => rowOf(session, idleTimeoutMs))
    .toSorted((one, other) => other.lastSeenAt.localeCompare(one.lastSeenAt))
  terminal.stdout.write(
    json ? `${JSON.stringify({ sessions: rows, unreadable }, undefined, 2)}\n` : printTable(rows, unreadable, terminal),
  )
  return 0
}

interface Row {
  readonly id: string
  readonly user: string
  readonly issuer: string
  /** The provider's session id, where it gave one. */
  readonly sid: string | undefined
  readonly createdAt: string
  readonly lastSeenAt: string
  readonly idleExpiresAt: string
  readonly expiresAt: string
  readonly device: string
}

function rowOf(session: ReadableSession, idleTimeoutMs: number): Row {
  const { id, meta, idleExpiresAtMs } = session
  return {
    id,
    user: meta.subject,
    issuer: meta.issuer,
    sid: meta.providerSessionId,
    createdAt: isoTime(meta.createdAtMs),
    lastSeenAt: isoTime(lastSeenAtMs(session, idleTimeoutMs)),
    idleExpiresAt: isoTime(idleExpiresAtMs),
    expiresAt: isoTime(meta.expiresAtMs),
    device: meta.device,
  }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}

function printTable(rows: readonly Row[], unreadable: readonly string[], { color }: Terminal): string {
  const cells = rows.map(({ id, user, createdAt, lastSeenAt, expiresAt, device }) => [
    id,
    shown(user),
    ...[createdAt, lastSeenAt, expiresAt].map((time) => `${time.slice(0, 19)}Z`),
    shown(device),
  ])
  const titles = ['ID', 'USER', 'CREATED', 'LAST SEEN', 'EXPIRES', 'DEVICE']
  const widths = titles.map((title, column) =>
    cells.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), title.length),
  )
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  const table = cells.length === 0 ? [] : [color.bold(line(titles)), ...cells.map(line), '']
  const lost =
    unreadable.length === 0
      ? []
      : [`${sessionsOf(unreadable.length)} cannot be read with the present session.secrets: ${unreadable.join(', ')}`]
  return `${[...table, `${rows.length === 0 ? 'No session' : sessionsOf(rows.length)}.`, ...lost].join('\n')}\n`
}

/** What came from outside is told plainly where it is plain, and quoted where it could steer a terminal or feign a column. */
function shown(text: string): string {
  return /^[\x21-\x7e]+( [\x21-\x7e]+)*$/.test(text) && text.length <= 60 ? text : printable(text)
}
