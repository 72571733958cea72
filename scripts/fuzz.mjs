/**
 * `npm run fuzz [-- --seconds N --seed N]`: broken requests at a running gateway, ten minutes of them, and the property tests
 * of all parsers. A failure prints the seed that shows it again.
 */
import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { Command, InvalidArgumentError } from 'commander'

/** @param {string} text */
function count(text) {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('a whole number')
  return text
}

const { seconds, seed } = new Command('fuzz')
  .option('--seconds <count>', 'how long', count, '600')
  .option('--seed <number>', 'the same requests again', count, String(randomInt(1e9)))
  .parse()
  .opts()

process.stdout.write(`seed ${seed}, ${seconds} s\n`)
const { status } = spawnSync('npx', ['vitest', 'run', '--reporter=verbose', 'test/security/fuzz-raw-bytes.test.ts'], {
  stdio: 'inherit',
  env: { ...process.env, FUZZ_SECONDS: seconds, FUZZ_SEED: seed },
  shell: process.platform === 'win32',
})
process.exitCode = status ?? 1
