import { basename, dirname, resolve } from 'node:path'
import { ConfigError } from '../errors.ts'
import { fileTrouble } from './interpolate.ts'
import { printPath } from './option-path.ts'
import type { OptionPath } from './option-path.ts'
import { parseConfig } from './parse.ts'
import { judgeConfig, readTextFile } from './resolve.ts'
import type { ConfigSurroundings } from './resolve.ts'
import { schemasAt } from './schema-walk.ts'
import { configSchema } from './schema.ts'
import type { Config } from './schema.ts'

/** A problem and where it stands; no line where the file as a whole is meant. */
interface FileProblem {
  readonly path: OptionPath
  readonly message: string
  readonly line?: number
  readonly column?: number
}

/** What a config file may draw on besides itself. */
export interface FileSurroundings extends Omit<ConfigSurroundings, 'baseDir'> {
  /** Options that stand over those of the file. */
  readonly overrides?: Readonly<Record<string, unknown>>
}

/**
 * Reads a config file, YAML or JSON. Relative paths in it start from its own folder.
 *
 * @throws ConfigError with everything that is wrong, each with its line and column.
 */
export async function loadConfig(file: string, surroundings: FileSurroundings = {}): Promise<Config> {
  const path = resolve(file)
  let source: string
  try {
    source = (surroundings.readFile ?? readTextFile)(path)
  } catch (error) {
    throw failure(path, [{ path: [], message: `needs the config file ${JSON.stringify(file)}, ${fileTrouble(error)}` }])
  }

  const parsed = parseConfig(source)
  if (parsed.isFatal)
    throw failure(
      path,
      parsed.problems.map((problem) => ({ ...problem, path: knownPart(problem.path) })),
    )
  if (parsed.value === null || parsed.value === undefined) {
    throw failure(path, [{ path: [], message: 'is empty; write at least origin, provider, session and routes' }])
  }

  const isMapping = typeof parsed.value === 'object' && !Array.isArray(parsed.value)
  const value: unknown = isMapping ? { ...parsed.value, ...surroundings.overrides } : parsed.value
  const result = judgeConfig(value, { ...surroundings, baseDir: dirname(path) })
  if ('config' in result && parsed.problems.length === 0) return result.config
  const judged = 'config' in result ? [] : result.problems.map(({ at, message }) => ({ path: at, message, ...parsed.locate(at) }))
  throw failure(path, [...parsed.problems, ...judged])
}

/** In broken text anything may have become a name, a secret too; so only names of options are told. */
function knownPart(path: OptionPath): OptionPath {
  return path.length === 0 || schemasAt(configSchema, path).length > 0 ? path : knownPart(path.slice(0, -1))
}

/** All problems in one error, in the order of the file. */
function failure(file: string, problems: readonly FileProblem[]): ConfigError {
  const sorted = [...problems].sort(
    (one, other) => (one.line ?? 0) - (other.line ?? 0) || (one.column ?? 0) - (other.column ?? 0),
  )
  return new ConfigError(
    sorted.map(({ path, message, line, column }) => ({
      path: printPath(path),
      message,
      place: [basename(file), line, column].filter((part) => part !== undefined).join(':'),
    })),
  )
}
