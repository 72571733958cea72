import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { Secret } from '../src/config/secret.ts'
import { Keyring } from '../src/session/seal.ts'
import { tokenTimes } from '../src/session/session.ts'
import { Sessions } from '../src/session/sessions.ts'
import { createEmbeddedStore } from '../src/stores/embedded.ts'
import { installPrograms } from './install.ts'
import { measure, summarise } from './measure.ts'
import { markdown, replaceBlock } from './report.ts'
import { scenarios, type Running } from './scenarios.ts'
import { sealedSession } from './sessions/records.ts'
import { embeddedFiller } from './sessions/stores.ts'
import { freePorts, Servers } from './server.ts'
import { startRunning } from './stage.ts'
import { startSurroundings } from './surroundings.ts'
import { benchSecret, coatcheck, storeFolder, type CoatcheckVariant } from './targets.ts'

/**
 * What a call costs as things grow: more routes, more upstreams, larger sessions, more users. Each variant of Coatcheck is
 * measured between slices of the plain one. `--publish` writes the table of docs/growth.md.
 */
interface Variant {
  readonly name: string
  readonly config?: CoatcheckVariant
  readonly isLarge?: true
  /** So many users call in turn. Above 10 000 none of them is in memory when it calls: every call reads and opens its record. */
  readonly users?: number
  /** So many sessions of others are in the store beside theirs. */
  readonly others?: number
}

const manyRoutes = (count: number, isOwnUpstream: boolean): CoatcheckVariant => ({
  extraRoutes: (upstream) =>
    Array.from({ length: count }, (_, index) => ({
      path: `/service-${index}/`,
      // Every address of 127.0.0.0/8 is this machine: each is an upstream with connections of its own.
      upstream: isOwnUpstream ? upstream.replace('127.0.0.1', `127.0.1.${index + 1}`) : `${upstream}/service-${index}/`,
    })),
})

const largeClaimBytes = 48_000
const variants: readonly Variant[] = [
  { name: 'plain: 3 routes, 2 upstreams, 3 KB, 1 user' },
  { name: 'the same again (control)' },
  { name: '10 routes more', config: manyRoutes(10, false) },
  { name: '100 routes more', config: manyRoutes(100, false) },
  { name: '100 upstreams more', config: manyRoutes(100, true) },
  { name: 'session of 64 KB', isLarge: true },
  { name: '1,000 users in turn', users: 1_000 },
  { name: '1,000 users in turn, of 100,000 live', users: 1_000, others: 99_000 },
  { name: '1,000 users in turn, of 1,000,000 live', users: 1_000, others: 999_000 },
  { name: '20,000 users in turn, none in memory', users: 20_000 },
]

const root = new URL('../../../', import.meta.url).pathname
const folder = `${root}bench/out`
mkdirSync(`${folder}/logs`, { recursive: true })
installPrograms(['wrk', 'nginx'])
const scenario = scenarios.find(({ name }) => name === 'get')
if (scenario === undefined) throw new Error('there is no such scenario')

const servers = new Servers(`${folder}/logs`)
const ports = await freePorts(variants.length)
const callbacks = ports.map((port) => `http://127.0.0.1:${port}/bff/callback`)
const surroundings = await startSurroundings(servers, folder, callbacks, { redis: false, postgres: false, largeClaimBytes })
try {
  const running: Running[] = []
  for (const [index, { name, config = {}, isLarge, users, others = 0 }] of variants.entries()) {
    const port = ports[index] ?? 0
    const around = isLarge === true ? { ...surroundings, issuer: surroundings.largeIssuer } : surroundings
    const one = await startRunning(servers, coatcheck(name, config), port, around)
    addOthers(port, others)
    running.push(users === undefined ? one : { ...one, cookiesFile: await makeUsers(port, users) })
  }
  const [base, ...others] = running
  const slices = await measure(
    scenario,
    base,
    others.map((target) => ({ target, slices: 8, redisPid: 0 })),
    {
      seconds: 1,
      warmSeconds: 3,
      patienceSeconds: 60,
      onSlice: ({ target, cpu, ratio }) =>
        process.stderr.write(`${target.padEnd(44)} ${cpu.toFixed(1)} us  x ${ratio?.toFixed(2) ?? ''}\n`),
    },
  )
  const text = markdown(
    summarise(slices),
    [{ ...scenario, title: 'GET 1 KB, 64 connections, embedded store' }],
    [],
    running[0]?.name,
  )
  process.stdout.write(`${text}\n`)
  if (process.argv.includes('--publish')) replaceBlock(`${root}docs/growth.md`, 'growth', text)
} finally {
  await servers.close()
  await surroundings.close()
}

/** Writes sessions that nobody uses into the store of a gateway that runs. */
function addOthers(port: number, count: number): void {
  if (count === 0) return
  const { database, fill } = embeddedFiller(storeFolder(surroundings, port))
  const nowMs = Date.now()
  for (let written = 0; written < count; written += 1000) {
    fill(Array.from({ length: 1000 }, (_, index) => sealedSession(2 * (written + index), nowMs)))
  }
  database.close()
}

/** Writes sessions into the store of a gateway that runs, sealed as it seals them; gives the file with their cookies. */
async function makeUsers(port: number, count: number): Promise<string> {
  const store = createEmbeddedStore({ path: storeFolder(surroundings, port) })
  const sessions = new Sessions({
    store,
    keyring: new Keyring([new Secret(benchSecret)], randomBytes),
    clock: Date.now,
    random: randomBytes,
    idleTimeoutMs: 86_400_000,
    lifetimeMs: 86_400_000,
  })
  const lines: string[] = []
  for (let user = 0; user < count; user += 1) {
    const text = (bytes: number): string => randomBytes(bytes).toString('base64url')
    const { id } = await sessions.create({
      issuer: surroundings.issuer,
      subject: `user-${user}`,
      device: 'a benchmark',
      tokens: {
        claims: { sub: `user-${user}`, name: 'Ada Lovelace' },
        accessToken: text(800),
        refreshToken: text(43),
        idToken: text(600),
        scope: 'openid',
        resources: {},
        ...tokenTimes(Date.now(), 86_400),
      },
    })
    lines.push(`coatcheck=${id}`)
  }
  await store.close()
  const file = `${folder}/cookies-${port}.txt`
  writeFileSync(file, lines.join('\n'))
  return file
}
