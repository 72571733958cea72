import type { OptionPath } from './option-path.ts'
import { printable } from './option-path.ts'

/** Where values from outside the config come from. Both throw where there is nothing to read. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The content of a file. The path is as written; the reader resolves it. */
  readonly readFile: (path: string) => string
}

/** A config with its placeholders filled in. */
export interface Interpolated {
  readonly value: unknown
  readonly problems: readonly { readonly path: OptionPath; readonly message: string }[]
  /** Where values hold something from outside, so that they are never printed: the placeholders by `pathKey`. */
  readonly fromOutside: ReadonlyMap<string, string>
}

/** A config deeper than this is a mistake or an attack; the deepest option stands at 5. */
const deepest = 32
/** `$${` stands for a plain `${`; an unclosed placeholder matches to the end. */
const placeholder = /\$\$\{|\$\{([^}]*)(\}?)/g

/** A path as a key of maps. */
export function pathKey(path: OptionPath): string {
  return JSON.stringify(path.map((part) => (typeof part === 'symbol' ? String(part) : part)))
}

/** Fills `${env:NAME}` and `${file:PATH}` into every string of the tree. What cannot be filled becomes `undefined`. */
export function interpolate(input: unknown, surroundings: Surroundings): Interpolated {
  const problems: { path: OptionPath; message: string }[] = []
  const fromOutside = new Map<string, string>()

  const fill = (text: string, path: OptionPath): string | undefined => {
    const before = problems.length
    const used: string[] = []
    const filled = text.replace(placeholder, (match, inner: string | undefined, closed: string | undefined) => {
      if (inner === undefined) return '${'
      const found =
        closed === '' ? { message: 'has a "${" without "}"; close it, or write $${ for a plain "${"' } : read(inner, surroundings)
      if (typeof found === 'string') {
        used.push(match)
        return found
      }
      problems.push({ path, message: found.message })
      return ''
    })
    if (used.length > 0) fromOutside.set(pathKey(path), used.join(' and '))
    return problems.length === before ? filled : undefined
  }

  const walk = (value: unknown, path: OptionPath, within: readonly object[]): unknown => {
    if (typeof value === 'string') return value.includes('${') ? fill(value, path) : value
    if (!isPlain(value)) return value
    if (path.length > deepest || within.includes(value)) {
      problems.push({
        path,
        message: within.includes(value) ? 'contains itself; write it out' : 'is nested too deeply; no option is',
      })
      return undefined
    }
    const inner = [...within, value]
    if (Array.isArray(value)) return Array.from(value, (item: unknown, index) => walk(item, [...path, index], inner))
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, walk(item, [...path, name], inner)]))
  }

  return { value: walk(input, [], []), problems, fromOutside }
}

function read(inner: string, { env, readFile }: Surroundings): string | { message: string } {
  const [, kind, name = ''] = /^(env|file):(.*)$/s.exec(inner) ?? []
  if (kind === 'env') {
    if (!/^[A-Za-z_]\w*$/.test(name))
      return { message: `has \${${kind}:...} with ${printable(name)}, which names no variable; write it as in \${env:NAME}` }
    const value = Object.hasOwn(env, name) ? env[name] : undefined
    return value ?? { message: `needs the environment variable ${name}, which is not set; set it before the start` }
  }
  if (kind === 'file') {
    if (name === '' || name.includes('\0'))
      return { message: 'has ${file:} without a path; write it as in ${file:/run/secrets/name}' }
    try {
      return readFile(name).replace(/\r?\n$/, '')
    } catch (error) {
      return { message: `needs the file ${printable(name)}, ${fileTrouble(error)}` }
    }
  }
  return { message: `has a "\${" that is neither \${env:NAME} nor \${file:PATH}; correct it, or write $\${ for a plain "\${"` }
}

/** Why a file cannot be read and what to do, by the error's code; its own words may say too much. */
export function fileTrouble(error: unknown): string {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'which does not exist; create it or correct the path'
    case 'EACCES':
    case 'EPERM':
      return 'which this user may not read; give read permission to the user that runs Coatcheck'
    case 'EISDIR':
      return 'which is no plain file; name the file itself'
    case 'EFBIG':
      return 'which is larger than 1 MiB; name another file'
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return 'which is not UTF-8 text; save it as UTF-8'
    default:
      return `which cannot be read${code === undefined || !/^[A-Z_]+$/.test(code) ? '' : ` (${code})`}; check the file`
  }
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return true
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
