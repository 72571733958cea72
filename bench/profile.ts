import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Command } from 'commander'
import { flameGraph, selfTimes, type CpuProfile } from './flame-graph.ts'
import { installPrograms } from './install.ts'
import { scenarios } from './scenarios.ts'
import { Servers, freePorts } from './server.ts'
import { startRunning } from './stage.ts'
import { startSurroundings } from './surroundings.ts'
import { coatcheck } from './targets.ts'

/**
 * Where a proxied call spends its time, and how many bytes it allocates: runs Coatcheck under load, once with V8's
 * profiler and once with its garbage collector's trace, and writes a flame graph and two tables.
 */
const {
  scenario: scenarioName,
  seconds: secondsText,
  publish,
} = new Command('bench:profile')
  .option('--scenario <name>', 'what to load it with', 'get')
  .option('--seconds <count>', 'how long', '8')
  .option('--publish', 'write into docs/perf')
  .parse()
  .opts<{ readonly scenario: string; readonly seconds: string; readonly publish?: true }>()

const root = new URL('../../../', import.meta.url).pathname
const folder = `${root}bench/out`
const out = publish === true ? `${root}docs/perf` : folder
mkdirSync(`${folder}/logs`, { recursive: true })
mkdirSync(out, { recursive: true })
const scenario = scenarios.find(({ name }) => name === scenarioName)
if (scenario === undefined) throw new Error(`there is no scenario ${scenarioName}`)
installPrograms(['wrk', 'nginx'])

/** Runs the load against a gateway of its own, started with these flags of Node; gives calls in it. */
async function underLoad(flags: readonly string[], onLoaded: (calls: number) => void): Promise<void> {
  const servers = new Servers(`${folder}/logs`)
  const [port = 0] = await freePorts(1)
  const target = coatcheck('Coatcheck profiled', { store: 'embedded' })
  const surroundings = await startSurroundings(servers, folder, [`http://127.0.0.1:${port}/bff/callback`], {
    redis: false,
    postgres: false,
  })
  try {
    const flagged = {
      ...target,
      program: (...given: Parameters<typeof target.program>) => withFlags(target.program(...given), flags),
    }
    const running = await startRunning(servers, flagged, port, surroundings)
    await scenario?.load(running, 3)
    const { count } = (await scenario?.load(running, Number(secondsText))) ?? { count: 0 }
    onLoaded(count)
  } finally {
    await servers.close()
    await surroundings.close()
  }
}

function withFlags<T extends { readonly args: readonly string[] }>(program: T, flags: readonly string[]): T {
  return { ...program, args: [...flags, ...program.args] }
}

const profiles = `${folder}/profiles`
rmSync(profiles, { recursive: true, force: true })
await underLoad(['--cpu-prof', `--cpu-prof-dir=${profiles}`], () => undefined)
const [file = ''] = readdirSync(profiles)
const profile = JSON.parse(readFileSync(`${profiles}/${file}`, 'utf8')) as CpuProfile
writeFileSync(`${out}/flame-${scenarioName}.svg`, flameGraph(profile, `Coatcheck, ${scenario.title}`))
const table = selfTimes(profile, 40).map(({ name, share }) => `| ${(share * 100).toFixed(1)} % | ${name} |`)

let perCall = 0
await underLoad(['--trace-gc', '--trace-gc-nvp'], (calls) => {
  perCall = allocated(readFileSync(`${folder}/logs/Coatcheck_profiled.log`, 'utf8'), Number(secondsText)) / calls
})
const text = [
  `# ${scenario.title}`,
  '',
  `Node ${process.versions.node}. Allocated on the JavaScript heap: ${Math.round(perCall)} bytes a ${scenario.unit}.`,
  '',
  '| self time | function |',
  '| --: | --- |',
  ...table,
  '',
].join('\n')
writeFileSync(`${out}/profile-${scenarioName}.md`, text)
process.stdout.write(text)

/** Bytes allocated in the last seconds of a trace: what the heap grew by between each collection and the next. */
function allocated(trace: string, lastSeconds: number): number {
  const rows = trace.split('\n').flatMap((line) => {
    const at = / (\d+) ms: .*total_size_before=(\d+) .*total_size_after=(\d+) /.exec(line)
    return at === null ? [] : [{ atMs: Number(at[1]), before: Number(at[2]), after: Number(at[3]) }]
  })
  const endMs = rows.at(-1)?.atMs ?? 0
  return rows.reduce((sum, { atMs, before }, index) => {
    const previous = rows[index - 1]
    return previous === undefined || atMs < endMs - lastSeconds * 1000 ? sum : sum + before - previous.after
  }, 0)
}
