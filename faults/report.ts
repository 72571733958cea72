import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { redisProgram } from '../test/support/redis-server.ts'
import { trafficClasses, type ClassReport } from './judge.ts'
import { requestsPerSecond } from './load.ts'
import type { Result } from './row.ts'
import { notMeasured } from './rows/rows.ts'

const file = new URL('results.json', import.meta.url)

/** The results of earlier runs; none where there were none. */
export function readResults(): Result[] {
  if (!existsSync(file)) return []
  return JSON.parse(readFileSync(file, 'utf8')) as Result[]
}

/** Writes the results as they came out: `docs/faults.md` to read, `faults/results.json` with every count. */
export function writeReport(results: readonly Result[]): void {
  writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`)
  writeFileSync(new URL('../docs/faults.md', import.meta.url), markdown(results))
}

function markdown(results: readonly Result[]): string {
  const redis = /v=([\d.]+)/.exec(execFileSync(redisProgram(), ['--version'], { encoding: 'utf8' }))?.[1] ?? 'unknown'
  const times = results.map(({ at }) => at).sort()
  const counted = [3, 2, 1, 0].map((score) => `${results.filter((result) => result.score === score).length} x ${score}`)
  const columns = [
    'row',
    'fault',
    'store',
    'score',
    'why',
    'errors during the fault',
    'errors after it',
    'p99 before → during (ms)',
    'recovery (ms)',
    'also seen',
  ]
  const lines = results.map((result) =>
    row([
      result.id,
      `${result.fault} *${result.expected}*`,
      result.store,
      `**${result.score}**`,
      result.reason,
      errors(result, 'during'),
      errors(result, 'after'),
      trafficClasses.map((name) => `${name} ${p99s(result.classes[name])}`).join(', '),
      result.recoveryMs === undefined ? 'did not recover' : String(Math.round(result.recoveryMs)),
      result.seen.join('; '),
    ]),
  )
  return [
    '# Faults under load',
    '',
    'Made by `npm run faults`, and left as it came out. Real `coatcheck serve` processes with a real Redis, PostgreSQL or the',
    'embedded store, behind a scripted OpenID provider and scripted upstreams, all on one machine.',
    '',
    `- Load: ${requestsPerSecond} requests a second, sent whether or not the earlier ones are answered: 70 % API calls with a session,`,
    '  10 % with a refresh due (access tokens that live 1 s), 10 % whole logins, 10 % without a session (public route, static file,',
    '  protected route).',
    '- Score: **3** as expected; **2** recovers by itself, with errors or waits beyond what the fault excuses, or later than 5 s;',
    '  **1** only by a restart; **0** a wrong answer or lost data.',
    '- The p99 may be late by what the load generator itself was late, and the 500 ms for what needs no session stand for "as before".',
    '- Recovery: from the end of the fault to the end of the last request that failed and began after it.',
    '- With several nodes, requests go in turn to those that are ready, and once more to the next node where one broke off before',
    '  it answered, as a balancer does.',
    '- One row can be measured again alone (`FAULTS=R02 npm run faults`); its result then takes the place of the earlier one. When each was',
    '  measured stands in faults/results.json.',
    '- A session or cookie that ends without reason, another user’s answer, a cut body that looks whole and a pass without a',
    '  session are wrong answers in every row.',
    '',
    `${results.length} runs: ${counted.join(', ')}. Measured from ${times[0] ?? ''} to ${times.at(-1) ?? ''} on ${cpus().length} cores (Linux ${release()}, Node ${process.versions.node}, Redis ${redis}).`,
    '',
    row(columns),
    row(columns.map(() => '---')),
    ...lines,
    '',
    '## Not measured',
    '',
    row(['row', 'fault', 'why it has no score']),
    row(['---', '---', '---']),
    ...notMeasured.map(({ id, fault, why }) => row([id, fault, why])),
    '',
  ].join('\n')
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function errors({ classes }: Result, when: 'during' | 'after'): string {
  const said = trafficClasses.flatMap((name) =>
    Object.entries(classes[name][when])
      .filter(([outcome]) => outcome !== 'ok')
      .map(([outcome, count]) => `${name} ${count} x ${outcome}`),
  )
  return said.length === 0 ? 'none' : said.join(', ')
}

function p99s({ p99BeforeMs, p99DuringMs }: ClassReport): string {
  return `${Math.round(p99BeforeMs)} → ${Math.round(p99DuringMs)}`
}
