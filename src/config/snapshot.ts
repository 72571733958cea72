import { resolve } from 'node:path'
import { loadConfig } from './load.ts'
import { readTextFile } from './resolve.ts'
import type { Config } from './schema.ts'

/**
 * A config file with every file it draws on, as they were when it was read. Another process makes the same config of it,
 * whatever became of the files since. Holds secrets: it goes from a process to its own children only.
 */
export interface ConfigSnapshot {
  readonly file: string
  /** Contents by absolute path. */
  readonly contents: Readonly<Record<string, string>>
  /** Options that the command line sets over those of the file. */
  readonly overrides: Readonly<Record<string, unknown>>
}

type Env = Readonly<Record<string, string | undefined>>

/**
 * Reads a config, and what it was made of.
 *
 * @throws ConfigError with everything that is wrong.
 */
export async function loadWithSnapshot(
  file: string,
  env: Env,
  overrides: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly config: Config; readonly snapshot: ConfigSnapshot }> {
  const contents: Record<string, string> = {}
  const readFile = (path: string): string => (contents[path] = readTextFile(path))
  const config = await loadConfig(file, { env, readFile, overrides })
  return { config, snapshot: { file: resolve(file), contents, overrides } }
}

/** The config of a snapshot. No file is read. */
export function loadSnapshot({ file, contents, overrides }: ConfigSnapshot, env: Env): Promise<Config> {
  const readFile = (path: string): string => {
    const content = contents[path]
    if (content === undefined) throw new Error('the snapshot lacks a file')
    return content
  }
  return loadConfig(file, { env, readFile, overrides })
}
