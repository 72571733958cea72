import type { Allowed } from '../judge.ts'
import { cookiesOf } from '../client.ts'
import { sessionCookie } from '../load.ts'
import type { Row, Scene } from '../row.ts'

const servers = ['redis', 'postgres'] as const
const all = ['redis', 'postgres', 'embedded'] as const
/** Without the store: an honest 503 within about a second; what needs no session goes on. */
const storeDown: Partial<Allowed> = {
  outcomes: { api: ['503 store'], refresh: ['503 store'], login: ['503 store'] },
  p99Ms: { api: 1_200, anonymous: 500 },
}

/** The process is live all the while; `/ready` says 503 once the store is away, and 200 afterwards. */
async function expectHonestProbes({ stage, findings }: Scene, fromMs: number): Promise<void> {
  const after = await stage.look()
  if (stage.probes.some(({ live }) => live !== 200)) findings.collateral.push('/live was not always 200')
  if (!stage.probes.some(({ atMs, ready }) => atMs > fromMs && ready === 503)) findings.collateral.push('/ready never said 503')
  if (after.ready !== 200) findings.collateral.push(`/ready says ${after.ready} afterwards`)
}

const probed = (row: Omit<Row, 'verify'>): Row => ({ ...row, verify: (scene) => expectHonestProbes(scene, 0) })

export const storeRows: readonly Row[] = [
  probed({
    id: 'R01',
    fault: 'The store is down when the gateway starts, and comes 3 s later.',
    expected: 'The process starts, is live and not ready, and recovers by itself.',
    stores: all,
    isAtBoot: true,
    allowed: storeDown,
    begin: async ({ stage }) => {
      await stage.node().process.kill()
      await stage.store.stop()
      await stage.start(0)
    },
    end: ({ stage }) => stage.store.start(),
  }),
  probed({
    id: 'R02',
    fault: 'The store is killed under load, and started 3 s later.',
    expected: 'Sessions answer 503 within about 1 s and no cookie is cleared; public routes go on.',
    stores: servers,
    allowed: storeDown,
    begin: ({ stage }) => stage.store.stop(),
    end: ({ stage }) => stage.store.start(),
  }),
  {
    id: 'R03',
    fault: 'The store ends every open connection, four times; it takes new ones at once.',
    expected: 'No crash and no failed request: dead connections are not tried one by one.',
    stores: servers,
    faultMs: 600,
    begin: async ({ stage }) => {
      for (const link of stage.store.links)
        for (const waitMs of [0, 300, 600, 900]) setTimeout(() => link.endConnections(), waitMs)
      await new Promise((resolve) => setTimeout(resolve, 900))
    },
    end: async () => undefined,
  },
  {
    id: 'R04 slow',
    fault: 'Everything that goes to the store or comes from it takes 1 s: a call takes 2 s or longer.',
    expected: 'A deadline for each call, then 503; what needs no session is as fast as before.',
    stores: servers,
    faultMs: 4_000,
    allowed: { ...storeDown, p99Ms: { api: 2_500, anonymous: 500 } },
    begin: async ({ stage }) => {
      for (const link of stage.store.links) link.slow(1_000)
    },
    end: async ({ stage }) => {
      for (const link of stage.store.links) link.heal()
    },
  },
  probed({
    id: 'R04 silent',
    fault: 'The network drops every packet to the store, without a reset.',
    expected: 'A deadline for each call, then 503; what needs no session is as fast as before.',
    stores: servers,
    faultMs: 4_000,
    allowed: { ...storeDown, p99Ms: { api: 2_500, anonymous: 500 } },
    begin: async ({ stage }) => {
      for (const link of stage.store.links) link.silence()
    },
    end: async ({ stage }) => {
      for (const link of stage.store.links) link.heal()
    },
  }),
  {
    id: 'R04 frozen',
    fault: 'The store is stopped by a signal and goes on 3 s later (embedded: another process holds the write lock).',
    expected: 'A deadline for each call, then 503; what needs no session is as fast as before.',
    stores: all,
    allowed: { ...storeDown, p99Ms: { api: 2_500, anonymous: 500 } },
    begin: ({ stage }) => stage.store.freeze(),
    end: ({ stage }) => stage.store.thaw(),
  },
  {
    id: 'R05',
    fault: 'The store can be read and not written (READONLY, as after a failover), for 3 s.',
    expected: 'Sessions go on; logins and due refreshes answer a visible 503; writes work again without a restart.',
    stores: servers,
    allowed: { outcomes: { refresh: ['503 store'], login: ['503 store'] } },
    begin: ({ stage }) => stage.store.refuseWrites(),
    end: ({ stage }) => stage.store.allowWrites(),
  },
  {
    id: 'R06',
    fault: 'Everything in the store is deleted behind its back.',
    expected: 'Each user gets 401 once and logs in again; no 500, and no redirect for a fetch.',
    stores: all,
    faultMs: 1_000,
    mayEnd: () => true,
    allowed: { outcomes: { api: ['401'], refresh: ['401'] } },
    begin: ({ stage }) => stage.store.wipe(),
    end: async () => undefined,
  },
  {
    id: 'R07',
    fault: 'Every session record is damaged: cut off, empty, of another form, or of a later one. The gateway has just started.',
    expected: 'A damaged record is no session: 401. Never 500, and nothing half-read.',
    stores: all,
    isAtBoot: true,
    faultMs: 1_000,
    mayEnd: () => true,
    allowed: { outcomes: { api: ['401'], refresh: ['401'] } },
    begin: async ({ stage, load, findings }) => {
      await stage.node().process.kill()
      findings.seen.push(`damaged records: ${await stage.store.corrupt()}`)
      await stage.start(0)
      let cleared = 0
      for (const user of load.users) {
        const reply = await load.call(user)
        if (reply.status !== 401) findings.wrong.push(`a damaged record answers ${reply.status}`)
        if (cookiesOf(reply).get(sessionCookie) === '') cleared += 1
      }
      findings.seen.push(`cookies cleared: ${cleared} of ${load.users.length}`)
    },
    end: async () => undefined,
  },
]
