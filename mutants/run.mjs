/**
 * `npm run mutants [-- WORDS]`: makes each weakening of the tables beside this file in a copy of the sources, and shows that
 * some test fails. A survivor is a missing test. WORDS choose mutants by their file or by what they weaken. Writes
 * docs/mutants.md where all of them ran.
 */
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { guard } from './guard.mjs'
import { loginMutants } from './login.mjs'
import { proxy } from './proxy.mjs'
import { session } from './session.mjs'

/** @typedef {{ original: string, mutant: string }} Change */
/** @typedef {Change & { file: string, weakens: string, tests: readonly string[], also?: readonly Change[], explained?: string }} Mutant */
/** @typedef {{ mutant: Mutant, killer: string | undefined }} Result */

const root = fileURLToPath(new URL('..', import.meta.url))
const words = process.argv.slice(2)
/** @type {readonly Mutant[]} */
const all = [...guard, ...loginMutants, ...session, ...proxy]
const chosen = all.filter(({ file, weakens }) => words.every((word) => `${file} ${weakens}`.includes(word)))
/** What runs where the named tests notice nothing. */
const everything = ['src', 'test/conformance', 'test/flows', 'test/proxy', 'test/security']

/** A copy of all that the tests read, in which one mutant lives at a time. */
function makeCopy() {
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-mutants-'))
  const wanted = ['src', 'test', 'package.json', 'tsconfig.base.json', 'tsconfig.json', 'vitest.mutants.config.ts']
  for (const name of wanted) cpSync(join(root, name), join(folder, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

/** The source with the change in it. @type {(source: string, mutant: Mutant) => string} */
function mutate(source, { file, original, mutant, also = [] }) {
  let text = source
  for (const change of [{ original, mutant }, ...also]) {
    const parts = text.split(change.original)
    if (parts.length !== 2) throw new Error(`${file}: found ${parts.length - 1} times instead of once: ${change.original}`)
    text = parts.join(change.mutant)
  }
  return text
}

/** The words of the first test that fails. @type {(folder: string, tests: readonly string[], tries?: number) => Promise<string | undefined>} */
function failing(folder, tests, tries = 3) {
  return new Promise((resolve) => {
    const args = ['node_modules/vitest/vitest.mjs', 'run', '-c', 'vitest.mutants.config.ts', '--bail', '1', ...tests]
    const run = spawn(process.execPath, args, { cwd: folder, env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '' } })
    let output = ''
    for (const stream of [run.stdout, run.stderr])
      stream.on('data', (/** @type {Buffer} */ chunk) => (output += chunk.toString()))
    run.on('close', (code) => {
      const test = /FAIL\s+(\S+\.test\.ts(?: > [^\n]*)?)/.exec(output)?.[1]
      // A run that found no test at all proves nothing.
      const ran = /Tests\s+.*\d+ (passed|failed)|FAIL/.test(output)
      // Now and then Vitest ends before it begins.
      if (!ran && tries > 1) {
        resolve(failing(folder, tests, tries - 1))
        return
      }
      if (!ran) throw new Error(`no test ran: ${tests.join(' ')}\n${output.slice(-2000)}`)
      resolve(code === 0 ? undefined : (test ?? 'a test'))
    })
  })
}

/** @type {(folder: string, mutant: Mutant) => Promise<string | undefined>} */
async function judge(folder, mutant) {
  const path = join(folder, mutant.file)
  const source = readFileSync(path, 'utf8')
  writeFileSync(path, mutate(source, mutant))
  try {
    const killer = await failing(folder, mutant.tests)
    // Where something else holds as well, no test can tell, and all of them need minutes to say so.
    return killer ?? (mutant.explained === undefined ? await failing(folder, everything) : undefined)
  } finally {
    writeFileSync(path, source)
  }
}

for (const mutant of chosen) mutate(readFileSync(join(root, mutant.file), 'utf8'), mutant)

/** @type {Result[]} */
const results = []
const waiting = [...chosen]
async function work() {
  const folder = makeCopy()
  try {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const startedMs = performance.now()
      const killer = await judge(folder, mutant)
      results.push({ mutant, killer })
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
      process.stdout.write(
        `${killer !== undefined ? 'killed   ' : mutant.explained === undefined ? 'SURVIVED ' : 'explained'} ${seconds.padStart(5)} s  ${mutant.file}: ${mutant.weakens}\n`,
      )
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

await Promise.all(Array.from({ length: Math.min(2, cpus().length, chosen.length) }, work))
const survivors = results.filter(({ killer, mutant }) => killer === undefined && mutant.explained === undefined)
if (words.length === 0) writeFileSync(join(root, 'docs/mutants.md'), page())
process.stdout.write(`\n${results.length - survivors.length} passed, ${survivors.length} failed\n`)
if (survivors.length > 0 || results.length === 0) process.exitCode = 1

function page() {
  /** @type {(text: string) => string} */
  const cell = (text) => text.replaceAll('|', '\\|')
  const rows = chosen.map((mutant) => {
    const killer = results.find((result) => result.mutant === mutant)?.killer
    const shown = killer ?? (mutant.explained === undefined ? '**survived**' : `none: ${mutant.explained}`)
    return `| \`${mutant.file}\` | ${cell(mutant.weakens)} | ${cell(shown)} |`
  })
  return `# Mutants

Made by \`npm run mutants\`: ${results.length} weakenings of the guard, the login, sessions and the proxy, one at a time, each in a copy of
the sources. ${results.filter(({ killer }) => killer !== undefined).length} are noticed by a test. For the others the table says why no test can: ${results.length - survivors.length - results.filter(({ killer }) => killer !== undefined).length} of them; ${survivors.length} are not explained. The weakenings stand in \`mutants/\`.

| file | what it weakens | first test that fails |
| ---- | --------------- | --------------------- |
${rows.join('\n')}
`
}
