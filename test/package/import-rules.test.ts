import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { importViolations } from './import-rules.ts'
import { sourceViolations } from './source-rules.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

function readTree(...folders: string[]): Map<string, string> {
  const paths = folders.flatMap((folder) =>
    readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' }).map(
      (name) => `${folder}/${name.replaceAll('\\', '/')}`,
    ),
  )
  const sources = paths.filter((path) => /\.(ts|tsx|mjs)$/.test(path) && !/\/(dist|node_modules)\//.test(path))
  return new Map(sources.map((path) => [path, readFileSync(`${root}/${path}`, 'utf8')]))
}

test('the source keeps to the layout', () => {
  const tree = readTree('src')
  expect(tree.size).toBeGreaterThan(5)
  expect(importViolations(tree)).toEqual([])
})

test('every file keeps to the habits of naming and size', () => {
  expect(sourceViolations(readTree('src', 'test', 'demo', 'scripts'))).toEqual([])
})

describe('the import rules refuse', () => {
  const planted: [breach: string, tree: Record<string, string>, words: string][] = [
    [
      'session importing login',
      { 'src/session/tokens.ts': "import { x } from '../login/provider.ts'" },
      'login stands above session',
    ],
    [
      'session importing proxy, as a type',
      { 'src/session/a.ts': "import type { X } from '../proxy/upstream.ts'" },
      'proxy stands above session',
    ],
    ['login importing proxy', { 'src/login/provider.ts': "import { createFetch } from '../proxy/upstream.ts'" }, 'side by side'],
    ['proxy importing login', { 'src/proxy/proxy.ts': "import { x } from '../login/provider.ts'" }, 'side by side'],
    ['routes importing bff', { 'src/routes.ts': "import {\n  a,\n  b,\n} from './bff.ts'" }, 'bff stands above routes'],
    [
      'proxy using the route table',
      { 'src/proxy/proxy.ts': "import { compileRoutes } from '../routes.ts'" },
      'routes stands above proxy',
    ],
    [
      'login knowing routes, as a type',
      { 'src/login/start.ts': "import type { Route } from '../routes.ts'" },
      'routes stands above login',
    ],
    ['the gateway importing the command line', { 'src/gateway/server.ts': "import { x } from '../cli/main.ts'" }, 'side by side'],
    ['the foundation importing a layer', { 'src/guard.ts': "import type { X } from './session/session.ts'" }, 'foundation'],
    ['the browser client importing a package', { 'src/browser/client.ts': "import React from 'react'" }, 'imports nothing'],
    ['the browser client importing node', { 'src/browser/client.ts': "import { x } from 'node:url'" }, 'imports nothing'],
    ['the browser client importing the server', { 'src/browser/client.ts': "import '../errors.ts'" }, 'imports nothing'],
    ['compat importing the server', { 'src/compat/page.ts': "import '../errors.ts'" }, 'the browser client alone'],
    ['react importing the server', { 'src/react/react.ts': "import '../errors.ts'" }, 'the browser client alone'],
    ['the server importing the browser client', { 'src/bff.ts': "import './browser/client.ts'" }, 'no part of the server'],
    [
      'session choosing a store',
      { 'src/session/sessions.ts': "import { memoryStore } from '../stores/memory.ts'" },
      'only stores/store.ts',
    ],
    ['a layer nobody placed', { 'src/extras/a.ts': "import { x } from '../session/session.ts'" }, 'no place'],
    ['openid-client elsewhere', { 'src/login/callback.ts': "import * as client from 'openid-client'" }, 'only'],
    ['undici in login, loaded late', { 'src/login/provider.ts': "const undici = await import('undici')" }, 'only'],
    ['jose in session', { 'src/session/seal.ts': "import { jwtVerify } from 'jose/jwt/verify'" }, 'only'],
    ['a driver outside its store', { 'src/stores/memory.ts': "require('@photostructure/sqlite')" }, 'only'],
    ['node:sqlite outside its store', { 'src/stores/memory.ts': "process.getBuiltinModule('node:sqlite')" }, 'only'],
    ['a package of no rule', { 'src/cli/main.ts': "import chalk from 'chalk'" }, 'in no rule'],
    ['a re-export against the order', { 'src/session/a.ts': "export { x } from '../bff.ts'" }, 'bff stands above session'],
    ['a file that is not there', { 'src/session/a.ts': "import { x } from './gone.ts'" }, 'no such file'],
    [
      'an index that does something',
      { 'src/index.ts': "export { x } from './bff.ts'\nexport const y = 1" },
      'more than re-export',
    ],
    [
      'a cycle',
      {
        'src/session/a.ts': "import { b } from './b.ts'",
        'src/session/b.ts': "import { c } from './c.ts'",
        'src/session/c.ts': "import { a } from './a.ts'",
      },
      'cycle: src/session/a.ts -> src/session/b.ts -> src/session/c.ts',
    ],
  ]
  const existing = [
    'session/session',
    'login/provider',
    'proxy/upstream',
    'routes',
    'bff',
    'cli/main',
    'stores/memory',
    'stores/store',
    'browser/client',
    'errors',
  ].map((name) => [`src/${name}.ts`, ''])

  test.each(planted)('%s', (_breach, tree, words) => {
    const violations = importViolations(new Map(Object.entries({ ...Object.fromEntries(existing), ...tree })))
    expect(violations).toHaveLength(1)
    expect(violations[0]).toContain(words)
  })

  test('nothing that follows the layout', () => {
    const tree = {
      ...Object.fromEntries(existing),
      'src/index.ts': "/** The public API. */\nexport { createBff } from './bff.ts'\nexport type {\n  Bff,\n} from './bff.ts'\n",
      'src/bff.ts':
        "import { memory } from './stores/memory.ts'\nimport { open } from './login/provider.ts'\nimport { forward } from './proxy/upstream.ts'",
      'src/login/provider.ts': "import * as client from 'openid-client'\nimport type { Session } from '../session/session.ts'",
      'src/proxy/upstream.ts': "import { Pool } from 'undici'\nimport { createServer } from 'node:http'",
      'src/proxy/proxy.ts': "import type { ProxyRoute } from '../routes.ts'",
      'src/session/ring.ts': "import type { Session } from './session.ts'",
      'src/session/session.ts':
        "import { ring } from './ring.ts'\nimport type { SessionStore } from '../stores/store.ts'\n// taken from 'nowhere'",
    }
    expect(importViolations(new Map(Object.entries(tree)))).toEqual([])
  })
})

/** Keeps a planted breach from being one of this file's own. */
function words(...parts: string[]): string {
  return parts.join(' ')
}

describe('the habits refuse', () => {
  const planted: [breach: string, path: string, source: string][] = [
    ['a long file', 'src/session/a.ts', 'x\n'.repeat(301)],
    ['a drawer of a file', 'src/session/cookie-utils.ts', ''],
    ['a drawer of a folder', 'src/shared/cookie.ts', ''],
    ['a name in camelCase', 'src/session/readCookie.ts', ''],
    ['work left for later', 'src/session/a.ts', words('//', ['TO', 'DO'].join(''))],
    ['any', 'src/session/a.ts', words('const x:', 'any', '= 1')],
    ['what Node 20 answers wrongly', 'src/session/a.ts', 'if (URL.canParse(text)) read(text)'],
    ['a cast through unknown', 'src/session/a.ts', words('x as', 'unknown', 'as Y')],
  ]
  test.each(planted)('%s', (_breach, path, source) => {
    expect(sourceViolations(new Map([[path, source]]))).toHaveLength(1)
  })

  test('nothing of a plain file', () => {
    expect(
      sourceViolations(new Map([['src/session/a.test.ts', '/** Takes any value. */\nexport const company = 1\n'.repeat(150)]])),
    ).toEqual([])
  })
})
