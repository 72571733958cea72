/**
 * `npm run fuzz [-- --seconds N --seed N --runs N]`: the property tests of all parsers with many cases, then broken requests at a
 * running gateway, ten minutes of them. A failure prints the seed that shows it again.
 */
import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { Command, InvalidArgumentError } from 'commander'

/** @param {string} text */
function count(text) {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('a whole number')
  return text
}

const { seconds, seed, runs } = new Command('fuzz')
  .option('--seconds <count>', 'how long broken requests are sent', count, '600')
  .option('--seed <number>', 'the same requests again', count, String(randomInt(1e9)))
  .option('--runs <count>', 'cases of each property', count, '5000')
  .parse()
  .opts()

/** @param {string[]} words @param {Record<string, string>} env */
function vitest(words, env) {
  const { status } = spawnSync('npx', ['vitest', 'run', ...words], {
    stdio: 'inherit',
    env: { ...process.env, ...env },
    shell: process.platform === 'win32',
  })
  return status ?? 1
}

const properties = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .map((name) => `src/${name.replaceAll('\\', '/')}`)
  .filter((path) => path.endsWith('.test.ts') && readFileSync(path, 'utf8').includes("from 'fast-check'"))
process.stdout.write(`${runs} cases of each property in ${properties.length} files\n`)
const ofParsers = vitest(['--testTimeout=600000', ...properties], { FUZZ_RUNS: runs })

process.stdout.write(`seed ${seed}, ${seconds} s\n`)
const ofGateway = vitest(['--reporter=verbose', 'test/security/fuzz-raw-bytes.test.ts'], {
  FUZZ_SECONDS: seconds,
  FUZZ_SEED: seed,
})
process.exitCode = ofParsers || ofGateway
