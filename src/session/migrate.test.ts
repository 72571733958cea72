import { randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { Secret } from '../config/secret.ts'
import { createMemoryStore } from '../stores/memory.ts'
import type { SessionStore } from '../stores/store.ts'
import { migrateSessions } from './migrate.ts'
import { withOutageErrors } from './outage.ts'
import { publicId } from './own-sessions.ts'
import { providerSessionTag, subjectTag } from './record.ts'
import { Keyring } from './seal.ts'
import type { Session } from './session.ts'
import { Sessions } from './sessions.ts'

const issuer = 'https://id.test'
const secret = new Secret('a server secret that is long enough for a test')
const tokens = { accessToken: 'first', refreshToken: 'first', idToken: 'id', scope: 'openid', resources: {}, claims: {} }
const minute = 60_000
const nothing = { copied: 0, renewed: 0, unchanged: 0, left: 0, unreadable: [], closed: 0, missing: 0 }

let now: number
let from: SessionStore
let to: SessionStore

beforeEach(() => {
  now = 1_000_000_000
  from = createMemoryStore({ clock: () => now })
  to = createMemoryStore({ clock: () => now })
})

const clock = () => now
const keyring = new Keyring([secret], randomBytes)
const migrate = (over: Partial<{ from: SessionStore; to: SessionStore }> = {}) =>
  migrateSessions({ from, to, keyring, clock, ...over })

/** A node, made anew for each question: nothing it says comes from its own memory. */
const nodeOn = (store: SessionStore, secrets = [secret]) =>
  new Sessions({
    store,
    keyring: new Keyring(secrets, randomBytes),
    clock,
    random: randomBytes,
    idleTimeoutMs: 30 * minute,
    lifetimeMs: 480 * minute,
  })
const login = (subject: string, sid?: string) =>
  nodeOn(from).create({ issuer, subject, providerSessionId: sid, device: 'Firefox', tokens })

async function refresh(store: SessionStore, { id }: Session, text: string): Promise<void> {
  const session = await nodeOn(store).find(id)
  if (session === undefined) throw new Error('the session to refresh is gone')
  await nodeOn(store).replaceTokens(session, { ...tokens, refreshToken: text })
}

const refreshTokenIn = async (store: SessionStore, { id }: Session) => (await nodeOn(store).find(id))?.tokens.refreshToken

test('sessions live on in the new store, with their end and their tags, and the old one is only read', async () => {
  const ada = await login('ada', 's1')
  const grace = await login('grace')
  now += 10 * minute
  await to.check()
  const readOnly = Object.fromEntries(
    ['add', 'replace', 'touch', 'delete', 'deleteTagged'].map((name) => [
      name,
      () => {
        throw new Error(`${name} on the old store`)
      },
    ]),
  )
  expect(await migrate({ from: { ...withOutageErrors(from), ...readOnly } })).toEqual({ ...nothing, copied: 2, inDestination: 2 })
  for (const session of [ada, grace]) {
    const [here, there] = [await nodeOn(from).find(session.id), await nodeOn(to).find(session.id)]
    expect(there).toMatchObject({ tokens, meta: here?.meta, idleExpiresAtMs: session.idleExpiresAtMs })
  }
  expect(await to.deleteTagged(providerSessionTag(issuer, 's1'))).toEqual([ada.key])
  expect(await to.deleteTagged(subjectTag(issuer, 'grace'))).toEqual([grace.key])
})

test('a second pass changes nothing where nothing changed', async () => {
  const session = await login('ada')
  await migrate()
  const before = await to.get(session.key)
  expect(await migrate()).toEqual({ ...nothing, unchanged: 1, inDestination: 1 })
  expect(await to.get(session.key)).toEqual(before)
})

test('more sessions than a page has all arrive', async () => {
  for (let count = 0; count < 450; count += 1) await login(`user-${count}`)
  expect(await migrate()).toEqual({ ...nothing, copied: 450, inDestination: 450 })
})

describe('a later pass', () => {
  test('brings a refresh of the old store, again and again', async () => {
    const session = await login('ada')
    for (const text of ['second', 'third', 'fourth', 'fifth']) {
      await migrate()
      await refresh(from, session, text)
      expect(await migrate()).toEqual({ ...nothing, renewed: 1, inDestination: 1 })
      expect(await refreshTokenIn(to, session)).toBe(text)
    }
  })

  test('brings use in the old store, and a session whose copy waited too long', async () => {
    const session = await login('ada')
    await migrate()
    now += 20 * minute
    await from.touch(session.key, now + 30 * minute)
    expect(await migrate()).toMatchObject({ renewed: 1 })
    expect((await to.get(session.key))?.expiresAtMs).toBe(now + 30 * minute)
    now += 29 * minute
    await from.touch(session.key, now + 30 * minute)
    now += 2 * minute
    expect(await to.get(session.key)).toBeUndefined()
    expect(await migrate()).toMatchObject({ copied: 1, inDestination: 1 })
    expect(await refreshTokenIn(to, session)).toBe('first')
  })

  test('closes what was closed in the old store', async () => {
    const [ada, grace] = [await login('ada'), await login('grace')]
    await migrate()
    await from.delete(ada.key)
    expect(await migrate()).toEqual({ ...nothing, unchanged: 1, closed: 1, inDestination: 1 })
    expect(await nodeOn(to).find(ada.id)).toBeUndefined()
    expect(await nodeOn(to).find(grace.id)).toBeDefined()
  })

  test('also where the copy was renewed or touched by a pass before', async () => {
    const session = await login('ada')
    await migrate()
    await refresh(from, session, 'second')
    await migrate()
    now += 10 * minute
    await from.touch(session.key, now + 30 * minute)
    await migrate()
    await from.delete(session.key)
    expect(await migrate()).toMatchObject({ closed: 1, inDestination: 0 })
  })

  test('brings nothing back that was closed in the new store', async () => {
    const session = await login('ada')
    await migrate()
    await to.delete(session.key)
    await refresh(from, session, 'second')
    expect(await migrate()).toEqual({ ...nothing, left: 1, inDestination: 0 })
    expect(await nodeOn(to).find(session.id)).toBeUndefined()
  })

  test('overwrites nothing that the new store renewed, whatever became of the old one', async () => {
    const [ada, grace] = [await login('ada'), await login('grace')]
    await migrate()
    await refresh(to, ada, 'newest')
    await refresh(to, grace, 'newest')
    await refresh(from, ada, 'stale')
    await from.delete(grace.key)
    expect(await migrate()).toEqual({ ...nothing, left: 1, inDestination: 2 })
    expect(await refreshTokenIn(to, ada)).toBe('newest')
    expect(await refreshTokenIn(to, grace)).toBe('newest')
  })

  test('keeps a session that is in use in the new store and ran out in the old one', async () => {
    const session = await login('ada')
    await migrate()
    now += 20 * minute
    await to.touch(session.key, now + 30 * minute)
    now += 15 * minute
    expect(await migrate()).toEqual({ ...nothing, inDestination: 1 })
    expect(await nodeOn(to).find(session.id)).toBeDefined()
  })

  test('leaves logins of the new store alone', async () => {
    const session = await nodeOn(to).create({ issuer, subject: 'ada', device: 'Firefox', tokens })
    expect(await migrate()).toEqual({ ...nothing, inDestination: 1 })
    expect(await nodeOn(to).find(session.id)).toBeDefined()
  })
})

test('a session that is closed or renewed between the look and the copy is closed or renewed in the end', async () => {
  const [ada, grace] = [await login('ada'), await login('grace')]
  let isFirst = true
  const busy: SessionStore = {
    ...withOutageErrors(from),
    async list(prefix, ...rest) {
      const page = await from.list(prefix, ...rest)
      if (prefix !== 'session:' || !isFirst) return page
      isFirst = false
      await from.delete(ada.key)
      await refresh(from, grace, 'second')
      return page
    },
  }
  expect(await migrate({ from: busy })).toEqual({ ...nothing, copied: 2, closed: 1, inDestination: 1 })
  expect(await nodeOn(to).find(ada.id)).toBeUndefined()
  await migrate()
  expect(await refreshTokenIn(to, grace)).toBe('second')
})

test('a login of the old store that comes too late for the pass is told as missing', async () => {
  await login('ada')
  let looks = 0
  const busy: SessionStore = {
    ...withOutageErrors(from),
    async list(prefix, ...rest) {
      if (prefix === 'session:' && (looks += 1) === 2) await login('grace')
      return from.list(prefix, ...rest)
    },
  }
  expect(await migrate({ from: busy })).toEqual({ ...nothing, copied: 1, missing: 1, inDestination: 1 })
  expect(await migrate()).toEqual({ ...nothing, copied: 1, unchanged: 1, inDestination: 2 })
})

const writes = ['add', 'replace', 'touch', 'delete'] as const
const cuts = writes.flatMap((method) => [0, 1, 2, 3, 4].map((survived) => ({ method, survived })))

test.each(cuts)('a pass cut short after $survived times $method is made good by the next', async ({ method, survived }) => {
  const [closed, renewed, touched] = [await login('closed'), await login('renewed'), await login('touched')]
  await migrate()
  await login('new')
  await from.delete(closed.key)
  await refresh(from, renewed, 'second')
  await from.touch(touched.key, now + 31 * minute)
  let calls = 0
  const failing: SessionStore = {
    ...withOutageErrors(to),
    [method]: (...args: never[]) => {
      calls += 1
      if (calls > survived) throw new Error('cut short')
      return Reflect.apply(to[method], to, args)
    },
  }
  await migrate({ to: failing }).catch((error: unknown) => expect(String(error)).toContain('cut short'))
  await migrate()
  expect(await nodeOn(to).find(closed.id)).toBeUndefined()
  expect(await refreshTokenIn(to, renewed)).toBe('second')
  expect((await to.get(touched.key))?.expiresAtMs).toBe(now + 31 * minute)
})

test('what no secret opens is named and stays behind', async () => {
  const former = new Secret('a former server secret, long enough')
  const lost = await nodeOn(from, [former]).create({ issuer, subject: 'ada', device: 'Firefox', tokens })
  await from.add('session:nonsense', { value: Buffer.from('nonsense'), expiresAtMs: now + minute })
  const { unreadable, ...rest } = await migrate()
  expect(unreadable.toSorted()).toEqual([publicId(lost.key), publicId('session:nonsense')].toSorted())
  expect(rest).toMatchObject({ copied: 0, missing: 0, inDestination: 0 })
})

test('marks go along: spent logins, logouts at the provider and used logout tokens stay what they are', async () => {
  const later = now + 15 * minute
  for (const key of ['spent:a', 'ended:sub:a', 'logout:a'])
    await from.add(key, { value: Buffer.from('old'), expiresAtMs: now + minute })
  await from.add('lease:session:a', { value: Buffer.from(''), expiresAtMs: later })
  await to.add('spent:a', { value: Buffer.from('longer'), expiresAtMs: later })
  await migrate()
  const mark = async (key: string) => {
    const record = await to.get(key)
    return record && [Buffer.from(record.value).toString(), record.expiresAtMs]
  }
  expect(await mark('spent:a')).toEqual(['longer', later])
  expect(await mark('ended:sub:a')).toEqual(['old', now + minute])
  expect(await mark('lease:session:a')).toBeUndefined()
  const version = (await from.get('ended:sub:a'))?.version ?? 0
  await from.replace('ended:sub:a', version, Buffer.from('new'), later)
  await migrate()
  expect(await mark('ended:sub:a')).toEqual(['new', later])
})
