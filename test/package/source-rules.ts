import type { SourceTree } from './import-rules.ts'

const lineLimit = 300
/** A suite of tests reads as a list, and may be longer. */
const testLineLimit = 400
/** An adapter that needs more than this decides something. */
const adapterLineLimit = 60
const drawerName = /(^|-)(utils?|helpers?|managers?|shared|common|misc)$/
const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|config|d))?\.(ts|tsx|mjs)$/

/** Each breach of the habits of naming and size, as one sentence. */
export function sourceViolations(tree: SourceTree): string[] {
  return [...tree].flatMap(([path, source]) => {
    const names = path.split('/')
    const lineCount = source.split('\n').length - (source.endsWith('\n') ? 1 : 0)
    const limit = limitOf(path)
    return [
      ...(lineCount > limit ? [`${path} has ${lineCount} lines, more than ${limit}`] : []),
      ...(names.some((name) => drawerName.test(name.replace(/\..*$/, '')))
        ? [`${path} is named after a drawer, not after a thing`]
        : []),
      ...(kebabCase.test(names.at(-1) ?? '') ? [] : [`${path} is not in kebab-case`]),
      ...(/\/\/.*\b(TODO|FIXME)\b|^\s*\/?\*.*\b(TODO|FIXME)\b/m.test(source)
        ? [`${path} leaves work for later in a comment`]
        : []),
      ...(/(:|<|\bas|\|)\s*any\b(?!\s*\w)/.test(withoutComments(source)) ? [`${path} says any`] : []),
      // What runs in a browser may: the fault is Node's.
      ...(/^src\/(?!compat|browser)/.test(path) && /\bURL\.canParse\b/.test(withoutComments(source))
        ? [`${path} asks URL.canParse, which Node 20 answers wrongly: parseUrl of config/url-reading does not`]
        : []),
      ...(/\bas unknown as\b/.test(withoutComments(source)) ? [`${path} casts through unknown`] : []),
    ]
  })
}

function limitOf(path: string): number {
  if (path.startsWith('src/adapters/')) return adapterLineLimit
  return path.startsWith('test/') || path.endsWith('.test.ts') ? testLineLimit : lineLimit
}

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}
