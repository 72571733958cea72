import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import type { Looks, Traffic } from './probe.ts'
import type { StoreKind } from './stores.ts'

/** A store with so many sessions. */
export interface Size {
  readonly count: number
  readonly bytes: number
  readonly looks: Looks
}

export interface Result {
  readonly store: StoreKind
  readonly at: string
  /** Of the machine over the last five minutes, at the end. */
  readonly loadAverage?: number
  /** Sealed bytes of a session, on average. */
  readonly valueBytes: number
  readonly filledPerSecond: number
  readonly sizes: readonly Size[]
  /** Sessions that had ended. */
  readonly due: number
  /** Those that were gone when the sweep was done, or was no longer waited for. */
  readonly swept: number
  readonly sweptPerSecond: number
  /** Before the sweep. */
  readonly quiet: Traffic
  readonly sweeping: Traffic
}

const root = new URL('../../../../', import.meta.url)
const resultsFile = new URL('bench/sessions/results.json', root)
const page = new URL('docs/million-sessions.md', root)

/** The results of earlier runs; none where there were none. */
export function readResults(): Result[] {
  return existsSync(resultsFile) ? (JSON.parse(readFileSync(resultsFile, 'utf8')) as Result[]) : []
}

/** Writes the results as they came out, to read and with every number. */
export function writeReport(results: readonly Result[]): void {
  writeFileSync(resultsFile, `${JSON.stringify(results, null, 1)}\n`)
  writeFileSync(page, markdown(results))
}

function markdown(results: readonly Result[]): string {
  return [
    '# A million sessions',
    '',
    'Made by `npm run bench:sessions -- --publish`, and left as it came out. Each session is sealed by the code that seals real',
    'ones, with an access token of 1,100 characters, an ID token of 900, a refresh token of 120, eight claims and two tags.',
    '',
    `Measured on ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}, Linux ${release()}, Node ${process.versions.node}) that the store, its client and other work shared:`,
    `${results.map(({ store, at, loadAverage }) => `${store} at ${at}${loadAverage === undefined ? '' : ` (load average ${loadAverage.toFixed(1)})`}`).join(', ')}. Redis keeps everything in memory here, without an append-only file;`,
    'Postgres has 128 MB of shared buffers and waits for the disk.',
    '',
    '## Space and look-ups',
    '',
    'A look-up is `get` of a random session by a process of its own, one after another, without the memory of opened sessions that',
    'spares a gateway most of them: the middle of five rounds of 4,000. A page is `list` of 200 sessions, which operators’ commands use.',
    '',
    ...table(
      [
        'store',
        'sessions',
        'bytes a session',
        'of them sealed',
        'look-up p50 (ms)',
        'p99 (ms)',
        'p99 where there is none (ms)',
        'first page (ms)',
        'next page (ms)',
      ],
      results.flatMap(({ store, sizes, valueBytes }) =>
        sizes.map(({ count, bytes, looks }) => [
          store,
          count.toLocaleString('en'),
          Math.round(bytes / count).toLocaleString('en'),
          Math.round(valueBytes).toLocaleString('en'),
          ...[looks.p50, looks.p99, looks.absentP99].map((ms) => ms.toFixed(3)),
          ...[looks.firstPage, looks.secondPage].map((ms) => ms.toFixed(1)),
        ]),
      ),
    ),
    '',
    '## Sweeping half of them',
    '',
    'Half of the sessions end at once. One process sweeps them away (Redis does so itself) while it looks up a session every 10 ms.',
    'It was watched for 90 s. Redis is in no hurry while a small part of its keys has expired (a sixth here, because tags stay a day), by its',
    'own design: `active-expire-effort` in its configuration. What has expired is absent all the same.',
    'Event loop: the longest time for which it stood still, beyond the 5 ms between two looks at it, beside the same process',
    `before the sweep (10 s, in which only the machine and its other work can hold it up). It goes before the store where both want a`,
    'core, so that this is its own doing. The embedded store sweeps in a thread, for as long as there is something to sweep.',
    '',
    ...table(
      [
        'store',
        'swept',
        'rows a second',
        'look-up p99 before → during (ms)',
        'longest (ms)',
        'event loop p99 (ms)',
        'event loop, longest (ms)',
      ],
      results.map(({ store, due, swept, sweptPerSecond, quiet, sweeping }) => [
        store,
        `${swept.toLocaleString('en')} of ${due.toLocaleString('en')}`,
        Math.round(sweptPerSecond).toLocaleString('en'),
        ...(['p99', 'longest', 'loopP99', 'loopLongest'] as const).map(
          (name) => `${quiet[name].toFixed(1)} → ${sweeping[name].toFixed(1)}`,
        ),
      ]),
    ),
    '',
  ].join('\n')
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
}
