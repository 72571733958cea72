import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { Secret } from '../config/secret.ts'
import { BffError } from '../errors.ts'
import { createMemoryStore } from '../stores/memory.ts'
import { Keyring } from './seal.ts'
import { tokenTimes } from './session.ts'
import { Sessions } from './sessions.ts'
import { Tokens, type TokenAnswer } from './tokens.ts'

const keyring = new Keyring([new Secret('a server secret that is long enough for a test')], randomBytes)
const answer: TokenAnswer = { accessToken: 'access-1', refreshToken: 'refresh-1', expiresInSeconds: 300 }

async function node(refresh: () => Promise<TokenAnswer>) {
  const store = createMemoryStore()
  let isDown = false
  const replace = store.replace.bind(store)
  store.replace = (key, ...rest) => {
    if (isDown && key.startsWith('session:')) throw new BffError('store_unavailable')
    return replace(key, ...rest)
  }
  const times = { clock: Date.now, random: randomBytes, idleTimeoutMs: 1_800_000, lifetimeMs: 28_800_000 }
  const sessions = new Sessions({ store, keyring, ...times })
  const tokens = new Tokens({ sessions, store, clock: Date.now, refresh, discard: () => undefined, onEvent: () => undefined })
  const session = await sessions.create({
    issuer: 'https://id.test',
    subject: 'ada',
    device: 'a test',
    tokens: {
      claims: {},
      accessToken: 'access-0',
      refreshToken: 'refresh-0',
      idToken: 'id-0',
      scope: '',
      resources: {},
      ...tokenTimes(0, 300),
    },
  })
  // As another process sees it, from the store alone.
  const stored = async () => (await new Sessions({ store, keyring, ...times }).find(session.id))?.tokens.refreshToken
  return { tokens, session, stored, setDown: (value: boolean) => (isDown = value) }
}

test('a refresh under way is stored before the process ends, whoever has left', async () => {
  let respond: ((answer: TokenAnswer) => void) | undefined
  const { tokens, session, stored } = await node(() => new Promise((resolve) => (respond = resolve)))
  const call = tokens.fresh(session, undefined)
  await expect.poll(() => respond).toBeDefined()
  const settled = tokens.settle(5_000)
  respond?.(answer)
  await settled
  expect(await stored()).toBe('refresh-1')
  await call
})

test('tokens that the store would not take are written once it does', async () => {
  const { tokens, session, stored, setDown } = await node(async () => answer)
  setDown(true)
  await expect(tokens.fresh(session, undefined)).rejects.toMatchObject({ code: 'store_unavailable' })
  const settled = tokens.settle(5_000)
  setDown(false)
  await settled
  expect(await stored()).toBe('refresh-1')
})

test('a store that stays away delays the end no longer than it may', async () => {
  const { tokens, session, stored, setDown } = await node(async () => answer)
  setDown(true)
  await expect(tokens.fresh(session, undefined)).rejects.toMatchObject({ code: 'store_unavailable' })
  await tokens.settle(300)
  expect(await stored()).toBe('refresh-0')
})

test('with nothing under way it does not wait', async () => {
  const { tokens } = await node(async () => answer)
  const startedAtMs = performance.now()
  await tokens.settle(60_000)
  expect(performance.now() - startedAtMs).toBeLessThan(30_000)
})
