import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { ConfigError } from '../errors.ts'
import { loadConfig } from './load.ts'

const folder = mkdtempSync(join(tmpdir(), 'coatcheck-load-'))
afterAll(() => rmSync(folder, { recursive: true }))

const secret = 'Zk3v_0q8XnB4rT7yL1sW9uE2aH5cJ6dM-pGfQoIxKwN'
const valid = `
origin: https://app.example.com
provider: { issuer: https://id.example.com, clientId: web, clientSecret: "\${env:CLIENT}" }
session:
  secrets: ["\${file:secret}"]
  store: { type: embedded, path: data }
routes:
  - path: /
    static: ./dist
`

async function problemsOf(source: string, env: Record<string, string> = { CLIENT: 'x' }): Promise<string[]> {
  const readFile = (path: string) => (path.endsWith('coatcheck.yaml') ? source : secret)
  try {
    await loadConfig('/srv/coatcheck.yaml', { env, readFile })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim())
  }
  return []
}

test('a file on disk is read; its relative paths start from its own folder', async () => {
  writeFileSync(join(folder, 'coatcheck.yaml'), valid)
  writeFileSync(join(folder, 'real'), `${secret}\n`)
  symlinkSync(join(folder, 'real'), join(folder, 'secret'))
  const config = await loadConfig(join(folder, 'coatcheck.yaml'), { env: { CLIENT: 'x' } })
  expect(config.session.secrets[0]?.reveal()).toBe(secret)
  expect(config.session.store).toEqual({ type: 'embedded', path: join(folder, 'data') })
  expect(config.routes[0]?.static).toBe(join(folder, 'dist'))
})

test('JSON is a config too', async () => {
  const json = {
    origin: 'https://a.example',
    provider: { issuer: 'https://i', clientId: 'w', clientSecret: 'x' },
    session: { secrets: [secret] },
    routes: [{ path: '/', static: 'd' }],
  }
  expect(await problemsOf(JSON.stringify(json))).toEqual([])
  expect(await problemsOf(JSON.stringify({ ...json, routes: 1 }, undefined, 2))).toEqual([
    expect.stringMatching(/^coatcheck\.yaml:\d+:3 routes: is a number; write a list/),
  ])
})

test.each([
  ['a file that is not there', 'nowhere.yaml', 'does not exist; create it'],
  ['a folder', '.', 'no plain file'],
  ['a device that never ends', '/dev/zero', 'no plain file'],
])('%s is a problem', async (_what, file, words) => {
  await expect(loadConfig(join(file.startsWith('/') ? '' : folder, file))).rejects.toThrow(words)
  await expect(loadConfig(join(file.startsWith('/') ? '' : folder, file))).rejects.toBeInstanceOf(ConfigError)
})

test('each problem has line and column, in the order of the file', async () => {
  const source = valid
    .replace('static: ./dist', 'statik: ./dist\n    timeoutSeconds: "30"')
    .replace('origin: https', 'origin: ftp')
  expect(await problemsOf(source, {})).toEqual([
    expect.stringMatching(/^coatcheck\.yaml:2:1 origin: "ftp:\/\/app\.example\.com" is not an origin/),
    'coatcheck.yaml:3:60 provider.clientSecret: needs the environment variable CLIENT, which is not set; set it before the start',
    expect.stringMatching(/^coatcheck\.yaml:8:5 routes\[0\]\.upstream: is missing; a route has/),
    'coatcheck.yaml:9:5 routes[0].statik: unknown option; did you mean `static`?',
    'coatcheck.yaml:10:5 routes[0].timeoutSeconds: is the text "30"; write the number without quotes',
  ])
})

describe('what is wrong as YAML', () => {
  test.each([
    ['an empty file', '', /^coatcheck\.yaml \(config\): is empty; write at least origin/],
    ['a comment alone', '# nothing\n', /is empty/],
    ['null', 'null', /is empty/],
    ['a list', '- a\n- b\n', /^coatcheck\.yaml:1:1 \(config\): is a list; write a mapping of options/],
    ['a text', 'hello', /\(config\): is a text; write a mapping of options/],
    ['a tab', 'listen:\n\tport: 1', /^coatcheck\.yaml:2:1 .*indented with a tab/],
    [
      'an unquoted placeholder in brackets',
      'session:\n  secrets: [ ${env:S} ]\n',
      /^coatcheck\.yaml:2:1\d session\.secrets\[0\]: .*put texts with "\$\{" in quotes/,
    ],
    ['a second colon', 'origin: https: //x', /:1:9 origin: is broken YAML; put texts with special characters/],
    ['a quote that stays open', 'origin: "x', /a quote, comma, colon or bracket is missing/],
    ['a second document', `${valid}---\na: 1`, /begins a second document/],
    ['an unknown alias', 'origin: *x', /alias/],
    [
      'an alias bomb',
      `a: &a [x,x]\n${'bcdefgh'
        .split('')
        .map((n, i) => `${n}: &${n} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`)
        .join('\n')}`,
      /aliases that multiply/,
    ],
    ['a pit of brackets', '['.repeat(20_000), /nested too deeply/],
    ['a pit of list marks', '- '.repeat(20_000), /nested too deeply/],
    ['a list as a name', '? [a]\n: 1', /is a list or mapping in the place of a name/],
  ])('%s', async (_what, source, words) => {
    const problems = await problemsOf(source)
    expect(problems.length).toBeLessThanOrEqual(5)
    expect(problems[0]).toMatch(words)
  })

  test('a key twice and a tag are told together with what is wrong with the options', async () => {
    const problems = await problemsOf(`${valid}origin: https://b.example\nlog: !custom { level: loud }\n`)
    expect(problems).toEqual([
      'coatcheck.yaml:10:1 origin: is written twice; keep one of the two',
      expect.stringMatching(/^coatcheck\.yaml:11:\d+ log: has a tag/),
      expect.stringMatching(/^coatcheck\.yaml:11:\d+ log\.level: is the text "loud"; write one of/),
    ])
  })

  test('a mapping within itself ends in a problem', async () => {
    expect((await problemsOf('a: &x { b: *x, c: *x }')).join('\n')).toContain('a.b: contains itself')
  })
})

test('an alias that is harmless may stay', async () => {
  expect(
    await problemsOf(
      valid.replace('https://app.example.com', '&o https://app.example.com').replace('clientId: web', 'clientId: *o'),
    ),
  ).toEqual([])
})

test('whatever stands in the file, it is taken or refused with a ConfigError, and no secret is told', async () => {
  const parts = [
    'origin',
    'provider',
    'session',
    'secrets',
    'routes',
    ':',
    ': ',
    '\n',
    '\n  ',
    '- ',
    '[',
    ']',
    '{',
    '}',
    '"',
    "'",
    '&a ',
    '*a',
    '!x ',
    '|\n',
    '#',
    '\t',
    '${env:S}',
    '${file:f}',
    '%',
    '---\n',
    '\0',
    '\u2028',
    '1',
    'null',
    secret,
  ]
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.constantFrom(...parts), fc.string({ unit: 'binary', maxLength: 3 })), { maxLength: 30 }),
      async (pieces) => {
        const source = pieces.join('')
        const problems = await problemsOf(source, { S: 'S3CRET-from-outside' })
        expect(problems.length).toBeGreaterThan(0)
        expect(problems.join('\n')).not.toContain('S3CRET-from-outside')
      },
    ),
    { numRuns: 500 },
  )
})

test('a file that breaks in the middle of its secrets does not show them', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: valid.length }),
      fc.constantFrom('"', '[', '{', '\t', ': ', '\n', '*x', '@', '`'),
      async (at, breaker) => {
        const source = valid.replace('"${env:CLIENT}"', secret).replace('"${file:secret}"', secret)
        expect((await problemsOf(source.slice(0, at) + breaker + source.slice(at))).join('\n')).not.toContain(secret.slice(0, 20))
      },
    ),
    { numRuns: 500 },
  )
})
