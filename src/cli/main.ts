import { existsSync, readFileSync } from 'node:fs'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import pc from 'picocolors'
import { ConfigError } from '../errors.ts'
import { check } from './check/check.ts'
import { explain } from './explain.ts'
import { untilSignalled } from './lifetime.ts'
import { printSecret } from './secret.ts'
import { serve } from './serve.ts'
import type { ServeFlags, StartGateway } from './serve.ts'
import { addSessions } from './sessions.ts'
import type { HostProcess, Terminal } from './terminal.ts'

/** What `run` may be given instead of the real process. */
export interface CommandSurroundings {
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean }
  readonly stderr: { write(text: string): unknown }
  readonly env: Readonly<Record<string, string | undefined>>
  /** Signals and uncaught errors. Default: `process`. */
  readonly host?: HostProcess
  /** Default: the gateway. */
  readonly startGateway?: StartGateway
}

const defaultFile = './coatcheck.yaml'

/**
 * Runs one command line, without the program's name in front; gives the exit code. 2 stands for a wrong config or a
 * wrong command line, 1 for trouble elsewhere.
 */
export async function run(args: readonly string[], surroundings: CommandSurroundings): Promise<number> {
  const { stdout, stderr, env, host = process } = surroundings
  const isColored = stdout.isTTY === true && (env['NO_COLOR'] ?? '') === ''
  const terminal: Terminal = { stdout, stderr, env, host, color: pc.createColors(isColored) }
  let exitCode = 0
  const program = createProgram(terminal, surroundings.startGateway ?? startRealGateway, (code) => {
    exitCode = code
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return error instanceof ConfigError ? 2 : 1
  }
}

function createProgram(terminal: Terminal, startGateway: StartGateway, exit: (code: number) => void): Command {
  const { stdout, stderr } = terminal
  const program = new Command('coatcheck')
    .description('A Backend-for-Frontend: tokens stay on the server, the browser gets one HttpOnly session cookie.')
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help, or that of a command')
    .exitOverride()
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .showHelpAfterError('(coatcheck --help lists the commands and options)')
    .addHelpText(
      'after',
      '\nExit codes: 0 fine, 1 trouble, 2 a wrong config or command line.\nFirst steps: coatcheck secret, then coatcheck check, then coatcheck serve.',
    )

  withConfig(program.command('serve'))
    .description('run the gateway until SIGTERM or SIGINT')
    .option('--workers <count>', 'processes that serve, under a supervisor: a number, or auto for one per core', workerCount)
    .action(async (flags: ServeFlags) => exit(await serve(flags, terminal, startGateway)))

  withConfig(program.command('check'))
    .description('say everything that is wrong with a config, then with the provider, upstreams, folders and store it names')
    .option('--json', 'print one JSON object', false)
    .option('--migrate', 'make or migrate the tables of a postgres store first', false)
    .option('--timeout <seconds>', 'for all questions together', wholeNumber(1, 3600), 10)
    .action(async ({ config, json, migrate, timeout }: { config: string; json: boolean; migrate: boolean; timeout: number }) =>
      exit(await check({ config, json, migrate, timeoutSeconds: timeout }, terminal)),
    )

  withConfig(program.command('explain'))
    .description('say what would become of a request: its route, session, CSRF rule, token and target')
    .argument('<url>', 'a path of the app, or a whole URL')
    .option('-X, --method <method>', 'the request method', 'GET')
    .action(async (url: string, { config, method }: { config: string; method: string }) =>
      exit(await explain({ config, url, method }, terminal)),
    )

  program
    .command('secret')
    .description('make a session secret and print it')
    .action(() => printSecret(terminal))

  addSessions(program, withConfig, terminal, exit)

  program
    .command('dev')
    .description('run the gateway together with a local provider, for development: everything on loopback and in memory')
    .option('-c, --config <file>', `config file, moved to this machine (default: ${defaultFile}, where there is one)`)
    .option('--static <folder>', 'without a config file: a folder to serve at /')
    .option('--upstream <path=url...>', 'without a config file: what stands behind, as in /api/=http://127.0.0.1:3000/')
    .option('--scope <scopes>', 'without a config file: scopes to ask for')
    .option('--users <file>', 'YAML or JSON file with the users to pick from')
    .option('--port <port>', 'port of the gateway; 0 picks a free one', wholeNumber(0, 65535))
    .option('--provider-port <port>', 'port of the local provider; 0 picks a free one', wholeNumber(0, 65535))
    .action(async (options: DevFlags) => exit(await develop(options, terminal)))

  program
    .command('lab')
    .description(
      'run the attack lab: one injected script in the same app built five ways, and seven exhibits, all on loopback and in memory',
    )
    .option('--port <port>', "port of the lab's page; 0 picks a free one", wholeNumber(0, 65535), 4600)
    .action(async ({ port }: { port: number }) => exit(await openLab(port, terminal)))

  return program
}

function withConfig(command: Command): Command {
  return command.option('-c, --config <file>', 'config file, YAML or JSON', defaultFile)
}

interface DevFlags {
  config?: string
  static?: string
  upstream?: string[]
  scope?: string
  users?: string
  port?: number
  providerPort?: number
}

async function develop(flags: DevFlags, terminal: Terminal): Promise<number> {
  const { runDev } = await import('./dev.ts')
  const isBare = flags.config === undefined && flags.static === undefined && flags.upstream === undefined
  const found = isBare && existsSync(defaultFile) ? { config: defaultFile } : {}
  const running = await runDev({ ...flags, ...found, print: (text) => terminal.stdout.write(`${text}\n`) })
  return untilSignalled(terminal, () => running.close())
}

async function openLab(port: number, terminal: Terminal): Promise<number> {
  const { startLab } = await import('../lab/lab.ts')
  const lab = await startLab({ port })
  terminal.stdout.write(`\n  The attack lab runs, on this machine alone. Open  ${lab.url}\n  Ctrl-C ends everything.\n\n`)
  return untilSignalled(terminal, () => lab.close())
}

/** Loaded only where it is used: `coatcheck secret` needs no server. */
async function startRealGateway(...[config]: Parameters<StartGateway>): ReturnType<StartGateway> {
  const { startGateway } = await import('../gateway/gateway.ts')
  return startGateway(config)
}

function workerCount(text: string): number | 'auto' {
  return text === 'auto' ? text : wholeNumber(1, 256)(text)
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN
    if (!(value >= least && value <= most)) throw new InvalidArgumentError(`Write a whole number from ${least} to ${most}.`)
    return value
  }
}

/** Stands two folders up, from the sources as well as from what is built of them. */
function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  const version = typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : undefined
  return typeof version === 'string' ? version : 'unknown'
}
