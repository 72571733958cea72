import { isCollection, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { Document, ErrorCode, YAMLError } from 'yaml'
import type { OptionPath } from './option-path.ts'

/** A config file taken apart. */
export interface ParsedFile {
  readonly value: unknown
  /** What is wrong with the text as YAML; `isFatal` where nothing can be said about the options any more. */
  readonly problems: readonly {
    readonly message: string
    readonly line: number
    readonly column: number
    readonly path: OptionPath
  }[]
  readonly isFatal: boolean
  /** Line and column, from 1, of what stands at a path, or of the nearest thing around it. */
  readonly locate: (path: OptionPath) => { line: number; column: number }
}

/** A broken file gives many echoes of one mistake; the first few tell it. */
const mostProblems = 5

/** Reads YAML 1.2, of which JSON is a part. Says what is wrong in own words: the parser's may quote a secret. */
export function parseConfig(source: string): ParsedFile {
  if (isPit(source)) {
    const at = { line: 1, column: 1 }
    return {
      value: undefined,
      problems: [{ path: [], message: syntaxWords.RESOURCE_EXHAUSTION, ...at }],
      isFatal: true,
      locate: () => at,
    }
  }
  const lines = new LineCounter()
  const document = parseDocument(source, {
    version: '1.2',
    schema: 'core',
    resolveKnownTags: false,
    stringKeys: true,
    prettyErrors: false,
    lineCounter: lines,
    logLevel: 'error',
  })
  const place = (offset: number) => {
    const { line, col } = lines.linePos(Math.max(0, offset))
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const rows = source.split('\n')
  const wordProblem = ({ code, pos }: YAMLError) => {
    const at = place(pos[0])
    const path = pathAt(document, pos[0])
    if (code === 'DUPLICATE_KEY' || code === 'TAG_RESOLVE_FAILED') return { path, message: syntaxWords[code], ...at }
    const isBarePlaceholder = /[[{].*\$\{/.test(rows[at.line - 1] ?? '')
    const message = isBarePlaceholder ? 'is broken YAML; inside [ ] and { }, put texts with "${" in quotes' : syntaxWords[code]
    return { path, message, ...at }
  }
  const isFatal = document.errors.some(({ code }) => code !== 'DUPLICATE_KEY')
  const problems = [...document.errors, ...document.warnings]
    .map(wordProblem)
    .filter((one, index, all) => !isFatal || all.findIndex((other) => other.line === one.line) === index)
    .slice(0, isFatal ? mostProblems : undefined)
  const locate = (path: OptionPath) => place(offsetOf(document, path))
  if (isFatal) return { value: undefined, problems, isFatal, locate }
  try {
    return { value: document.toJS({ maxAliasCount: 100 }), problems, isFatal, locate }
  } catch {
    const message =
      'has an alias (*name) without its anchor (&name), or aliases that multiply beyond measure; write the values out'
    return { value: undefined, problems: [...problems, { path: [], message, ...place(0) }], isFatal: true, locate }
  }
}

/** Whether brackets or list marks go deeper than any config: the parser takes minutes for such a file. */
function isPit(source: string): boolean {
  let depth = 0
  for (const sign of source) {
    if (sign === '[' || sign === '{') depth += 1
    else if (sign === ']' || sign === '}') depth = Math.max(0, depth - 1)
    if (depth > 200) return true
  }
  return /(?:[-?:][ \t]+){200}/.test(source)
}

const broken = 'is broken YAML; check brackets, quotes and indentation here and on the line above'
const indentation = 'is broken YAML; check the indentation here and on the line above'
const quoting = 'is broken YAML; put texts with special characters, such as ": " or a leading @, in quotes'

const syntaxWords: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: broken,
  BAD_ALIAS: 'has an alias (*name) that is not valid; write the value out',
  BAD_COLLECTION_TYPE: 'has a tag (!name) that does not fit; remove it',
  BAD_DIRECTIVE: 'has a "%" line that is not a YAML directive; remove it',
  BAD_DQ_ESCAPE: 'has a backslash in double quotes that is no escape; double it, or use single quotes',
  BAD_INDENT: indentation,
  BAD_PROP_ORDER: broken,
  BAD_SCALAR_START: quoting,
  BLOCK_AS_IMPLICIT_KEY: quoting,
  BLOCK_IN_FLOW: indentation,
  DUPLICATE_KEY: 'is written twice; keep one of the two',
  IMPOSSIBLE: broken,
  KEY_OVER_1024_CHARS: quoting,
  MISSING_CHAR: 'is broken YAML; a quote, comma, colon or bracket is missing',
  MULTILINE_IMPLICIT_KEY: indentation,
  MULTIPLE_ANCHORS: broken,
  MULTIPLE_DOCS: 'begins a second document; a config is one, remove the "---"',
  MULTIPLE_TAGS: broken,
  NON_STRING_KEY: 'is a list or mapping in the place of a name; write a plain name',
  RESOURCE_EXHAUSTION: 'is nested too deeply; no option is',
  TAB_AS_INDENT: 'is indented with a tab, which YAML forbids; use spaces',
  TAG_RESOLVE_FAILED: 'has a tag (!name), which no option takes; remove it',
  UNEXPECTED_TOKEN: broken,
}

/** Where the name at the path stands, for list entries the entry; the nearest thing around it where there is none. */
function offsetOf(document: Document.Parsed, path: OptionPath): number {
  let node: unknown = document.contents
  let offset = rangeStart(node) ?? 0
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && nameOf(item.key.value) === String(part))
      if (pair === undefined) return offset
      offset = rangeStart(pair.key) ?? offset
      node = pair.value
    } else if (isSeq(node) && typeof part === 'number') {
      node = node.items[part]
      offset = rangeStart(node) ?? offset
    } else return offset
  }
  return offset
}

/** The path of the innermost thing that spans an offset; an option begins at its name. */
function pathAt(document: Document.Parsed, offset: number): OptionPath {
  const path: PropertyKey[] = []
  let node: unknown = document.contents
  while (isCollection(node)) {
    const index = node.items.findIndex((item) => {
      const [first, last] = isPair(item) ? [item.key, item.value ?? item.key] : [item, item]
      const start = rangeStart(first)
      return (
        start !== undefined && start <= offset && offset < Math.max(rangeOf(last)?.[1] ?? 0, rangeOf(first)?.[1] ?? 0, start + 1)
      )
    })
    const item: unknown = node.items[index]
    if (index < 0) return path
    path.push(isPair(item) && isScalar(item.key) ? nameOf(item.key.value) : index)
    node = isPair(item) ? item.value : item
  }
  return path
}

function rangeStart(node: unknown): number | undefined {
  return rangeOf(node)?.[0]
}

function rangeOf(node: unknown): readonly [number, number, number] | undefined {
  const { range } = isScalar(node) || isCollection(node) ? node : { range: undefined }
  return range ?? undefined
}

/** A key as it is written; YAML allows numbers and the like, and nothing at all. */
function nameOf(key: unknown): string {
  return typeof key === 'string' || typeof key === 'number' || typeof key === 'boolean' ? String(key) : ''
}
