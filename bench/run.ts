import { mkdirSync, writeFileSync } from 'node:fs'
import { Command } from 'commander'
import { buildOauth2Proxy, installPeers, installPrograms } from './install.ts'
import { measure, summarise, type Slice } from './measure.ts'
import { markdown, replaceBlock, shortTable } from './report.ts'
import { scenarios, type Running } from './scenarios.ts'
import { freePorts, Servers } from './server.ts'
import { startRunning } from './stage.ts'
import { startSurroundings, type Surroundings } from './surroundings.ts'
import { baseName, targets, type Target } from './targets.ts'

/** The benchmark. See bench/README.md for what it measures and how to read it. */
interface Options {
  readonly smoke?: true
  readonly only?: string
  readonly scenarios?: string
  readonly slices?: string
  readonly publish?: true
}

const options = new Command('bench')
  .option('--smoke', 'a quick look at whether everything runs: Coatcheck beside the bare proxy, one short slice of each scenario')
  .option('--only <names>', 'targets whose name contains one of these, separated by ";"')
  .option('--scenarios <names>', `some of ${scenarios.map(({ name }) => name).join(',')}`)
  .option('--slices <count>', 'slices of every target in every scenario')
  .option('--publish', 'write docs/benchmark.md and the table of the README')
  .parse()
  .opts<Options>()

const root = new URL('../../../', import.meta.url).pathname
const folder = `${root}bench/out`
mkdirSync(`${folder}/logs`, { recursive: true })
mkdirSync(`${folder}/bin`, { recursive: true })

const wanted = options.smoke === true ? 'bare;embedded' : options.only
const named = targets.filter(({ name }) => wanted === undefined || wanted.split(';').some((part) => name.includes(part)))
const notes: string[] = []
installPrograms([
  'wrk',
  'nginx',
  ...(named.some(({ program, name }) => name.startsWith('mod_auth') && program) ? ['apache2'] : []),
])
if (named.some(({ callbackPath }) => callbackPath === '/callback')) installPeers()
const noOauth2Proxy = named.some(({ needs }) => needs === 'oauth2-proxy') ? buildOauth2Proxy(`${folder}/bin`) : undefined
if (noOauth2Proxy !== undefined) notes.push(`oauth2-proxy is not in this table: ${noOauth2Proxy}.`)
const chosen = named.filter(({ needs }) => needs !== 'oauth2-proxy' || noOauth2Proxy === undefined)
const chosenScenarios = scenarios
  .filter(({ name }) => options.scenarios?.split(',').includes(name) ?? true)
  .filter(
    // 100 MB do not come through in a second everywhere.
    ({ name }) => options.smoke !== true || name !== 'down100m',
  )

const servers = new Servers(`${folder}/logs`)
const ports = await freePorts(chosen.length)
const originOf = (index: number): string => `http://127.0.0.1:${ports[index]}`
const callbacks = chosen.flatMap(({ callbackPath }, index) =>
  callbackPath === undefined ? [] : [originOf(index) + callbackPath],
)
let surroundings: Surroundings | undefined
try {
  surroundings = await startSurroundings(servers, folder, callbacks, {
    redis: chosen.some(({ needs }) => needs === 'redis'),
    postgres: chosen.some(({ needs }) => needs === 'postgres'),
  })
  const running = new Map<Target, Running>()
  for (const [index, target] of chosen.entries())
    running.set(target, await startRunning(servers, target, ports[index] ?? 0, surroundings))
  const slices = await measureAll(running, surroundings.redisPid)
  publish(slices)
} finally {
  await servers.close()
  await surroundings?.close()
}

async function measureAll(running: ReadonlyMap<Target, Running>, redisPid: number): Promise<Slice[]> {
  const all: Slice[] = []
  for (const scenario of chosenScenarios) {
    const able = [...running].filter(([target]) => target.scenarios.includes(scenario.name))
    const base = options.smoke === true ? undefined : able.find(([target]) => target.name === baseName)?.[1]
    const others = able
      .filter(([, one]) => one !== base)
      .map(([target, one]) => ({
        target: one,
        slices: slicesOf(target, scenario),
        redisPid: target.needs === 'redis' ? redisPid : 0,
      }))
    if (others.length === 0) continue
    const seconds = options.smoke === true ? 1 : scenario.seconds
    // A process that has just begun costs up to half more; V8 is done with the hot path after some 300,000 calls.
    const warmSeconds = options.smoke === true ? 0 : scenario.name === 'get' ? 25 : 2
    const onSlice = ({ target, cpu, count, microseconds, ratio, refused, broken, foreign }: Slice): void => {
      const rate = ((count / microseconds) * 1e6).toFixed(0)
      const trouble = `${refused > 0 ? `  ${refused} NOT 2xx` : ''}${broken > 0 ? `  ${broken} broken` : ''}`
      const times = ratio === undefined ? '' : `  x ${ratio.toFixed(2)}`
      const noise = foreign > 0.05 ? `  others took ${foreign.toFixed(2)}` : ''
      process.stderr.write(
        `${scenario.name.padEnd(9)} ${target.padEnd(32)} ${cpu.toFixed(1).padStart(9)} us ${rate.padStart(7)}/s${times}${trouble}${noise}\n`,
      )
    }
    all.push(
      ...(await measure(scenario, base, others, {
        seconds,
        warmSeconds,
        patienceSeconds: options.smoke === true ? 0 : 60,
        onSlice,
      })),
    )
    writeFileSync(`${folder}/slices.json`, JSON.stringify(all, null, 1))
  }
  return all
}

function slicesOf(target: Target, scenario: (typeof scenarios)[number]): number {
  if (options.smoke === true) return 1
  if (options.slices !== undefined) return Number(options.slices)
  return scenario.name === 'get' ? (target.slices ?? scenario.slices) : scenario.slices
}

function publish(slices: readonly Slice[]): void {
  const summaries = summarise(slices)
  const text = markdown(summaries, chosenScenarios, notes)
  process.stdout.write(`${text}\n`)
  writeFileSync(`${folder}/benchmark.md`, text)
  writeFileSync(`${folder}/benchmark.json`, JSON.stringify({ node: process.version, summaries, slices }, null, 1))
  const wrong = summaries.filter(({ refused, perSecond }) => refused > 0 || !(perSecond > 0))
  if (options.smoke === true && wrong.length > 0) {
    process.exitCode = 1
    process.stderr.write(`wrong answers: ${wrong.map(({ target, scenario }) => `${target} in ${scenario}`).join('; ')}\n`)
  }
  if (options.publish !== true) return
  replaceBlock(`${root}docs/benchmark.md`, 'benchmark', text)
  replaceBlock(`${root}README.md`, 'benchmark', shortTable(summaries))
  writeFileSync(`${root}docs/benchmark.json`, JSON.stringify({ node: process.version, summaries }, null, 1))
}
