import type { z } from 'zod'
import { nearestName } from './nearest.ts'
import type { OptionPath } from './option-path.ts'
import { printable, printPath, valueAt } from './option-path.ts'
import { allPaths, isOptionalAt, isQuotableAt, isSecretAt, meaningAt, namesAt, requiredNamesAt } from './schema-walk.ts'

/** What is needed to say in words what is wrong. */
export interface WordingContext {
  readonly schema: z.core.$ZodType
  /** The config as it is written, placeholders not filled in: only this is ever quoted. */
  readonly written: unknown
  /** The placeholders that a value at a path came from. */
  readonly outside: (path: OptionPath) => string | undefined
}

/** One or, for unknown options, several problems out of one finding of the validator. */
export function wordIssue(issue: z.core.$ZodIssue, context: WordingContext): { path: OptionPath; message: string }[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...issue.path, key], message: wordUnknown(key, issue.path, context) }))
  }
  return [{ path: issue.path, message: wordValue(issue, context) }]
}

/** Puts the value in front of what is said of it, where it may be shown. */
export function withValue(path: OptionPath, message: string, { schema, written, outside }: WordingContext): string {
  const source = outside(path)
  if (source !== undefined) return `the value of ${printable(source).slice(1, -1)} ${message}`
  const value = valueAt(written, path)
  if (typeof value !== 'string' || value === '' || !isQuotableAt(schema, path)) return message
  return `${printable(withoutCredentials(value))} ${message}`
}

/** What a URL may carry that is nobody's business: user and password, query, fragment. */
function withoutCredentials(text: string): string {
  return text.replace(/\/\/.*@/s, '//[secret]@').replace(/[?#].*$/s, (rest) => `${rest[0] ?? ''}...`)
}

function wordUnknown(key: string, section: OptionPath, { schema }: WordingContext): string {
  const known = namesAt(schema, section)
  const near = nearestName(key, known)
  if (near !== undefined) return `unknown option; did you mean \`${near}\`?`
  const elsewhere = allPaths(schema).filter((path) => String(path.at(-1)).toLowerCase() === key.toLowerCase())
  if (elsewhere.length > 0) {
    const places = elsewhere.map((path) => `\`${printPath(path).replaceAll('[0]', '[]')}\``)
    return `unknown option here; it belongs at ${places.join(' or ')}, move it there or remove it`
  }
  return `unknown option; remove it (known here: ${known.join(', ')})`
}

function wordValue(issue: z.core.$ZodIssue, context: WordingContext): string {
  const { path } = issue
  switch (issue.code) {
    case 'invalid_type':
      return wordType(issue.expected, path, context)
    case 'invalid_value':
      return wordChoice(issue.values.map(String), path, context)
    case 'invalid_union':
      if ('discriminator' in issue && 'options' in issue && Array.isArray(issue.options))
        return wordChoice(issue.options.map(String), path, context)
      if (issue.message !== 'Invalid input') return `${shown(path, context)}; ${issue.message}`
      return wordType(isSecretAt(context.schema, path) ? 'string' : 'scalar', path, context)
    case 'too_small':
      return issue.origin === 'array'
        ? issue.message
        : `${shown(path, context)}; write ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`
    case 'too_big':
      return `${shown(path, context)}; write at most ${issue.maximum}`
    case 'custom':
      return withValue(path, issue.message, context)
    default:
      return `${shown(path, context)}, which does not fit; see the options page`
  }
}

function wordType(expected: string, path: OptionPath, context: WordingContext): string {
  const value = valueAt(context.written, path)
  if (value === undefined) return wordMissing(path, context)
  return `${wordExpected(expected, path, context)}${value === null && isOptionalAt(context.schema, path) ? ', or remove the line' : ''}`
}

function wordExpected(expected: string, path: OptionPath, context: WordingContext): string {
  const { schema, written } = context
  const value = valueAt(written, path)
  const is = shown(path, context)
  switch (expected) {
    case 'object':
    case 'record':
      return `${is}; write ${path.length === 0 ? 'a mapping of options' : 'a mapping, its options indented below it'}`
    case 'array':
      return `${is}; write a list, each entry on its own line after "- "`
    case 'string':
      return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint'
        ? `${is}; put it in quotes to make it a text`
        : `${is}; write a text`
    case 'number':
    case 'int':
      if (typeof value === 'number') return `${is}; write a whole number`
      return typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value.trim())
        ? `${is}; write the number without quotes`
        : `${is}; write a number`
    case 'boolean':
      return `${is}; write true or false, without quotes`
    default:
      return `${is}; write ${isSecretAt(schema, path) ? 'a text' : 'a text, a number, true or false'}`
  }
}

function wordMissing(path: OptionPath, { schema }: WordingContext): string {
  const meaning = meaningAt(schema, path)
  const needed = requiredNamesAt(schema, path)
  const inside = needed.length === 0 ? '' : `, with at least ${needed.join(', ')}`
  return meaning === undefined ? `is missing; write a value${inside}` : `is missing; add it${inside}. It means: ${meaning}`
}

function wordChoice(choices: readonly string[], path: OptionPath, context: WordingContext): string {
  const value = valueAt(context.written, path)
  if (value === undefined) return `is missing; write one of: ${choices.join(', ')}`
  const near = typeof value === 'string' && context.outside(path) === undefined ? nearestName(value, choices) : undefined
  return `${shown(path, context)}; ${near === undefined ? '' : `did you mean ${near}? `}write one of: ${choices.join(', ')}`
}

/** "is the text "30"", as far as it may be shown. */
function shown(path: OptionPath, { schema, written, outside }: WordingContext): string {
  const source = outside(path)
  if (source !== undefined) return `is the value of ${printable(source).slice(1, -1)}`
  const value = valueAt(written, path)
  const mayShow = isQuotableAt(schema, path)
  if (value === undefined) return 'is missing'
  if (value === null) return 'is empty'
  if (Array.isArray(value)) return 'is a list'
  switch (typeof value) {
    case 'string':
      return mayShow ? `is the text ${printable(withoutCredentials(value))}` : 'is a text'
    case 'number':
    case 'bigint':
      return mayShow ? `is the number ${value}` : 'is a number'
    case 'boolean':
      return mayShow ? `is ${value}` : 'is true or false'
    case 'object':
      return 'is a mapping'
    default:
      return `is a ${typeof value}`
  }
}
