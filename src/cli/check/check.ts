import { loadConfig } from '../../config/load.ts'
import type { Config } from '../../config/schema.ts'
import { findWarnings } from '../../config/warnings.ts'
import { ConfigError } from '../../errors.ts'
import type { Terminal } from '../terminal.ts'
import { checkProvider } from './check-provider.ts'
import { checkRoutes } from './check-routes.ts'
import { checkStore } from './check-store.ts'
import type { Finding } from './finding.ts'

export interface CheckOptions {
  /** The config file. */
  readonly config: string
  /** Prints one JSON object instead of lines. */
  readonly json: boolean
  /** For all questions to the outside together. */
  readonly timeoutSeconds: number
  /** Makes or migrates the tables of a postgres store first. */
  readonly migrate?: boolean
}

/** Validates a config file, then asks everything it names. Exit code 0: fine or warnings; 1: trouble outside; 2: the config. */
export async function check(options: CheckOptions, terminal: Terminal): Promise<number> {
  const findings = await findAll(options, terminal.env)
  const isBroken = findings.some(({ step, level }) => step === 'config' && level === 'problem')
  const hasProblem = findings.some(({ level }) => level === 'problem')
  terminal.stdout.write(
    options.json ? `${JSON.stringify({ ok: !hasProblem, findings }, undefined, 2)}\n` : printFindings(findings, terminal),
  )
  return isBroken ? 2 : hasProblem ? 1 : 0
}

async function findAll({ config: file, timeoutSeconds, migrate }: CheckOptions, env: Terminal['env']): Promise<Finding[]> {
  let config: Config
  try {
    config = await loadConfig(file, { env })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map((problem) => ({ step: 'config', level: 'problem', ...problem }))
  }
  // One deadline for all: the questions run side by side, and none of them waits for another's failure.
  const signal = AbortSignal.timeout(timeoutSeconds * 1000)
  const asked = await Promise.all([
    checkProvider(config, signal),
    ...checkRoutes(config, signal),
    checkStore(config, signal, migrate),
  ])
  return [
    { step: 'config', level: 'ok', path: '', message: `${file} is valid` },
    ...findWarnings(config).map((warning): Finding => ({ step: 'config', level: 'warning', ...warning })),
    ...asked.flat(),
  ]
}

/** One line for each finding, and one that sums up. */
function printFindings(findings: readonly Finding[], { color }: Terminal): string {
  const marks = { ok: color.green('ok      '), warning: color.yellow('warning '), problem: color.red('problem ') }
  const lines = findings.map(({ level, path, message, remedy, place }) => {
    const where = [place, path === '' ? (place === undefined ? 'config' : '(config)') : path]
      .filter((part) => part !== undefined)
      .join(' ')
    return `${marks[level]} ${where}: ${message}${remedy === undefined ? '' : `; ${remedy}`}`
  })
  const count = (level: Finding['level']) => findings.filter((finding) => finding.level === level).length
  const [problems, warnings] = [count('problem'), count('warning')]
  const sum = problems + warnings === 0 ? 'All is well.' : `${amount(problems, 'problem')}, ${amount(warnings, 'warning')}.`
  return `${[...lines, '', sum].join('\n')}\n`
}

function amount(count: number, what: string): string {
  return `${count === 0 ? 'no' : count} ${what}${count === 1 ? '' : 's'}`
}
