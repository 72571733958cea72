import { spawnSync } from 'node:child_process'

/**
 * `npm run lab` starts the attack lab; `npm run lab -- --headless` runs every attack in Chromium and writes the tables
 * into docs/lab.md, docs/lab.json and README.md. `--screenshots` also takes the pictures in docs/lab/; `--check` writes nothing, and
 * fails where the documents say something else.
 */

const [first, ...rest] = process.argv.slice(2)
const takesScreenshots = first === '--screenshots'
const isCheck = first === '--check'
const isHeadless = first === '--headless' || takesScreenshots
const run = (command, args, env = {}) =>
  spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, ...env }, shell: process.platform === 'win32' }).status ?? 1

if (isCheck) process.exitCode = run('npx', ['vitest', 'run', '--project', 'lab'])
else if (isHeadless) {
  const wanted = { LAB_WRITE: '1', ...(takesScreenshots && { LAB_SCREENSHOTS: '1' }) }
  process.exitCode = run('npx', ['vitest', 'run', '--project', 'lab'], wanted)
  if (process.exitCode === 0) process.exitCode = run('npx', ['oxfmt', 'README.md', 'docs/lab.md'])
} else {
  process.exitCode = run('npm', ['run', '--silent', 'build'])
  const args = first === undefined ? [] : [first, ...rest]
  if (process.exitCode === 0) process.exitCode = run(process.execPath, ['dist/cli/bin.js', 'lab', ...args])
}
