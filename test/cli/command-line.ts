import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../../src/cli/main.ts'
import type { StartGateway } from '../../src/cli/serve.ts'

/** What a command left behind. */
export interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  readonly env?: Record<string, string>
  readonly startGateway?: StartGateway
  readonly host?: FakeHost
  /** Called with everything printed so far, each time something is printed. */
  readonly onPrint?: (printed: string) => void
}

/** A process that takes signals from the test, and remembers being ended. */
export class FakeHost extends EventEmitter {
  readonly exits: number[] = []

  exit(code: number): void {
    this.exits.push(code)
  }
}

/** Runs a command line in this process. */
export async function runCommand(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const { env = {}, onPrint, ...rest } = options
  const printed = { stdout: '', stderr: '' }
  const writer = (name: 'stdout' | 'stderr') => ({
    write(text: string) {
      printed[name] += text
      onPrint?.(printed.stdout + printed.stderr)
    },
  })
  const code = await run(args, { stdout: writer('stdout'), stderr: writer('stderr'), env, ...rest })
  return { code, ...printed }
}

/** A folder of its own for config files, gone with `remove`. */
export function configFolder() {
  const path = mkdtempSync(join(tmpdir(), 'coatcheck-cli-'))
  return {
    path,
    write(source: string, name = 'coatcheck.yaml'): string {
      writeFileSync(join(path, name), source)
      return join(path, name)
    },
    remove: () => rmSync(path, { recursive: true }),
  }
}
