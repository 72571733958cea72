import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { ConfigError } from '../errors.ts'
import type { ConfigProblem } from '../errors.ts'
import { interpolate, pathKey } from './interpolate.ts'
import type { Interpolated, Surroundings } from './interpolate.ts'
import { isPem } from './keys.ts'
import { knownParts } from './known.ts'
import { liesIn, overlaps, printPath, valueAt } from './option-path.ts'
import type { OptionPath } from './option-path.ts'
import { findBreaches } from './rules.ts'
import { configSchema } from './schema.ts'
import type { Config } from './schema.ts'
import { Secret } from './secret.ts'
import { wordIssue, withValue } from './words.ts'
import type { WordingContext } from './words.ts'

/** What a config may draw on besides itself. */
export interface ConfigSurroundings {
  /** Default: the environment of the process. */
  readonly env?: Surroundings['env']
  /** Reads a file by its absolute path. Default: text files of at most 1 MiB. */
  readonly readFile?: Surroundings['readFile']
  /** The folder that relative paths start from. Default: the working directory. */
  readonly baseDir?: string
}

/** A problem with its path still in parts, so that its place in a file can be found. */
export interface LocatedProblem extends ConfigProblem {
  readonly at: OptionPath
}

const resolved = new WeakSet<object>()

/**
 * Makes the config the engine runs on: placeholders filled in, defaults set, everything checked, frozen. A config that
 * this function made is given back as it is.
 *
 * @throws ConfigError with everything that is wrong.
 */
export function resolveConfig(input: unknown, surroundings: ConfigSurroundings = {}): Config {
  if (isResolved(input)) return input
  const result = judgeConfig(input, surroundings)
  if ('problems' in result) throw new ConfigError(result.problems)
  return result.config
}

function isResolved(input: unknown): input is Config {
  return typeof input === 'object' && input !== null && resolved.has(input)
}

/** As `resolveConfig`, but gives the problems instead of throwing. */
export function judgeConfig(
  input: unknown,
  surroundings: ConfigSurroundings,
): { config: Config } | { problems: LocatedProblem[] } {
  const { env = process.env, readFile = readTextFile, baseDir = process.cwd() } = surroundings
  const filled = interpolate(input, { env, readFile: (path) => readFile(resolve(baseDir, path)) })
  const value = withNumbers(filled)
  const parsed = configSchema.safeParse(value)
  const context: WordingContext = {
    schema: configSchema,
    written: input,
    outside: (path) => filled.fromOutside.get(pathKey(path)),
  }

  const issues = (parsed.error?.issues ?? []).filter((issue) => !filled.problems.some(({ path }) => liesIn(issue.path, path)))
  const found = [...filled.problems, ...issues.flatMap((issue) => wordIssue(issue, context))]
  const troubled = [...filled.problems, ...issues.filter((issue) => issue.code !== 'unrecognized_keys')].map(({ path }) => path)
  const known = parsed.success ? parsed.data : knownParts(configSchema, value)
  const breaches = (known === undefined ? [] : findBreaches(known)).filter(
    ({ restsOn }) => !restsOn.some((basis) => troubled.some((path) => overlaps(basis, path))),
  )
  found.push(
    ...breaches.map(({ path, message }) => ({
      path,
      message: message.startsWith('is missing') ? message : withValue(path, message, context),
    })),
  )

  if (found.length > 0 || !parsed.success) {
    return { problems: found.map(({ path, message }) => ({ path: printPath(path), message, at: path })) }
  }
  const config = freeze(withAbsolutePaths(parsed.data, baseDir))
  resolved.add(config)
  return { config }
}

/**
 * A variable or a file holds text only, so a whole number, true or false from there becomes what the option takes. A
 * literal in the config does not: there, quotes are a decision.
 */
function withNumbers({ value, fromOutside }: Interpolated): unknown {
  if (fromOutside.size === 0) return value
  for (const issue of configSchema.safeParse(value).error?.issues ?? []) {
    if (!fromOutside.has(pathKey(issue.path))) continue
    // Of a choice, such as a number or `auto`, what the choices expect.
    const inner = issue.code === 'invalid_union' ? issue.errors.flat() : [issue]
    const expected = inner.flatMap((one) => (one.code === 'invalid_type' ? one.expected : []))
    const text = valueAt(value, issue.path)
    const parent = valueAt(value, issue.path.slice(0, -1))
    const name = issue.path.at(-1)
    if (typeof text !== 'string' || typeof parent !== 'object' || parent === null || name === undefined) continue
    if (expected.includes('number') && /^(0|-?[1-9]\d{0,15})$/.test(text)) Reflect.set(parent, name, Number(text))
    if (expected.includes('boolean') && /^(true|false)$/.test(text)) Reflect.set(parent, name, text === 'true')
  }
  return value
}

function withAbsolutePaths(config: Config, baseDir: string): Config {
  const { tls } = config
  const { store } = config.session
  const located = (text: string): string => (isPem(text) ? text : resolve(baseDir, text))
  return {
    ...config,
    ...(tls === undefined ? {} : { tls: { cert: located(tls.cert), key: new Secret(located(tls.key.reveal())) } }),
    session:
      store.type === 'embedded' ? { ...config.session, store: { ...store, path: resolve(baseDir, store.path) } } : config.session,
    routes: config.routes.map((route) =>
      route.static === undefined ? route : { ...route, static: resolve(baseDir, route.static) },
    ),
  }
}

/** Freezes a tree of plain objects and lists; URLs and secrets have nothing to freeze. */
function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) freeze(inner)
  }
  return value
}

/** Reads a text file of at most 1 MiB. Devices and pipes are refused: they may never end. */
export function readTextFile(path: string): string {
  const file = statSync(path)
  if (!file.isFile()) throw Object.assign(new Error('no plain file'), { code: 'EISDIR' })
  if (file.size > 1_048_576) throw Object.assign(new Error('too large'), { code: 'EFBIG' })
  return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path))
}
