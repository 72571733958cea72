// Runs the test of every example, or of those named, from clean: its own `npm ci`, with this package as it is built now.
import { execFile, spawn } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual, promisify } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const run = promisify(execFile)
const count = { passed: 0, failed: 0 }
const manifest = readJson('package.json')

function readJson(path) {
  return JSON.parse(readFileSync(join(root, path), 'utf8'))
}

function fail(name, detail) {
  count.failed += 1
  console.log(`FAILED  ${name}\n${detail.replace(/^/gm, '        ')}`)
}

/** Every folder with a test of its own. */
function examples() {
  return readdirSync(join(root, 'examples')).filter(
    (name) =>
      existsSync(join(root, 'examples', name, 'package.json')) &&
      readJson(`examples/${name}/package.json`).scripts?.test !== undefined,
  )
}

/** What is wrong with an example's lock file: it names a host, or has other dependencies for this package than it has. */
function lockProblems(name) {
  const { packages } = readJson(`examples/${name}/package-lock.json`)
  const hosts = Object.entries(packages).filter(([, { resolved = 'file:' }]) => !/^(file:|\.\.\/)/.test(resolved))
  const own = packages['node_modules/coatcheck']
  const isOld =
    own !== undefined &&
    ['dependencies', 'optionalDependencies'].some((kind) => !isDeepStrictEqual(own[kind] ?? {}, manifest[kind] ?? {}))
  return [
    ...hosts.map(([path]) => `package-lock.json names a host for ${path}`),
    ...(isOld
      ? [
          `package-lock.json has other dependencies for coatcheck than package.json: take node_modules/coatcheck out of it, then npm install`,
        ]
      : []),
  ]
}

/** Runs a command, shows what it prints, and gives that and the exit code. */
function follow(command, words, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
  })
}

async function runExample(name) {
  const startedAtMs = Date.now()
  const cwd = join(root, 'examples', name)
  const problems = lockProblems(name)
  if (problems.length > 0) return fail(name, problems.join('\n'))
  await run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd, maxBuffer: 64 * 1024 * 1024 })
  const { code, output } = await follow('npm', ['test'], { cwd })
  const passed = Number(/^# pass (\d+)$|^(\d+) passed, \d+ failed/m.exec(output)?.slice(1).find(Boolean) ?? 0)
  const failed = Number(/^# fail (\d+)$|^\d+ passed, (\d+) failed/m.exec(output)?.slice(1).find(Boolean) ?? 0)
  count.passed += passed
  if (code === 0 && passed > 0 && failed === 0) {
    console.log(`ok      ${name}: ${passed} tests, ${Math.round((Date.now() - startedAtMs) / 1000)} s with its npm ci`)
    return undefined
  }
  fail(name, `exit ${code}\n${output}`)
  count.failed += Math.max(0, failed - 1)
  return undefined
}

const asked = process.argv.slice(2)
const found = examples()
for (const name of asked.filter((name) => !found.includes(name))) fail(name, 'there is no such example')
try {
  await run('npm', ['run', 'build'], { cwd: root })
  for (const name of asked.length === 0 ? found : found.filter((name) => asked.includes(name))) {
    try {
      await runExample(name)
    } catch (error) {
      fail(name, [error.message, error.stdout, error.stderr].filter(Boolean).join('\n'))
    }
  }
} catch (error) {
  fail('npm run build', [error.message, error.stdout, error.stderr].filter(Boolean).join('\n'))
}
if (count.failed > 0) process.exitCode = 1
console.log(`\n${count.passed} passed, ${count.failed} failed`)
