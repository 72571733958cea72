import { InvalidArgumentError } from 'commander'
import type { Command } from 'commander'
import type { SessionFilter } from '../session/operators.ts'
import { parseDuration } from './sessions/duration.ts'
import { listCommand } from './sessions/list.ts'
import { migrateCommand } from './sessions/migrate.ts'
import { revokeCommand } from './sessions/revoke.ts'
import type { Terminal } from './terminal.ts'

interface FilterFlags {
  readonly user?: string
  readonly sid?: string
  readonly id?: string
  readonly olderThan?: number
}

interface ListFlags extends FilterFlags {
  readonly config: string
  readonly json: boolean
}

interface RevokeFlags extends FilterFlags {
  readonly config: string
  readonly all: boolean
  readonly yes: boolean
}

/** Adds `coatcheck sessions`, for operators. */
export function addSessions(
  program: Command,
  withConfig: (command: Command) => Command,
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  const sessions = program.command('sessions').description('list, end and move the sessions in the store')

  withFilter(withConfig(sessions.command('list')))
    .description('list live sessions, the one used last first')
    .option('--json', 'print one JSON object', false)
    .action(async (flags: ListFlags) =>
      exit(await listCommand({ config: flags.config, filter: filterOf(flags), json: flags.json }, terminal)),
    )

  const revoke = withFilter(withConfig(sessions.command('revoke')))
    .description('end sessions, on every node and for their open streams too')
    .option('--all', 'every session', false)
    .option('--yes', 'do not ask whether to end so many; needed with --all and --older-than', false)
  revoke.action(async (flags: RevokeFlags) => {
    const { user, sid, id, olderThan, all, yes, config } = flags
    const named = [user, sid, id].filter((name) => name !== undefined)
    // Read as "and" by one and as "or" by another, two of them would end too few or too many.
    if (named.length + (olderThan === undefined ? 0 : 1) + (all ? 1 : 0) !== 1)
      revoke.error('error: say exactly one of --user, --sid, --id, --older-than and --all')
    exit(await revokeCommand({ config, filter: filterOf(flags), isConfirmed: yes || named.length === 1 }, terminal))
  })

  sessions
    .command('migrate')
    .description('copy live sessions to another store, without a logout; see docs/operators.md for the order of things')
    .requiredOption('--from <file>', 'config file with the store that has the sessions')
    .requiredOption('--to <file>', 'config file with the store that is to have them, and the same secrets')
    .action(async (flags: { from: string; to: string }) => exit(await migrateCommand(flags, terminal)))
}

function withFilter(command: Command): Command {
  return command
    .option('--user <sub>', "the user's subject (sub) at the provider", named)
    .option('--sid <sid>', 'session id (sid) of the provider', named)
    .option('--id <id>', 'id of one session, as listed', named)
    .option('--older-than <duration>', 'made at least so long ago, as in 90s, 30m, 2h or 7d', duration)
}

function filterOf({ user, sid, id, olderThan }: FilterFlags): SessionFilter {
  return { subject: user, providerSessionId: sid, id, olderThanSeconds: olderThan }
}

/** An unset variable in a script must not turn one into all or none. */
function named(text: string): string {
  if (text === '') throw new InvalidArgumentError('It is empty.')
  return text
}

function duration(text: string): number {
  const seconds = parseDuration(text)
  if (seconds === undefined) throw new InvalidArgumentError('Write a number and a unit, as in 90s, 30m, 2h or 7d.')
  return seconds
}
