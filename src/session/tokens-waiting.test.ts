import { randomBytes } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { Secret } from '../config/secret.ts'
import { createMemoryStore } from '../stores/memory.ts'
import type { SessionStore } from '../stores/store.ts'
import { Keyring } from './seal.ts'
import { tokenTimes } from './session.ts'
import { Sessions } from './sessions.ts'
import { Tokens, type TokenAnswer } from './tokens.ts'

const keyring = new Keyring([new Secret('a server secret that is long enough for a test')], randomBytes)

/** A node with its own eyes on a store: what it asks is counted apart from what other nodes ask. */
function node(store: SessionStore, refresh: () => Promise<TokenAnswer>) {
  const asked = { get: 0, add: 0, holds: 0 }
  const count = (name: keyof typeof asked): SessionStore => {
    asked[name] += 1
    return store
  }
  const watched: SessionStore = {
    get: (...given) => count('get').get(...given),
    add: (...given) => count('add').add(...given),
    holds: (...given) => count('holds').holds(...given),
    replace: (...given) => store.replace(...given),
    touch: (...given) => store.touch(...given),
    delete: (...given) => store.delete(...given),
    deleteTagged: (...given) => store.deleteTagged(...given),
    listTagged: (...given) => store.listTagged(...given),
    list: (...given) => store.list(...given),
    check: () => store.check(),
    close: () => store.close(),
  }
  const sessions = new Sessions({
    store: watched,
    keyring,
    clock: Date.now,
    random: randomBytes,
    idleTimeoutMs: 1_800_000,
    lifetimeMs: 28_800_000,
  })
  const tokens = new Tokens({ sessions, store: watched, clock: Date.now, refresh, discard: () => {}, onEvent: () => {} })
  return { asked, sessions, tokens }
}

test('a node that waits for the refresh of another asks the store nothing while nothing changes', async () => {
  const store = createMemoryStore()
  let answer: (given: TokenAnswer) => void = () => undefined
  let refreshes = 0
  const refresh = () => {
    refreshes += 1
    return new Promise<TokenAnswer>((resolve) => (answer = resolve))
  }
  const [one, other] = [node(store, refresh), node(store, refresh)]
  const held = {
    accessToken: 'old',
    ...tokenTimes(Date.now(), 0),
    refreshToken: 'refresh-0',
    idToken: 'id',
    scope: '',
    resources: {},
    claims: {},
  }
  const session = await one.sessions.create({ issuer: 'https://id.test', subject: 'ada', device: '', tokens: held })
  const there = await other.sessions.find(session.id)
  if (there === undefined) throw new Error('the session is gone')

  const refreshing = one.tokens.fresh(session, undefined)
  await vi.waitFor(() => expect(refreshes).toBe(1))
  const waiting = other.tokens.fresh(there, undefined)
  await vi.waitFor(() => expect(other.asked.add).toBe(1))
  const before = { ...other.asked }
  await vi.waitFor(() => expect(other.asked.holds).toBeGreaterThan(before.holds + 4), { interval: 5 })
  expect(other.asked).toMatchObject({ get: before.get, add: before.add })

  answer({ accessToken: 'new', expiresInSeconds: 300 })
  expect((await refreshing)?.tokens.accessToken).toBe('new')
  expect((await waiting)?.tokens.accessToken).toBe('new')
  expect(refreshes).toBe(1)
})
