import { execFileSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { inTime } from '../../test/processes/support/in-time.ts'
import { textIn } from '../json.ts'
import { sessionCookie, wordsOf, type User } from '../load.ts'
import type { Row, Scene } from '../row.ts'
import { databaseFile } from '../stores.ts'

const all = ['redis', 'postgres', 'embedded'] as const

/** A soft limit for the size of files a running process writes: beyond it every write fails, as on a full disk. */
function limitFileSize(pid: number, bytes: number | 'unlimited'): void {
  execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`])
}

const pageHeaders = ({ cookie }: User) => ({
  cookie: `${sessionCookie}=${cookie}`,
  'sec-fetch-site': 'same-origin',
  origin: 'https://app.test',
})

/** Asks for the CSRF token, as a page does once. */
async function learnToken({ load }: Scene, user: User, port: number): Promise<void> {
  const told = await load.client.ask(port, { path: '/bff/session', headers: pageHeaders(user) })
  const csrfToken = textIn(told.body, 'csrfToken')
  if (csrfToken !== undefined) csrfTokens.set(user.cookie, csrfToken)
}

/** Logs out at one node. Gives the status. */
async function logOut(scene: Scene, user: User, port: number): Promise<number> {
  if (!csrfTokens.has(user.cookie)) await learnToken(scene, user, port)
  const headers = { ...pageHeaders(user), 'x-csrf-token': csrfTokens.get(user.cookie) ?? '' }
  const reply = await scene.load.client.ask(port, { method: 'POST', path: '/bff/logout', body: '', headers })
  return reply.status
}

const csrfTokens = new Map<string, string>()

/** A session of its own, not used by the load. */
async function newUser({ load, stage }: Scene): Promise<User> {
  const { outcome, cookie } = await load.login([stage.node(0).port])
  if (cookie === undefined) throw new Error(`no login: ${outcome}`)
  return { subject: 'user-mallory', cookie, isLoggingIn: false }
}

async function crash(scene: Scene, rounds: number): Promise<void> {
  const { stage, load, findings } = scene
  let slowestMs = 0
  for (let round = 0; round < rounds; round += 1) {
    const stays = await newUser(scene)
    const leaves = await newUser(scene)
    const left = await logOut(scene, leaves, stage.node().port)
    await stage.node().process.kill()
    const startedMs = performance.now()
    const { port } = await stage.start(0)
    slowestMs = Math.max(slowestMs, performance.now() - startedMs)
    if ((await load.call(stays, '/api/x', [port])).status !== 200) findings.wrong.push('a login that was acknowledged is gone')
    const { status } = await load.call(leaves, '/api/x', [port])
    if (left === 200 && status !== 401) findings.wrong.push(`a logout that was acknowledged is undone (${status})`)
    await delay(150)
  }
  findings.seen.push(`crashes: ${rounds}; slowest start: ${Math.round(slowestMs)} ms`)
  if (slowestMs > 2_000) findings.collateral.push(`a start took ${Math.round(slowestMs)} ms`)
}

/** As in R18: who was being refreshed when the process died. The answer with the new refresh token died with it. */
const refreshed = (subject: string) => subject === 'user-grace' || subject === 'user-mallory'

async function expectOnlyLostAnswers({ stage, load, findings }: Scene): Promise<void> {
  const { reuseDetected } = stage.provider
  if (load.endedSessions > reuseDetected)
    findings.wrong.push(`${load.endedSessions} sessions ended, and only ${reuseDetected} answers of the provider were lost`)
  else if (load.endedSessions > 0) findings.seen.push('those were being refreshed when their process died')
}

const dead = ['no answer (ECONN', 'no answer (EPIPE', 'no answer (socket', 'provider: no answer', 'cut short']

export const nodeRows: readonly Row[] = [
  {
    id: 'R10',
    fault: 'The disk of the embedded store is full for 3 s (a limit on file size, set on the running process).',
    expected: 'Logins 503, sessions stay readable, no half-written record, and back to normal with the space.',
    stores: ['embedded'],
    allowed: { outcomes: { refresh: ['503 store'], login: ['503 store'] } },
    begin: async ({ stage, findings }) => {
      const file = databaseFile(join(stage.folder, 'store'))
      findings.seen.push(`size of the database: ${statSync(file).size} bytes`)
      limitFileSize(stage.node().process.pid, 1_024)
    },
    end: async ({ stage }) => limitFileSize(stage.node().process.pid, 'unlimited'),
  },
  {
    id: 'R11',
    fault: 'kill -9 under load and a new start, 12 times (not 100).',
    expected:
      'A start in under 2 s; every login and logout that a browser was told of holds. A refresh that dies with the process ends its session, as in R18.',
    mayEnd: refreshed,
    verify: expectOnlyLostAnswers,
    stores: ['embedded'],
    faultMs: 0,
    // One node and no balancer: while it is not there, nothing can answer.
    allowed: { outcomes: { api: dead, refresh: [...dead, '401'], login: dead, anonymous: dead } },
    begin: (scene) => crash(scene, 12),
    end: async () => undefined,
  },
  {
    id: 'R12',
    fault: 'SIGTERM to one of two nodes behind a balancer, under load.',
    expected: 'Calls in flight end, the process ends with 0, no request fails.',
    stores: all,
    nodes: 2,
    faultMs: 1_500,
    begin: async ({ stage, findings }) => {
      const { process: child } = stage.node(1)
      child.signal('SIGTERM')
      const startedMs = performance.now()
      const { code } = await inTime(child.exited, 'the exit')
      findings.seen.push(`ended after ${Math.round(performance.now() - startedMs)} ms`)
      if (code !== 0) findings.collateral.push(`exit code ${code ?? 'none'}`)
    },
    end: async ({ stage }) => void (await stage.start(1)),
  },
  {
    id: 'R20',
    fault: 'A new server secret is added in front of the old one, node after node; later the old one is dropped.',
    expected: 'Sessions survive the overlap; without the old secret 401 and a new login, and no error page.',
    stores: all,
    nodes: 2,
    faultMs: 1_500,
    begin: async ({ stage }) => {
      // First every node can open what the new one seals, then it seals.
      for (const use of [
        [0, 1],
        [1, 0],
      ] as const) {
        for (const index of [0, 1]) {
          stage.node(index).process.signal('SIGTERM')
          await stage.node(index).process.exited
          await stage.start(index, use)
        }
      }
    },
    end: async () => undefined,
    verify: async (scene) => {
      const { stage, load, findings } = scene
      const old = await newUser(scene)
      for (const index of [0, 1]) {
        stage.node(index).process.signal('SIGTERM')
        await stage.node(index).process.exited
        await stage.start(index, [1])
      }
      const survivor = await load.call(old)
      if (survivor.status !== 200) findings.wrong.push(`a session sealed with the new secret answers ${survivor.status}`)
      const [first] = load.users
      if (first === undefined) return
      const { status } = await load.call(first)
      findings.seen.push(`a session of the dropped secret: ${status}`)
      if (status !== 401 && status !== 200) findings.wrong.push(`a session of the dropped secret answers ${status}`)
      const { outcome } = await load.login()
      if (outcome !== 'ok') findings.wrong.push(`a login afterwards: ${outcome}`)
    },
  },
  {
    id: 'R25',
    fault: 'kill -9 of one of three nodes under load, with logins and refreshes under way.',
    expected:
      'The others finish within the lease of 5 s; callbacks work on any node; no session is lost, but one in refresh as in R18.',
    mayEnd: refreshed,
    verify: expectOnlyLostAnswers,
    stores: all,
    nodes: 3,
    faultMs: 6_000,
    // A refresh whose lease died with its holder waits for the lease's end.
    allowed: { outcomes: { refresh: ['401'] }, p99Ms: { refresh: 7_000 } },
    begin: ({ stage }) => stage.node(2).process.kill(),
    end: async ({ stage }) => void (await stage.start(2)),
  },
  {
    id: 'R26',
    fault: 'One of two nodes is cut off from the store, and not from clients and provider, for 3 s.',
    expected: 'It is not ready; its logouts are no 2xx; a session closed on the other node is closed on it within its bound.',
    stores: ['redis', 'postgres'],
    nodes: 2,
    allowed: { outcomes: { api: ['503 store'], refresh: ['503 store'], login: ['503 store'] } },
    begin: async (scene) => {
      const { stage, load, findings } = scene
      const [here, there] = [stage.node(0).port, stage.node(1).port]
      const user = await newUser(scene)
      const other = await newUser(scene)
      await load.call(user, '/api/x', [there])
      await learnToken(scene, other, there)
      await load.call(other, '/api/x', [there])
      stage.store.links[1]?.silence()
      const closedMs = performance.now()
      if ((await logOut(scene, user, here)) !== 200) findings.collateral.push('no logout at the node that has its store')
      let openMs = 0
      for (let look = 0; look < 10; look += 1) {
        const { status } = await load.call(user, '/api/x', [there])
        if (status === 200) openMs = performance.now() - closedMs
        await delay(100)
      }
      findings.seen.push(
        openMs === 0 ? 'a closed session was never used there' : `a closed session was used there for ${Math.round(openMs)} ms`,
      )
      if (openMs > 2_000) findings.wrong.push(`a closed session was used for ${Math.round(openMs)} ms`)
      const logout = await logOut(scene, other, there)
      findings.seen.push(`its logout: ${logout}`)
      if (logout < 300 || logout === 403) findings.wrong.push(`a logout without the store answers ${logout}`)
      const body = new URLSearchParams({ logout_token: stage.provider.signLogoutToken({ sub: 'user-mallory' }) }).toString()
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      const told = await load.client.ask(there, { method: 'POST', path: '/bff/backchannel-logout', headers, body })
      findings.seen.push(`its back-channel logout: ${wordsOf(told)}`)
      if (told.status < 300) findings.wrong.push('a back-channel logout without the store was called done')
      if ((await stage.look(1)).ready !== 503) findings.collateral.push('the node says it is ready')
    },
    end: async ({ stage }) => stage.store.links[1]?.heal(),
  },
  {
    id: 'R27',
    fault: 'The store fails while one-time marks of logins and of logout tokens are looked up, for 3 s.',
    expected: 'Closed for that request, with 503; nothing passes, nothing else is affected.',
    stores: ['redis', 'postgres'],
    allowed: { outcomes: { api: ['503 store'], refresh: ['503 store'], login: ['503 store'] } },
    begin: async ({ stage, load, findings }) => {
      for (const link of stage.store.links) link.cut()
      for (let count = 0; count < 5; count += 1) {
        const { outcome, cookie } = await load.login()
        if (cookie !== undefined) findings.wrong.push('a login passed without its one-time mark')
        else if (!outcome.startsWith('503 store')) findings.collateral.push(`a login: ${outcome}`)
      }
      const body = new URLSearchParams({ logout_token: stage.provider.signLogoutToken({ sub: 'user-nobody' }) }).toString()
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      const { status } = await load.client.ask(stage.node().port, {
        method: 'POST',
        path: '/bff/backchannel-logout',
        headers,
        body,
      })
      findings.seen.push(`a logout token: ${status}`)
      if (status < 300) findings.wrong.push('a logout token passed without its one-time mark')
    },
    end: async ({ stage }) => {
      for (const link of stage.store.links) link.heal()
    },
  },
  {
    id: 'R30',
    fault: 'One of two nodes stands still for 2 s (SIGSTOP) and goes on.',
    expected: 'No refresh happens twice, no session is lost, and nobody waits long afterwards.',
    stores: all,
    nodes: 2,
    faultMs: 2_000,
    // What was sent to the node that stands still waits for it.
    allowed: { p99Ms: { anonymous: 2_600, api: 2_600, refresh: 2_600, login: 5_000 } },
    begin: async ({ stage }) => stage.node(1).process.signal('SIGSTOP'),
    end: async ({ stage }) => stage.node(1).process.signal('SIGCONT'),
    verify: async ({ stage, findings }) => {
      if (stage.provider.reuseDetected > 0) findings.wrong.push('a refresh token was used twice')
    },
  },
]
