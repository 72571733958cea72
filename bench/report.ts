import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release } from 'node:os'
import type { Summary } from './measure.ts'
import type { Scenario } from './scenarios.ts'
import { baseName } from './targets.ts'

const round = (value: number, digits = 0): string => value.toFixed(digits)

/** The whole table as Markdown, one part a scenario. */
export function markdown(
  summaries: readonly Summary[],
  scenarios: readonly Scenario[],
  notes: readonly string[],
  base = baseName,
): string {
  const parts = scenarios.flatMap((scenario) => {
    const rows = summaries.filter((summary) => summary.scenario === scenario.name)
    return rows.length === 0 ? [] : [part(scenario, rows, base)]
  })
  return [machine(), ...notes.map((note) => `- ${note}`), '', ...parts].join('\n')
}

/** The short table of the README: GET 1 KB, with the ratio that others are read by. */
export function shortTable(summaries: readonly Summary[]): string {
  const rows = summaries.filter(({ scenario, target }) => scenario === 'get' && !target.includes('control'))
  const coatcheck = rows.find(({ target }) => target.startsWith('Coatcheck, embedded'))?.ratio?.median
  const lines = rows.map((row) => {
    const ratio = row.target === baseName ? 1 : row.ratio?.median
    const times = ratio === undefined || coatcheck === undefined ? '' : round(ratio / coatcheck, 2)
    return `| ${row.target} | ${round(row.cpu)} | ${ratioText(row, baseName)} | ${times} | ${round(row.perSecond)} |`
  })
  return [
    '| GET 1 KB | CPU us a call | x bare proxy (quartiles) | x Coatcheck | calls/s on one core |',
    '| --- | --: | --: | --: | --: |',
    ...lines,
  ].join('\n')
}

/** Puts a text between `<!-- NAME -->` and `<!-- /NAME -->` of a file. */
export function replaceBlock(file: string, name: string, text: string): void {
  const whole = readFileSync(file, 'utf8')
  const pattern = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(<!-- /${name} -->)`)
  if (!pattern.test(whole)) throw new Error(`${file} has no block ${name}`)
  writeFileSync(
    file,
    whole.replace(pattern, (_all, start: string, end: string) => `${start}\n${text}\n\n${end}`),
  )
}

function part({ title, unit, name }: Scenario, rows: readonly Summary[], base: string): string {
  const isTimed = name !== 'events'
  const isBulk = ['down1m', 'down100m', 'up1m'].includes(name)
  const head = [
    'target',
    `CPU us a ${unit}`,
    base === baseName ? 'x bare (quartiles)' : 'x plain (quartiles)',
    ...(name === 'steady' ? [] : [`${unit}s/s`]),
    ...(isTimed ? ['p50 ms', 'p99 ms'] : []),
    ...(isBulk && name !== 'up1m' ? ['MB/s'] : []),
    'RSS MB',
    'slices',
  ]
  const lines = rows.map((row) => {
    const trouble = [
      ...(row.refused > 0 ? [`${row.refused} not 2xx`] : []),
      ...(row.broken > 0 ? [`${row.broken} broken connections`] : []),
    ]
    return [
      `${row.target}${trouble.length > 0 ? ` (${trouble.join(', ')})` : ''}`,
      `${round(row.cpu, row.cpu < 10 ? 1 : 0)}${row.redisCpu > 0.5 ? ` + ${round(row.redisCpu)} in Redis` : ''}`,
      ratioText(row, base),
      ...(name === 'steady' ? [] : [round(row.perSecond)]),
      ...(isTimed ? [round(row.p50Ms, 2), round(row.p99Ms, 1)] : []),
      ...(isBulk && name !== 'up1m' ? [round(row.megabytesPerSecond)] : []),
      round(row.residentMegabytes),
      String(row.slices),
    ]
  })
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const rule = head.map((_cell, index) => (index === 0 ? '---' : '--:'))
  return [`## ${title}`, '', line(head), line(rule), ...lines.map(line), ''].join('\n')
}

function ratioText({ ratio, target }: Summary, base: string): string {
  if (target === base) return '1'
  if (ratio === undefined) return ''
  return `${round(ratio.median, 2)} (${round(ratio.lower, 2)} to ${round(ratio.upper, 2)})`
}

function machine(): string {
  const model = cpus()[0]?.model ?? 'unknown processor'
  return `- ${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, Linux ${release()}, ${availableParallelism()} x ${model}.`
}
