/** Source texts by their path from the root, as `src/login/start.ts`. */
export type SourceTree = ReadonlyMap<string, string>

/** Everything may import these; they import only each other. */
const foundation = [
  'errors',
  'config',
  'log',
  'problem',
  'guard',
  'page',
  'web',
  'web-bridge',
  'write-head',
  'memory-server',
  'decoded-body',
  'metrics',
  'rate-limits',
]

/** What stands further right may be imported by what stands further left, and never the other way round. */
const layers = [
  ['index'],
  ['react', 'compat'],
  ['browser'],
  ['cli', 'lab', 'gateway', 'dev'],
  ['adapters'],
  ['bff'],
  ['fetch-lane'],
  ['web-lane', 'node-lane', 'server-side'],
  ['endpoints'],
  ['routes'],
  ['login', 'proxy'],
  ['session'],
  ['stores'],
]

/** The layers that may choose a store; all others know `stores/store.ts` alone. */
const storeChoosers = ['index', 'cli', 'gateway', 'dev', 'bff', 'stores']

/** Who may import a package. A package that is not named here may be imported by nobody. */
const packageImporters: Readonly<Record<string, RegExp>> = {
  'openid-client': /^src\/login\/provider(-[a-z]+)?\.ts$/,
  oauth4webapi: /^src\/login\/provider(-[a-z]+)?\.ts$/,
  jose: /^src\/(login|lab)\//,
  undici: /^src\/proxy\/upstream\.ts$/,
  send: /^src\/proxy\/static\.ts$/,
  'mime-types': /^src\/proxy\/static\.ts$/,
  'node:sqlite': /^src\/stores\/sqlite\.ts$/,
  '@photostructure/sqlite': /^src\/stores\/sqlite\.ts$/,
  ioredis: /^src\/stores\/redis(-[a-z]+)?\.ts$/,
  pg: /^src\/stores\/postgres(-[a-z]+)?\.ts$/,
  commander: /^src\/cli\//,
  picocolors: /^src\/(cli|dev)\//,
  'oidc-provider': /^src\/(dev|lab)\//,
  zod: /^src\/(config|dev)\//,
  yaml: /^src\/(config|dev)\//,
  'prom-client': /^src\/metrics\.ts$/,
  'rate-limiter-flexible': /^src\/rate-limits\.ts$/,
  react: /^src\/(react|compat)\//,
  pino: /^src\/log\.ts$/,
}

const importPatterns = [
  /^import\s+(?:type\s+)?(?:[\w$*{}\s,]+?\sfrom\s+)?['"]([^'"]+)['"]/gm,
  /^export\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s+from\s+['"]([^'"]+)['"]/gm,
  /\b(?:import|require|getBuiltinModule)\(\s*['"]([^'"]+)['"]/g,
]

/** Proxied calls are told of their route by its type; the table itself stays above them. */
const typesOnly = [{ from: 'proxy', to: 'src/routes.ts' }]

/** Everything a module names as an import: static, re-exported, dynamic, required, or as a type. */
export function importsOf(source: string): string[] {
  return importPatterns.flatMap((pattern) => [...source.matchAll(pattern)].flatMap((match) => match[1] ?? []))
}

/** Each breach of the layout, as one sentence. */
export function importViolations(tree: SourceTree): string[] {
  const files = [...tree].filter(([path]) => path.startsWith('src/') && !path.endsWith('.test.ts'))
  const found = files.flatMap(([path, source]) => {
    const loaded = importsOf(withoutTypeImports(source))
    return importsOf(source).flatMap((specifier) => {
      const reason = specifier.startsWith('.')
        ? refusedFile(path, resolve(path, specifier), tree, !loaded.includes(specifier))
        : refusedPackage(path, specifier)
      return reason === undefined ? [] : [`${path} imports ${specifier}: ${reason}`]
    })
  })
  const impure = files
    .filter(([path, source]) => path === 'src/index.ts' && !onlyReexports(source))
    .map(([path]) => `${path} does more than re-export`)
  return [...found, ...impure, ...cycles(new Map(files))]
}

function refusedPackage(path: string, specifier: string): string | undefined {
  if (partOf(path) === 'browser') return 'the browser client imports nothing'
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  if (name.startsWith('node:') && packageImporters[name] === undefined) return undefined
  const importers = packageImporters[name]
  if (importers === undefined) return 'the package is in no rule'
  return importers.test(path) ? undefined : `only ${importers.source} may`
}

function refusedFile(from: string, to: string, tree: SourceTree, isType: boolean): string | undefined {
  const [fromPart, toPart] = [partOf(from), partOf(to)]
  if (!tree.has(to)) return 'there is no such file'
  if (fromPart === 'browser' && fromPart !== toPart) return 'the browser client imports nothing'
  if (fromPart === 'react' && fromPart !== toPart && toPart !== 'browser') return 'react knows the browser client alone'
  if (fromPart === 'compat' && fromPart !== toPart && toPart !== 'browser') return 'compat knows the browser client alone'
  if (toPart === 'browser' && fromPart !== toPart && !['react', 'compat'].includes(fromPart))
    return 'the browser client is no part of the server'
  if (fromPart === toPart || foundation.includes(toPart)) return undefined
  if (isType && typesOnly.some((allowed) => allowed.from === fromPart && allowed.to === to)) return undefined
  if (foundation.includes(fromPart)) return 'the foundation stands on nothing else'
  const [fromLayer, toLayer] = [layerOf(fromPart), layerOf(toPart)]
  if (fromLayer < 0) return `${fromPart} has no place in the layout`
  if (toLayer < 0) return `${toPart} has no place in the layout`
  if (toPart === 'stores' && to !== 'src/stores/store.ts' && !storeChoosers.includes(fromPart))
    return 'only stores/store.ts may be known here'
  if (fromLayer === toLayer && !['cli', 'lab', 'dev'].includes(fromPart)) return `${fromPart} and ${toPart} stand side by side`
  return fromLayer <= toLayer ? undefined : `${toPart} stands above ${fromPart}`
}

/** Imports of types alone are gone when the code runs. */
function withoutTypeImports(source: string): string {
  return source.replace(/^(import|export)\s+type\s/gm, '')
}

function layerOf(part: string): number {
  return layers.findIndex((layer) => layer.includes(part))
}

/** `src/login/start.ts` is part of `login`, `src/guard.ts` of `guard`. */
function partOf(path: string): string {
  return (path.split('/')[1] ?? '').replace(/\.ts$/, '')
}

function resolve(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1)
}

function onlyReexports(source: string): boolean {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  return code.replace(importPatterns[1] ?? /$^/, '').replace(/[\s;]/g, '') === ''
}

/** Each ring of imports once, told from its first file in the alphabet. */
function cycles(tree: SourceTree): string[] {
  const loadedBy = (path: string, source: string): string[] =>
    importsOf(withoutTypeImports(source))
      .filter((name) => name.startsWith('.'))
      .map((name) => resolve(path, name))
  const graph = new Map([...tree].map(([path, source]) => [path, loadedBy(path, source)]))
  const rings = new Set<string>()
  const finished = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start >= 0) {
      const ring = trail.slice(start)
      const first = ring.indexOf([...ring].sort()[0] ?? path)
      rings.add(`import cycle: ${[...ring.slice(first), ...ring.slice(0, first)].join(' -> ')}`)
    } else if (!finished.has(path)) {
      for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
      finished.add(path)
    }
  }
  for (const path of graph.keys()) visit(path, [])
  return [...rings]
}
