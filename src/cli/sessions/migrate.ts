import { isDeepStrictEqual } from 'node:util'
import { loadConfig } from '../../config/load.ts'
import type { Config } from '../../config/schema.ts'
import { Secret } from '../../config/secret.ts'
import { ConfigError } from '../../errors.ts'
import type { ConfigProblem } from '../../errors.ts'
import { migrateSessions } from '../../session/migrate.ts'
import type { MigrationOutcome } from '../../session/migrate.ts'
import { createStore } from '../../stores/create.ts'
import type { Terminal } from '../terminal.ts'
import { sessionsOf } from './amount.ts'
import { requireShared, withView } from './open-view.ts'

export interface MigrateOptions {
  /** The config file of the store that has the sessions. */
  readonly from: string
  /** The config file of the store that is to have them. */
  readonly to: string
}

/** Copies live sessions to another store; gives the exit code: 1 where some are not there afterwards. */
export async function migrateCommand({ from, to }: MigrateOptions, { stdout, env }: Terminal): Promise<number> {
  const [source, destination] = [await loadConfig(from, { env }), await loadConfig(to, { env })]
  const problems = findDifferences(source, destination)
  if (problems.length > 0) throw new ConfigError(problems)
  requireShared(destination)
  const outcome = await withView(source, async ({ store, keyring, clock }) => {
    const target = createStore(destination)
    try {
      await target.check()
      return await migrateSessions({ from: store, to: target, keyring, clock })
    } finally {
      await target.close()
    }
  })
  stdout.write(printOutcome(outcome))
  return outcome.missing === 0 ? 0 : 1
}

/** What has to be the same for a session to live on, and the one thing that must not be. */
function findDifferences(source: Config, destination: Config): ConfigProblem[] {
  const same = (path: string, of: (config: Config) => unknown, why: string): ConfigProblem[] =>
    isDeepStrictEqual(of(source), of(destination)) ? [] : [{ path, message: `differs between --from and --to; ${why}` }]
  const problems = [
    same('origin', (config) => config.origin, 'cookies belong to one origin'),
    same('provider.issuer', (config) => config.provider.issuer, 'a session belongs to one provider'),
    same('provider.clientId', (config) => config.provider.clientId, 'tokens belong to one client'),
    same('session.secrets', secretsOf, 'sessions could not be opened any more'),
    same('session.cookie.name', (config) => config.session.cookie.name, 'browsers would bring another cookie'),
  ].flat()
  if (isDeepStrictEqual(revealed(source.session.store), revealed(destination.session.store)))
    problems.push({ path: 'session.store', message: 'is the same in --from and --to' })
  return problems
}

/** In whichever order: all of them open. */
function secretsOf({ session }: Config): readonly string[] {
  return [...new Set(session.secrets.map((secret) => secret.reveal()))].toSorted()
}

/** Secrets look alike to a comparison unless they are revealed. */
function revealed(value: unknown): unknown {
  if (value instanceof Secret) return value.reveal()
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, revealed(part)]))
}

function printOutcome(outcome: MigrationOutcome): string {
  const { copied, renewed, unchanged, left, closed, unreadable, missing, inDestination } = outcome
  const lines = [
    `${sessionsOf(copied)} copied, ${renewed} brought up to date, ${unchanged} as they were.`,
    left > 0 && `${sessionsOf(left)} left alone: in use or closed in the new store.`,
    closed > 0 && `${sessionsOf(closed)} of an earlier run closed: ended in the old store since.`,
    unreadable.length > 0 &&
      `${sessionsOf(unreadable.length)} not copied, unreadable with the present session.secrets: ${unreadable.join(', ')}`,
    missing > 0 && `${sessionsOf(missing)} of the old store not there yet: run this again once its nodes have stopped.`,
    `The new store has ${sessionsOf(inDestination)}.`,
  ]
  return `${lines.filter((line) => line !== false).join('\n')}\n`
}
