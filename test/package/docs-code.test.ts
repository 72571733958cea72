import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { run } from '../../src/cli/main.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { resolveConfig } from '../../src/config/resolve.ts'
import { errorTable } from '../../src/errors.ts'

/** What the pages say is run, compiled or looked up here, so that it cannot drift away from the source. */

const root = fileURLToPath(new URL('../..', import.meta.url))
const pages = [
  'README.md',
  'ARCHITECTURE.md',
  'SECURITY.md',
  'CHANGELOG.md',
  ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`),
  'examples/README.md',
  ...readdirSync(join(root, 'examples'))
    .map((name) => `examples/${name}/README.md`)
    .filter((path) => existsSync(join(root, path))),
]
  .filter((path) => path.endsWith('.md'))
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))

interface Page {
  readonly path: string
  readonly text: string
}

/** A fenced block. `line` is that of its fence, from 1. */
interface Block {
  readonly page: string
  readonly line: number
  readonly language: string
  readonly code: string
}

/**
 * `ts` is compiled, `yaml` is a Coatcheck config or some top-level options of one, `json` is parsed, `sh` is looked at for
 * commands, `jsx` is a file of the Next.js example, word for word. Other people's YAML is `yml`.
 */
const languages = ['ts', 'tsx', 'js', 'yaml', 'yml', 'json', 'sh', 'diff', 'html', 'nginx', 'caddy', 'csharp', 'jsx']

function blocksOf({ path, text }: Page): Block[] {
  const blocks: Block[] = []
  let open: { indent: string; language: string; line: number; code: string[] } | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^( *)```(.*)$/.exec(line)
    if (open === undefined) {
      if (fence !== null) open = { indent: fence[1] ?? '', language: fence[2] ?? '', line: index + 1, code: [] }
    } else if (fence !== null && fence[1] === open.indent && fence[2] === '') {
      blocks.push({ page: path, line: open.line, language: open.language, code: open.code.join('\n') })
      open = undefined
    } else open.code.push(line.slice(open.indent.length))
  }
  if (open !== undefined) throw new Error(`${path}:${open.line} is never closed`)
  return blocks
}

const blocks = pages.flatMap(blocksOf)
const inLanguage = (language: string): Block[] => blocks.filter((block) => block.language === language)
const place = ({ page, line }: Block): string => `${page}:${line}`

test('every block says in which of the known languages it is', () => {
  expect(blocks.filter(({ language }) => !languages.includes(language)).map(place)).toEqual([])
  expect(inLanguage('ts').length).toBeGreaterThan(3)
  expect(inLanguage('yaml').length).toBeGreaterThan(3)
})

const compilerOptions = {
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  module: 'nodenext',
  moduleDetection: 'force',
  target: 'es2023',
  lib: ['es2023', 'dom', 'dom.iterable'],
  types: ['node'],
  noEmit: true,
  skipLibCheck: true,
}

/**
 * Compiles TypeScript against the built package, as a user would; gives what the compiler says. The blocks of a page may
 * import each other: one that begins with a comment like `// bff.ts` is that file.
 */
async function compile(written: readonly Block[]): Promise<string> {
  mkdirSync(join(root, '.cache'), { recursive: true })
  // Inside the package, where its own name leads to its exports.
  const folder = mkdtempSync(join(root, '.cache/docs-code-'))
  try {
    for (const { page, line, code } of written) {
      const name = /^\/\/ ([\w-]+\.ts)\n/.exec(code)?.[1] ?? `line-${line}.ts`
      const file = join(folder, page, name)
      mkdirSync(dirname(file), { recursive: true })
      // The compiler then names the line of the page.
      writeFileSync(file, '\n'.repeat(line) + code)
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['**/*.ts'] }))
    return await new Promise((resolve) => {
      const compiler = join(root, 'node_modules/typescript/bin/tsc')
      execFile(process.execPath, [compiler, '-p', folder, '--pretty', 'false'], { cwd: folder }, (error, stdout, stderr) =>
        resolve(error === null ? '' : stdout + stderr),
      )
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A recipe is a file of examples/recipes, where it is compiled and used with the library that it is for. */
const isRecipe = ({ page, code }: Block): boolean => page === 'docs/recipes.md' && /^\/\/ [\w.-]+\.tsx?\n/.test(code)

test('the TypeScript of every page compiles against the built package', async () => {
  expect(await compile(inLanguage('ts').filter((block) => !isRecipe(block)))).toBe('')
})

test('every recipe is a file of the example that tests it, in at most 15 lines', () => {
  const folder = join(root, 'examples/recipes/src')
  const shown = [...inLanguage('ts'), ...inLanguage('tsx')].filter(isRecipe).map(({ code }) => `${code}\n`)
  expect(shown.toSorted()).toEqual(
    readdirSync(folder)
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .toSorted(),
  )
  for (const code of shown) expect(code.split('\n').length, code).toBeLessThanOrEqual(16)
})

test('TypeScript that uses what is not there is told with its page and line', async () => {
  const wrong = {
    page: 'docs/planted.md',
    line: 7,
    language: 'ts',
    code: "import { attach } from 'coatcheck/node'\nattach(1, 2)",
  }
  expect(await compile([wrong])).toContain('docs/planted.md/line-7.ts(9,')
})

test.each(inLanguage('jsx').map((block) => [place(block), block.code]))(
  'the code at %s is that of the example',
  (_place, code) => {
    const [first = '', ...rest] = code.split('\n')
    const file = readFileSync(join(root, 'examples/next', first.replace(/^\/\/ /, '')), 'utf8')
    expect(rest.join('\n')).toBe(file.trimEnd())
  },
)

const fakeEnv = { CLIENT_SECRET: 'not-a-real-one', COATCHECK_SECRET: 'mB3n8Jz0Qe5rT7yU2iO9pA4sD6fG1hK3lZ5xC7vB9nM' }
const minimal = {
  origin: 'https://app.example.com',
  provider: { issuer: 'https://id.example.com', clientId: 'web-bff', clientSecret: 'not-a-real-one' },
  session: { secrets: [fakeEnv.COATCHECK_SECRET] },
  routes: [{ path: '/api/', upstream: 'http://127.0.0.1:3000/' }],
}

/** Throws what is wrong with a config, or with some options when they are put into a small one. */
function resolveBlock(code: string): unknown {
  const { value, problems } = parseConfig(code)
  if (problems.length > 0 || typeof value !== 'object' || value === null)
    throw new Error(`no YAML mapping: ${JSON.stringify(problems)}`)
  const whole = Object.hasOwn(value, 'origin') ? value : { ...minimal, ...value }
  return resolveConfig(whole, { env: fakeEnv, readFile: () => fakeEnv.COATCHECK_SECRET, baseDir: '/nowhere' })
}

test.each(inLanguage('yaml').map((block) => [place(block), block.code]))('the config at %s is valid', (_place, code) => {
  expect(() => resolveBlock(code)).not.toThrow()
})

test('a config with an unknown option is refused', () => {
  expect(() => resolveBlock('csrf: { cookies: true }')).toThrow('csrf.cookies')
})

test.each(inLanguage('json').map((block) => [place(block), block.code]))('the JSON at %s is JSON', (_place, code) => {
  expect(() => JSON.parse(code) as unknown).not.toThrow()
})

/** GitHub's anchors: lower case, without marks, blanks as hyphens. */
function anchorsOf(text: string): string[] {
  const prose = text.replace(/^( *)```[\s\S]*?^\1```$/gm, '')
  return [...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** Every link and image that leads nowhere. */
function brokenLinks({ path, text }: Page): string[] {
  const prose = text.replace(/^( *)```[\s\S]*?^\1```$/gm, '')
  return [...prose.matchAll(/\]\(([^()\s]+)\)/g)].flatMap(([, target = '']) => {
    if (target.startsWith('https://')) return []
    const [file = '', anchor] = target.split('#', 2)
    const found = file === '' ? join(root, path) : join(root, dirname(path), file)
    if (!existsSync(found) || relative(root, found).startsWith('..')) return [`${path}: ${target}`]
    return anchor === undefined || anchorsOf(readFileSync(found, 'utf8')).includes(anchor) ? [] : [`${path}: ${target}`]
  })
}

test('every relative link leads to a file and a heading of this repository', () => {
  expect(pages.flatMap(brokenLinks)).toEqual([])
})

test('a link to a missing page, a missing heading or another folder is found', () => {
  const text = '[a](gone.md) [b](../README.md#gone) ![c](../../x.svg) [d](options.md) [e](https://example.com/)'
  expect(brokenLinks({ path: 'docs/planted.md', text })).toHaveLength(3)
})

test('the page of errors has every code with its status, and no other', () => {
  const page = pages.find(({ path }) => path === 'docs/errors.md')?.text ?? ''
  const told = [...page.matchAll(/^\| \[`(\w+)`\]\(#\1\) +\| (\d+) +\|/gm)].map(([, code = '', status]) => [code, Number(status)])
  expect(Object.fromEntries(told)).toEqual(
    Object.fromEntries(Object.entries(errorTable).map(([code, { status }]) => [code, status])),
  )
})

test('the page of errors says of every code what is seen, why, and what to do', () => {
  const page = pages.find(({ path }) => path === 'docs/errors.md')?.text ?? ''
  const told = [...page.matchAll(/^## `(\w+)`\n\n- \*\*Seen:\*\* .+\n- \*\*Why:\*\* .+\n- \*\*Do:\*\* .+$/gm)].map(
    ([, code]) => code,
  )
  expect(told.toSorted()).toEqual(Object.keys(errorTable).toSorted())
})

describe('the commands of the pages exist', async () => {
  const said =
    inLanguage('sh')
      .map(({ code }) => code)
      .join('\n') + pages.map(({ text }) => text).join('\n')
  let help = ''
  await run(['--help'], { stdout: { write: (text) => void (help += text) }, stderr: { write: () => undefined }, env: {} })
  const commands = [...help.matchAll(/^ {2}(\w+) \[options\]|^ {2}(\w+) {2}/gm)].map(([, one, other]) => one ?? other)
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }

  test.each([...new Set([...said.matchAll(/(?:npx |`|\n)coatcheck ([a-z]+)/g)].map(([, name]) => name))])(
    'coatcheck %s',
    (name) => {
      expect(commands).toContain(name)
    },
  )

  test.each([...new Set([...said.matchAll(/\bnpm run ([a-z:-]+)/g)].map(([, name]) => name ?? ''))])('npm run %s', (name) => {
    expect(scripts).toHaveProperty([name])
  })
})
