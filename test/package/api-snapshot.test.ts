import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { publicApi } from './public-api.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { exports: entries } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as {
  exports: Record<string, string | { types: string; default: string }>
}

function readDeclarationTree(): Map<string, string> {
  const names = readdirSync(`${root}/dist`, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.d.ts'))
  return new Map(names.map((name) => [name.replaceAll('\\', '/'), readFileSync(`${root}/dist/${name}`, 'utf8')]))
}

// A change here is a change for users: see the changelog, then `npx vitest run test/package -u`.
test('the public API is the recorded one', async () => {
  const tree = readDeclarationTree()
  const parts = Object.entries(entries).flatMap(([subpath, entry]) =>
    typeof entry === 'string' ? [] : [`# coatcheck${subpath.slice(1)}\n\n${publicApi(entry.types.replace('./dist/', ''), tree)}`],
  )
  await expect(parts.join('\n')).toMatchFileSnapshot('./api.snapshot.txt')
})

test('a changed declaration that only a public one uses is seen, and a private one is not', () => {
  const tree = (field: string, secret: string): Map<string, string> =>
    new Map([
      ['index.d.ts', "export { start as createBff } from './bff.ts';\nexport * from './errors.ts';\n"],
      [
        'bff.d.ts',
        "import type { Options } from './options.ts';\n/** Starts. */\nexport declare function start(options: Options): void;\n",
      ],
      [
        'options.d.ts',
        `interface Deep {\n    ${field}: number;\n}\nexport interface Options {\n    deep: Deep;\n}\nexport interface Secret {\n    ${secret}: 1;\n}\n`,
      ],
      ['errors.d.ts', 'export declare class BffError extends Error {\n}\n'],
    ])
  const api = publicApi('index.d.ts', tree('port', 'a'))
  expect(api).toContain('exports BffError, createBff\n')
  expect(api).toContain('port: number')
  expect(api).not.toContain('Starts')
  expect(publicApi('index.d.ts', tree('port', 'b'))).toBe(api)
  expect(publicApi('index.d.ts', tree('host', 'a'))).not.toBe(api)
})

test('an entry without declarations is an error', () => {
  expect(() => publicApi('gone.d.ts', new Map())).toThrow('There is no gone.d.ts')
})
