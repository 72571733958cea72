// Installs the given Node versions and does on each what a newcomer does: npm ci, npm test, npm run demo, in a copy of the tree.
// The browser tests run with --browser only: what they prove of Coatcheck does not change with Node.
import { execFile, spawn } from 'node:child_process'
import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { installNode } from './node-binary.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const notCopied = new Set(['node_modules', 'dist', '.git', 'coverage', 'coatcheck-data', '.cache', '.run', '.venv'])
const words = process.argv.slice(2)
const versions = words.filter((word) => !word.startsWith('--'))
const projects = words.includes('--browser') ? [] : ['--project', 'unit', '--project', 'system']
const run = promisify(execFile)
const count = { passed: 0, failed: 0 }

function fail(what, detail) {
  count.failed += 1
  console.log(`FAILED  ${what}\n${detail}`)
}

/** Runs a command, shows what it prints, and gives that and the exit code. */
function follow(command, commandWords, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, commandWords, { ...options, stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
      process.stdout.write(chunk)
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
  })
}

async function runTests(name, options) {
  const { code, output } = await follow('npm', ['test', '--', ...projects], options)
  const line = [...output.matchAll(/^(\d+) passed, (\d+) failed(?:, \d+ skipped)?$/gm)].at(-1)
  count.passed += Number(line?.[1] ?? 0)
  count.failed += Number(line?.[2] ?? 0)
  if (line === undefined || (code !== 0 && line[2] === '0')) fail(`${name}: npm test`, `exit ${code}`)
}

/** Starts the demo, waits until it says where it is, asks it, and ends it with Ctrl-C's signal. */
async function runDemo(name, port, options) {
  const child = spawn('npm', ['run', 'demo'], { ...options, env: { ...options.env, DEMO_PORT: String(port) }, detached: true })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  let said = ''
  const up = new Promise((resolve, reject) => {
    const listen = (chunk) => {
      said += chunk
      if (said.includes('The demo runs')) resolve()
    }
    child.stdout.on('data', listen)
    child.stderr.on('data', listen)
    void ended.then(() => reject(new Error('it ended')))
    setTimeout(() => reject(new Error('not up within 60 s')), 60_000).unref()
  })
  try {
    await up
    const response = await fetch(`http://127.0.0.1:${port}/bff/session`)
    const body = await response.text()
    if (body !== '{"authenticated":false}') throw new Error(`/bff/session answered ${response.status} ${body}`)
    count.passed += 1
    console.log(`ok      ${name}: npm run demo`)
  } catch (error) {
    fail(`${name}: npm run demo: ${error.message}`, said)
  } finally {
    // npm does not always pass a signal on; the whole group of this child gets it.
    if (child.exitCode === null && child.pid !== undefined) process.kill(-1 * child.pid, 'SIGINT')
    await ended
  }
}

async function runVersion(version, index) {
  const work = mkdtempSync(join(tmpdir(), `coatcheck-node-${version}-`))
  // PostgreSQL's binaries are run by a user of their own.
  chmodSync(work, 0o755)
  const name = `Node ${version}`
  try {
    const bin = await installNode(version, work)
    const tree = join(work, 'tree')
    cpSync(root, tree, { recursive: true, filter: (path) => path === root || !notCopied.has(basename(path)) })
    const options = { cwd: tree, env: { ...process.env, PATH: bin + delimiter + process.env.PATH } }
    const { stdout } = await run('node', ['--version'], options)
    if (!stdout.startsWith(`v${version}`)) throw new Error(`the PATH gives ${stdout}`)
    console.log(`\n== ${name}: ${stdout.trim()} ==`)
    await run('npm', ['ci', '--engine-strict'], options)
    await runTests(name, options)
    await runDemo(name, 18_080 + 10 * index, options)
  } catch (error) {
    fail(name, [error.message, error.stdout, error.stderr].filter(Boolean).join('\n'))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

if (versions.length === 0) fail('no version given', 'usage: node scripts/node-matrix.mjs 22 24 [--browser]')
for (const [index, version] of versions.entries()) await runVersion(version, index)
if (count.failed > 0) process.exitCode = 1
console.log(`\n${count.passed} passed, ${count.failed} failed`)
