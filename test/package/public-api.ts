/** Declaration texts (`.d.ts`) by path, as `index.d.ts` or `session/session.d.ts`. */
export type DeclarationTree = ReadonlyMap<string, string>

/** One top-level statement of a declaration file, and what it declares. */
interface Declaration {
  readonly name: string
  readonly text: string
}

/** A name that a file takes from elsewhere: `import { original as name } from 'from'`, `*` for the whole module. */
interface Link {
  readonly name: string
  readonly original: string
  readonly from: string
}

interface DeclarationFile {
  readonly declarations: readonly Declaration[]
  readonly imports: readonly Link[]
  readonly reexports: readonly Link[]
  readonly stars: readonly string[]
}

/**
 * Everything a user of the entry can name or meet, as text: the exported names, then each declaration they rest on.
 * Comments are left out, so that better words change nothing.
 */
export function publicApi(entry: string, tree: DeclarationTree): string {
  const files = new Map([...tree].map(([path, text]) => [path, readDeclarations(text)]))
  const exported = exportsOf(entry, files)
  const seen = new Map<string, string>()
  for (const name of exported) follow(entry, name, files, seen)
  const declarations = [...seen].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text)
  return `exports ${exported.length > 0 ? exported.join(', ') : 'nothing'}\n\n${declarations.join('\n')}\n`
}

function exportsOf(path: string, files: ReadonlyMap<string, DeclarationFile>): string[] {
  const file = files.get(path)
  if (file === undefined) throw new Error(`There is no ${path}`)
  const own = file.declarations.filter(({ text }) => text.startsWith('export ')).map(({ name }) => name)
  const starred = file.stars.flatMap((from) => exportsOf(resolve(path, from), files))
  return [...new Set([...own, ...file.reexports.map(({ name }) => name), ...starred])].toSorted()
}

/** Adds the declaration of a name, and of each name of the project's own that its text uses. */
function follow(path: string, name: string, files: ReadonlyMap<string, DeclarationFile>, seen: Map<string, string>): void {
  const file = files.get(path)
  if (file === undefined) return
  const own = file.declarations.filter((declaration) => declaration.name === name)
  const link = own.length === 0 ? [...file.imports, ...file.reexports].find((candidate) => candidate.name === name) : undefined
  if (link !== undefined) return followLink(path, link, files, seen)
  if (own.length === 0) {
    for (const from of file.stars) follow(resolve(path, from), name, files, seen)
    return
  }
  const key = `${name} in ${path}`
  if (seen.has(key)) return
  const text = own.map((declaration) => declaration.text).join('\n')
  seen.set(key, `// ${path.replace(/\.d\.ts$/, '')}\n${text}\n`)
  for (const used of new Set(text.match(/[A-Za-z_$][\w$]*/g))) follow(path, used, files, seen)
}

function followLink(path: string, link: Link, files: ReadonlyMap<string, DeclarationFile>, seen: Map<string, string>): void {
  if (!link.from.startsWith('.')) seen.set(`${link.name} in ${link.from}`, `// from ${link.from}: ${link.original}\n`)
  else if (link.original !== '*') follow(resolve(path, link.from), link.original, files, seen)
  else for (const name of exportsOf(resolve(path, link.from), files)) follow(resolve(path, link.from), name, files, seen)
}

function resolve(path: string, specifier: string): string {
  return new URL(specifier, `file:///${path}`).pathname.slice(1).replace(/(\.d)?\.[jt]s$/, '.d.ts')
}

function readDeclarations(source: string): DeclarationFile {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  const statements = code
    .split(/^(?=(?:export|import|declare|interface|type)\b)/m)
    .map((text) => text.replace(/\n\s*\n/g, '\n').trim())
  return {
    declarations: statements.flatMap((text) => {
      const name = /^(?:export )?(?:declare )?(?:abstract )?(?:const|let|function|class|interface|type|enum) ([\w$]+)/.exec(
        text,
      )?.[1]
      return name === undefined ? [] : [{ name, text }]
    }),
    imports: statements.filter((text) => text.startsWith('import')).flatMap(readLinks),
    reexports: statements.filter((text) => /^export (?:type )?(?:\{|\* as)/.test(text)).flatMap(readLinks),
    stars: statements.flatMap((text) => /^export (?:type )?\* from ['"]([^'"]+)['"]/.exec(text)?.[1] ?? []),
  }
}

function readLinks(statement: string): Link[] {
  const from = /from ['"]([^'"]+)['"]/.exec(statement)?.[1]
  if (from === undefined) return []
  const whole = /\* as ([\w$]+)/.exec(statement)?.[1]
  const named = (/\{([^}]*)\}/.exec(statement)?.[1] ?? '').split(',').map((part) => part.trim().replace(/^type /, ''))
  const links = named.filter((part) => part !== '').map((part) => part.split(' as '))
  return [
    ...(whole === undefined ? [] : [{ name: whole, original: '*', from }]),
    ...links.map(([original = '', name = original]) => ({ name, original, from })),
  ]
}
