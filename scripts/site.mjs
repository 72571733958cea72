// Builds the documentation site from clean into site/dist, and tests it.
import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const cwd = fileURLToPath(new URL('../site', import.meta.url))
const env = { ...process.env, NO_COLOR: '1' }

execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] })
execFileSync(process.execPath, ['build.js'], { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] })
const { status, stdout } = spawnSync(process.execPath, ['--test', '--test-reporter', 'tap'], { cwd, env, encoding: 'utf8' })
const count = (word) => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(stdout)?.[1] ?? 0)
if (status !== 0) {
  console.log(stdout)
  process.exitCode = 1
}
console.log(`The site is in ${join(cwd, 'dist')}`)
console.log(`\n${count('pass')} passed, ${count('fail')} failed`)
