import type { LoadResult } from './load/result.ts'
import { readResult } from './load/result.ts'
import { output } from './server.ts'
import { builtFolder, loadFolder } from './surroundings.ts'
import type { ScenarioName } from './targets.ts'

/** A target that runs, and what its calls carry. */
export interface Running {
  readonly name: string
  readonly origin: string
  readonly pid: number
  readonly issuer: string
  readonly loginPath: string | undefined
  /** `/api` behind a login, `/open` where there is none. */
  readonly prefix: '/api' | '/open'
  readonly headers: Readonly<Record<string, string>>
  /** A file with a Cookie header a line: as many users in turn, instead of the one of `headers`. */
  readonly cookiesFile?: string
}

export interface Scenario {
  readonly name: ScenarioName
  readonly title: string
  /** What is counted. */
  readonly unit: 'call' | 'event' | 'message' | 'login'
  /** Of one slice. */
  readonly seconds: number
  readonly slices: number
  readonly load: (target: Running, seconds: number) => Promise<LoadResult>
}

/** What a browser sends with a fetch: the number of headers is part of the cost. */
const browserHeaders: Readonly<Record<string, string>> = {
  'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  Accept: 'application/json',
  'Accept-Language': 'en-GB,en;q=0.9',
  'Accept-Encoding': 'gzip, deflate, br, zstd',
  Referer: 'http://127.0.0.1/items',
  'Sec-CH-UA': '"Chromium";v="140", "Not=A?Brand";v="24"',
  'Sec-CH-UA-Mobile': '?0',
  'Sec-CH-UA-Platform': '"Linux"',
  'Sec-Fetch-Dest': 'empty',
  'Sec-Fetch-Mode': 'cors',
  'Sec-Fetch-Site': 'same-origin',
}

const wrk =
  (path: string, connections: number, body?: { readonly method: string; readonly bytes: number }): Scenario['load'] =>
  async (target, seconds) => {
    const headers = { ...browserHeaders, ...target.headers, ...(body === undefined ? {} : { Origin: target.origin }) }
    const text = await output({
      name: `wrk at ${target.name}`,
      command: 'wrk',
      args: [
        '-t1',
        `-c${connections}`,
        `-d${seconds}s`,
        '--timeout',
        '30s',
        '-s',
        `${loadFolder}/wrk.lua`,
        ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
        `${target.origin}${target.prefix}${path}`,
      ],
      env: {
        BENCH_METHOD: body?.method ?? 'GET',
        BENCH_BODY_BYTES: String(body?.bytes ?? 0),
        BENCH_COOKIES: target.cookiesFile ?? '',
      },
      core: '1',
    })
    return readResult(text)
  }

const streams =
  (kind: 'events' | 'messages', connections: number): Scenario['load'] =>
  async (target, seconds) => {
    const headers = { ...browserHeaders, ...target.headers, Origin: target.origin }
    const text = await output({
      name: `${kind} at ${target.name}`,
      command: process.execPath,
      args: [`${builtFolder}/load/streams.js`, kind, String(connections)],
      env: { URL: `${target.origin}/streams/${kind}`, HEADERS: JSON.stringify(headers), SECONDS: String(seconds) },
      core: '1',
    })
    return readResult(text)
  }

/** At half of what the target can do: the calls of a second at full speed come first, and tell how many those are. */
const steady: Scenario['load'] = async (target, seconds) => {
  const full = await wrk('/item', 64)(target, 1)
  const rate = (full.count / full.microseconds) * 1e6 * 0.5
  const headers = { ...browserHeaders, ...target.headers }
  const text = await output({
    name: `steady load at ${target.name}`,
    command: process.execPath,
    args: [`${builtFolder}/load/steady.js`],
    env: {
      URL: `${target.origin}${target.prefix}/item`,
      HEADERS: JSON.stringify(headers),
      SECONDS: String(seconds),
      RATE: String(rate),
    },
    core: '1',
  })
  const result = readResult(text)
  // Both count for the CPU time of a call; the waiting is that of the steady calls alone.
  return { ...result, count: result.count + full.count, microseconds: result.microseconds + full.microseconds }
}

const logins: Scenario['load'] = async (target, seconds) => {
  const text = await output({
    name: `logins at ${target.name}`,
    command: process.execPath,
    args: [`${builtFolder}/load/logins.js`],
    env: { URL: `${target.origin}${target.loginPath ?? ''}`, ISSUER: target.issuer, SECONDS: String(seconds) },
    core: '1',
  })
  return readResult(text)
}

const megabyte = 1 << 20

export const scenarios: readonly Scenario[] = [
  { name: 'get', title: 'GET 1 KB, 64 connections', unit: 'call', seconds: 1, slices: 16, load: wrk('/item', 64) },
  {
    name: 'post',
    title: 'POST 1 KB, 64 connections',
    unit: 'call',
    seconds: 1,
    slices: 4,
    load: wrk('/item', 64, { method: 'POST', bytes: 1024 }),
  },
  {
    name: 'steady',
    title: 'GET 1 KB at half of its own full speed, 64 connections, timed from when a call was due',
    unit: 'call',
    seconds: 3,
    slices: 6,
    load: steady,
  },
  { name: 'down1m', title: 'Download of 1 MB, 16 connections', unit: 'call', seconds: 2, slices: 3, load: wrk('/1m', 16) },
  { name: 'down100m', title: 'Download of 100 MB, 4 connections', unit: 'call', seconds: 4, slices: 2, load: wrk('/100m', 4) },
  {
    name: 'up1m',
    title: 'Upload of 1 MB, 16 connections',
    unit: 'call',
    seconds: 2,
    slices: 3,
    load: wrk('/upload', 16, { method: 'POST', bytes: megabyte }),
  },
  {
    name: 'events',
    title: 'Server-sent events: 200 streams, 20 events a second each',
    unit: 'event',
    seconds: 4,
    slices: 2,
    load: streams('events', 200),
  },
  {
    name: 'messages',
    title: 'WebSocket echo: 64 sockets, one message at a time each',
    unit: 'message',
    seconds: 3,
    slices: 2,
    load: streams('messages', 64),
  },
  { name: 'login', title: 'Whole logins, 4 at a time', unit: 'login', seconds: 4, slices: 2, load: logins },
]
