import { randomBytes } from 'node:crypto'
import { beforeEach, expect, test, vi } from 'vitest'
import { Secret } from '../config/secret.ts'
import { BffError } from '../errors.ts'
import { createMemoryStore } from '../stores/memory.ts'
import type { SessionStore } from '../stores/store.ts'
import { Keyring } from './seal.ts'
import { tokenTimes, type Session, type SessionTokens, type TokenRecipe } from './session.ts'
import { Sessions } from './sessions.ts'
import { RefreshRejected, Tokens, type RefreshEvent, type TokenAnswer } from './tokens.ts'

const keyring = new Keyring([new Secret('a server secret that is long enough for a test')], randomBytes)
let now: number
let store: SessionStore
let asked: { refreshToken: string; recipe: TokenRecipe | undefined }[]
let discarded: string[]
let events: RefreshEvent[]
let answer: (refreshToken: string, recipe: TokenRecipe | undefined) => Promise<TokenAnswer>
let one: { sessions: Sessions; tokens: Tokens }
let other: { sessions: Sessions; tokens: Tokens }

beforeEach(() => {
  now = 1_000_000
  store = createMemoryStore({ clock: () => now })
  asked = []
  discarded = []
  events = []
  answer = async () => ({ accessToken: `access-${asked.length}`, refreshToken: `refresh-${asked.length}`, expiresInSeconds: 300 })
  one = node()
  other = node()
})

function node(): { sessions: Sessions; tokens: Tokens } {
  const clock = (): number => now
  const sessions = new Sessions({ store, keyring, clock, random: randomBytes, idleTimeoutMs: 1_800_000, lifetimeMs: 28_800_000 })
  const tokens = new Tokens({
    sessions,
    store,
    clock,
    refresh: (refreshToken, recipe) => {
      asked.push({ refreshToken, recipe })
      return answer(refreshToken, recipe)
    },
    discard: (refreshToken) => discarded.push(refreshToken),
    onEvent: (_session, event) => events.push(event),
  })
  return { sessions, tokens }
}

async function login(change: Partial<SessionTokens> = {}): Promise<Session> {
  const held: SessionTokens = {
    accessToken: 'access-0',
    ...tokenTimes(now, 300),
    refreshToken: 'refresh-0',
    idToken: 'id-0',
    scope: 'openid orders.read',
    resources: {},
    claims: { sub: 'ada', iss: 'https://id.test' },
    ...change,
  }
  return one.sessions.create({ issuer: 'https://id.test', subject: 'ada', device: '', tokens: held })
}

async function findBy(at: typeof one, session: Session): Promise<Session> {
  const found = await at.sessions.find(session.id)
  if (found === undefined) throw new Error('the session is gone')
  return found
}

test('a token that lives is used as it is', async () => {
  const session = await login()
  now += 269_000
  expect(one.tokens.isDue(session, undefined)).toBe(false)
  expect(await one.tokens.fresh(session, undefined)).toBe(session)
  now += 1_000
  expect(one.tokens.isDue(session, undefined)).toBe(true)
  expect(asked).toEqual([])
})

test('many callers on two nodes: one refresh, and all get its token', async () => {
  const session = await login()
  now += 301_000
  const there = await findBy(other, session)
  const calls = Array.from({ length: 100 }, (_, i) =>
    i % 2 ? one.tokens.fresh(session, undefined) : other.tokens.fresh(there, undefined),
  )
  const results = await Promise.all(calls)
  expect(asked).toEqual([{ refreshToken: 'refresh-0', recipe: undefined }])
  for (const result of results) expect(result?.tokens).toMatchObject({ accessToken: 'access-1', refreshToken: 'refresh-1' })
})

test('the rotated refresh token is in the store before anybody has the access token', async () => {
  const session = await login()
  now += 301_000
  await one.tokens.fresh(session, undefined)
  expect((await findBy(other, session)).tokens.refreshToken).toBe('refresh-1')
})

test('where no refresh token came the old one stays, and so do scope and ID token', async () => {
  answer = async () => ({ accessToken: 'access-1', expiresInSeconds: 300 })
  const session = await login()
  now += 301_000
  const fresh = await one.tokens.fresh(session, undefined)
  expect(fresh?.tokens).toMatchObject({
    accessToken: 'access-1',
    refreshToken: 'refresh-0',
    idToken: 'id-0',
    scope: 'openid orders.read',
  })
})

test('invalid_grant ends the session, once', async () => {
  answer = async () => {
    throw new RefreshRejected('refused')
  }
  const session = await login()
  now += 301_000
  expect(await Promise.all([one.tokens.fresh(session, undefined), one.tokens.fresh(session, undefined)])).toEqual([
    undefined,
    undefined,
  ])
  expect(await one.sessions.find(session.id)).toBeUndefined()
  expect(asked).toHaveLength(1)
  expect(events).toMatchObject([{ event: 'refresh_failed', ended: true }])
})

test('a refusal that comes late does not end a session that another node has renewed meanwhile', async () => {
  const session = await login()
  answer = async () => {
    await other.sessions.replaceTokens(session, {
      ...session.tokens,
      accessToken: 'access-of-another-node',
      ...tokenTimes(now, 300),
    })
    throw new RefreshRejected('refused')
  }
  now += 301_000
  expect((await one.tokens.fresh(session, undefined))?.tokens.accessToken).toBe('access-of-another-node')
  expect(await other.sessions.find(session.id)).toBeDefined()
})

test('trouble keeps the session: the token is used while it lives, with a pause between tries, then it is 503', async () => {
  answer = async () => {
    throw new BffError('provider_unavailable', { retryAfterSeconds: 5 })
  }
  const session = await login()
  now += 271_000
  expect((await one.tokens.fresh(session, undefined))?.tokens.accessToken).toBe('access-0')
  expect((await one.tokens.fresh(session, undefined))?.tokens.accessToken).toBe('access-0')
  expect(asked, 'no second try within the pause').toHaveLength(1)
  now += 5_000
  await one.tokens.fresh(session, undefined)
  expect(asked).toHaveLength(2)
  now += 60_000
  await expect(one.tokens.fresh(session, undefined)).rejects.toMatchObject({ code: 'provider_unavailable' })
  expect(await one.sessions.find(session.id)).toBeDefined()
  answer = async () => ({ accessToken: 'access-late', expiresInSeconds: 300 })
  expect((await one.tokens.fresh(session, undefined))?.tokens.accessToken, 'and recovers at once').toBe('access-late')
})

test('a logout during the refresh stays a logout, and the new token is given back', async () => {
  const session = await login()
  now += 301_000
  const { promise, resolve } = withResolvers<TokenAnswer>()
  answer = () => promise
  const call = one.tokens.fresh(session, undefined)
  while (asked.length === 0) await Promise.resolve()
  await other.sessions.close(session.key, 'logout')
  resolve({ accessToken: 'access-1', refreshToken: 'refresh-1', expiresInSeconds: 300 })
  expect(await call).toBeUndefined()
  expect(await one.sessions.find(session.id)).toBeUndefined()
  expect(await other.sessions.find(session.id)).toBeUndefined()
  expect(discarded).toEqual(['refresh-1'])
})

test.each([{ iss: 'https://id.test', sub: 'eve' }, { iss: 'https://other.test', sub: 'ada' }, { sub: 'ada' }, {}])(
  'a refreshed ID token of %j ends the session',
  async (idTokenClaims) => {
    answer = async () => ({ accessToken: 'access-1', refreshToken: 'refresh-1', idToken: 'id-1', idTokenClaims })
    const session = await login()
    now += 301_000
    expect(await one.tokens.fresh(session, undefined)).toBeUndefined()
    expect(await one.sessions.find(session.id)).toBeUndefined()
    expect(discarded).toEqual(['refresh-1'])
  },
)

test('without a refresh token the session ends with its access token, not before', async () => {
  const session = await login({ refreshToken: undefined })
  now += 299_000
  expect(await one.tokens.fresh(session, undefined)).toBeDefined()
  now += 1_000
  expect(await one.tokens.fresh(session, undefined)).toBeUndefined()
  expect(await one.sessions.find(session.id)).toBeUndefined()
  expect(asked).toEqual([])
})

test('a token whose life is unknown is used as it is', async () => {
  const session = await login({ accessTokenExpiresAtMs: undefined, refreshAtMs: undefined })
  now += 1_000_000
  expect(one.tokens.isDue(session, undefined)).toBe(false)
})

test('each resource has a token of its own, fetched once and one after the other', async () => {
  answer = async (_refreshToken, recipe) => ({
    accessToken: `for ${recipe?.resource}`,
    refreshToken: `refresh-${asked.length}`,
    expiresInSeconds: 300,
  })
  const session = await login()
  const [a, b] = [{ resource: 'https://a.test' }, { resource: 'https://b.test' }]
  const results = await Promise.all([a, b, a, b, a].map((recipe) => one.tokens.fresh(session, recipe)))
  expect(asked.map(({ refreshToken, recipe }) => [refreshToken, recipe?.resource])).toEqual([
    ['refresh-0', 'https://a.test'],
    ['refresh-1', 'https://b.test'],
  ])
  expect(results.every((r) => r !== undefined)).toBe(true)
  const held = await findBy(other, session)
  expect(held.tokens.resources).toMatchObject({
    'https://a.test': { accessToken: 'for https://a.test' },
    'https://b.test': { accessToken: 'for https://b.test' },
  })
  expect(held.tokens).toMatchObject({ accessToken: 'access-0', scope: 'openid orders.read' })
})

test('a node that died with the lease frees it within seconds', async () => {
  const session = await login()
  now += 301_000
  await store.add(`lease:${session.key}`, { value: new Uint8Array(0), expiresAtMs: now + 5_000 })
  const call = one.tokens.fresh(session, undefined)
  await new Promise((resolve) => setImmediate(resolve))
  expect(asked).toEqual([])
  now += 5_000
  expect((await call)?.tokens.accessToken).toBe('access-1')
})

test('where the store fails nothing is asked of the provider', async () => {
  const session = await login()
  now += 301_000
  store.add = () => {
    throw new Error('disk on fire')
  }
  await expect(one.tokens.fresh(session, undefined)).rejects.toThrow('disk on fire')
  expect(asked).toEqual([])
})

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>((r) => {
    resolve = r
  })
  return { promise, resolve }
}

/** A store whose next replacements of sessions fail; the leases go on. */
function failToReplace(times: number): void {
  const replace = store.replace.bind(store)
  let left = times
  store.replace = (key, ...rest) => {
    if (!key.startsWith('session:') || left === 0) return replace(key, ...rest)
    left -= 1
    throw new BffError('store_unavailable')
  }
}

test('tokens that the store did not take are written later, and the spent refresh token is not shown again', async () => {
  const session = await login()
  now += 301_000
  failToReplace(2)
  await expect(one.tokens.fresh(session, undefined)).rejects.toMatchObject({ code: 'store_unavailable' })
  const there = await findBy(other, session)
  const results = await Promise.all([one.tokens.fresh(session, undefined), other.tokens.fresh(there, undefined)])
  expect(asked).toHaveLength(1)
  for (const result of results) expect(result?.tokens).toMatchObject({ accessToken: 'access-1', refreshToken: 'refresh-1' })
  expect(discarded).toEqual([])
})

test('tokens that the store did not take are given back where the session was closed meanwhile', async () => {
  const session = await login()
  now += 301_000
  failToReplace(1)
  await expect(one.tokens.fresh(session, undefined)).rejects.toMatchObject({ code: 'store_unavailable' })
  await other.sessions.close(session.key, 'logout')
  expect(await one.tokens.fresh(session, undefined)).toBeUndefined()
  await vi.waitFor(() => expect(discarded).toEqual(['refresh-1']))
  expect(asked).toHaveLength(1)
})

test('calls that come together wait for one refresh, and the store is asked for one lease', async () => {
  const session = await login()
  now += 280_000
  const add = vi.spyOn(store, 'add')
  const found = await Promise.all(Array.from({ length: 10 }, () => one.tokens.fresh(session, undefined)))
  expect(new Set(found.map((fresh) => fresh?.tokens.accessToken))).toEqual(new Set(['access-1']))
  expect(asked).toHaveLength(1)
  expect(add.mock.calls.filter(([key]) => key.startsWith('lease:'))).toHaveLength(1)
})
