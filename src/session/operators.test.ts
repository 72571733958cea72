import { randomBytes } from 'node:crypto'
import { beforeEach, expect, test } from 'vitest'
import { Secret } from '../config/secret.ts'
import { createMemoryStore } from '../stores/memory.ts'
import type { SessionStore } from '../stores/store.ts'
import { listSessions, lastSeenAtMs, revokeSessions } from './operators.ts'
import type { ListedSession, OperatorView, SessionFilter } from './operators.ts'
import { withOutageErrors } from './outage.ts'
import { publicId } from './own-sessions.ts'
import { Keyring } from './seal.ts'
import type { Session } from './session.ts'
import { Sessions } from './sessions.ts'

const [issuer, otherIssuer] = ['https://id.test', 'https://other.test']
const [present, former] = [
  new Secret('the present server secret, long enough'),
  new Secret('a former server secret, long enough'),
]
const tokens = { accessToken: 'the-access-token', idToken: 'the-id-token', scope: 'openid', resources: {}, claims: {} }
const minute = 60_000

let now: number
let store: SessionStore
let view: OperatorView

beforeEach(() => {
  now = 1_000_000_000
  store = createMemoryStore({ clock: () => now })
  view = { store, keyring: new Keyring([present], randomBytes), issuer, clock: () => now }
})

function node(secret = present): Sessions {
  const [idleTimeoutMs, lifetimeMs] = [30 * minute, 480 * minute]
  return new Sessions({
    store,
    keyring: new Keyring([secret], randomBytes),
    clock: () => now,
    random: randomBytes,
    idleTimeoutMs,
    lifetimeMs,
  })
}

function login(subject: string, about: { issuer?: string; sid?: string; secret?: Secret } = {}): Promise<Session> {
  const { sid, secret } = about
  return node(secret).create({ issuer: about.issuer ?? issuer, subject, providerSessionId: sid, device: 'Firefox', tokens })
}

const idOf = ({ key }: Session) => publicId(key)

async function all(sessions: AsyncGenerator<ListedSession>): Promise<ListedSession[]> {
  const found: ListedSession[] = []
  for await (const session of sessions) found.push(session)
  return found
}
const collect = async (sessions: AsyncGenerator<ListedSession>) => (await all(sessions)).map(({ id }) => id).toSorted()
const listed = (filter: SessionFilter) => collect(listSessions(view, filter))
const revoked = (filter: SessionFilter) => collect(revokeSessions(view, filter))
const sorted = (...sessions: readonly Session[]) => sessions.map(idOf).toSorted()

/** Three of ada's on two provider sessions, one of grace's, one of an ada elsewhere, and records that are no sessions. */
async function population() {
  const ada = [await login('ada', { sid: 's1' }), await login('ada', { sid: 's1' }), await login('ada', { sid: 's2' })] as const
  now += 10 * minute
  const grace = await login('grace')
  const elsewhere = await login('ada', { issuer: otherIssuer, sid: 's1' })
  for (const key of ['lease:session:x', 'spent:x', 'sessions', 'session']) {
    await store.add(key, { value: Buffer.from('x'), expiresAtMs: now + minute })
  }
  return { ada, grace, elsewhere }
}

test('lists what each part of a filter means, and all of them together', async () => {
  const { ada, grace, elsewhere } = await population()
  expect(await listed({})).toEqual(sorted(...ada, grace, elsewhere))
  expect(await listed({ subject: 'ada' })).toEqual(sorted(...ada))
  expect(await listed({ subject: 'ad' })).toEqual([])
  expect(await listed({ providerSessionId: 's1' })).toEqual(sorted(ada[0], ada[1]))
  expect(await listed({ id: idOf(grace) })).toEqual(sorted(grace))
  expect(await listed({ id: grace.id })).toEqual([])
  expect(await listed({ olderThanSeconds: 600 })).toEqual(sorted(...ada))
  expect(await listed({ olderThanSeconds: 601 })).toEqual([])
  expect(await listed({ olderThanSeconds: 0 })).toEqual(sorted(...ada, grace, elsewhere))
  expect(await listed({ subject: 'ada', providerSessionId: 's2' })).toEqual(sorted(ada[2]))
  expect(await listed({ subject: 'grace', providerSessionId: 's2' })).toEqual([])
  expect(await listed({ subject: 'ada', olderThanSeconds: 601 })).toEqual([])
})

test('tells who, since when and on what, and nothing of a token or a cookie', async () => {
  const session = await login('ada', { sid: 's1' })
  now += 5 * minute
  const [one] = await all(listSessions(view, {}))
  if (one?.meta === undefined) throw new Error('there is one, and it can be read')
  expect(one.meta).toMatchObject({ issuer, subject: 'ada', providerSessionId: 's1', device: 'Firefox' })
  expect(lastSeenAtMs({ ...one, meta: one.meta }, 30 * minute)).toBe(session.meta.createdAtMs)
  const text = JSON.stringify(one)
  for (const hidden of [tokens.accessToken, tokens.idToken, session.id, session.key]) expect(text).not.toContain(hidden)
})

test('walks over more sessions than a page has', async () => {
  for (let count = 0; count < 450; count += 1) await login(`user-${count}`)
  expect(await listed({})).toHaveLength(450)
  expect(await revoked({ olderThanSeconds: 0 })).toHaveLength(450)
  expect(await listed({})).toEqual([])
})

test.each<[string, SessionFilter, readonly number[]]>([
  ['a user', { subject: 'ada' }, [0, 1, 2]],
  ['a session of the provider', { providerSessionId: 's1' }, [0, 1]],
  ['both', { subject: 'ada', providerSessionId: 's2' }, [2]],
  ['an age', { olderThanSeconds: 600 }, [0, 1, 2]],
  ['a user and an age', { subject: 'ada', olderThanSeconds: 601 }, []],
  ['all', {}, [0, 1, 2, 3, 4]],
])('revokes by %s, and nothing else', async (_by, filter, ended) => {
  const { ada, grace, elsewhere } = await population()
  const all = [...ada, grace, elsewhere]
  const expected = all.filter((_, index) => ended.includes(index))
  expect(await revoked(filter)).toEqual(sorted(...expected))
  expect(await listed({})).toEqual(sorted(...all.filter((session) => !expected.includes(session))))
  for (const session of all) expect((await node().find(session.id)) === undefined).toBe(expected.includes(session))
  expect(await store.get('spent:x')).toBeDefined()
  expect(await revoked(filter)).toEqual([])
})

test('revokes one by its listed id', async () => {
  const { ada, grace } = await population()
  expect(await revoked({ id: idOf(ada[1]) })).toEqual([idOf(ada[1])])
  expect(await listed({ subject: 'ada' })).toEqual(sorted(ada[0], ada[2]))
  expect(await revoked({ id: grace.key })).toEqual([])
})

test('a refresh between the look and the deletion does not save a session', async () => {
  const session = await login('ada')
  const refreshing: SessionStore = {
    ...withOutageErrors(store),
    async list(...args: Parameters<SessionStore['list']>) {
      const page = await store.list(...args)
      expect(await node().replaceTokens(session, { ...tokens, accessToken: 'a-newer-one' })).toBeDefined()
      return page
    },
  }
  expect(await collect(revokeSessions({ ...view, store: refreshing }, {}))).toEqual([idOf(session)])
  expect(await node().find(session.id)).toBeUndefined()
})

test('a session under a secret that is gone is listed as unreadable, and ended where it is surely meant', async () => {
  const lost = await login('ada', { secret: former })
  const young = await login('ada')
  const [unreadable] = (await all(listSessions(view, {}))).filter(({ meta }) => meta === undefined)
  expect(unreadable?.id).toBe(idOf(lost))
  expect(await listed({ olderThanSeconds: 3600 })).toEqual([idOf(lost)])
  expect(await revoked({ olderThanSeconds: 0 })).toEqual([idOf(young)])
  expect(await revoked({ subject: 'ada' })).toEqual([idOf(lost)])
  const second = await login('ada', { secret: former })
  expect(await revoked({ id: idOf(second) })).toEqual([idOf(second)])
  const third = await login('ada', { secret: former })
  expect(await revoked({})).toEqual([idOf(third)])
})

test('trouble of the store is told, never taken for an empty list, and what ended before is told too', async () => {
  const [one, two] = [await login('ada'), await login('grace')]
  const failing: SessionStore = {
    ...withOutageErrors(store),
    delete(key: string) {
      if (key === two.key) throw new Error('the disk is gone')
      return store.delete(key)
    },
  }
  const told: string[] = []
  const run = async () => {
    for await (const { id } of revokeSessions({ ...view, store: failing }, {})) told.push(id)
  }
  await expect(run()).rejects.toThrow('the disk is gone')
  expect(told).toEqual([idOf(one)])
})
