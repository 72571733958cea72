import { randomBytes } from 'node:crypto'
import { beforeEach, expect, test } from 'vitest'
import { Secret } from '../config/secret.ts'
import { createMemoryStore } from '../stores/memory.ts'
import type { SessionStore } from '../stores/store.ts'
import { Keyring } from './seal.ts'
import type { SessionTokens } from './session.ts'
import { Sessions } from './sessions.ts'

const secret = new Secret('a server secret that is long enough for a test')
const tokens: SessionTokens = {
  accessToken: 'the-access-token',
  refreshToken: 'the-refresh-token',
  idToken: 'the-id-token',
  scope: 'openid',
  resources: {},
  claims: { sub: 'ada' },
}
const login = { issuer: 'https://id.test', subject: 'ada', device: 'Firefox on Linux', tokens }
const minute = 60_000

let now: number
let store: SessionStore
let one: Sessions
let other: Sessions

/** Two nodes on one store. */
beforeEach(() => {
  now = 1_000_000
  store = createMemoryStore({ clock: () => now })
  one = node()
  other = node()
})

function node(secrets: readonly Secret[] = [secret]): Sessions {
  const keyring = new Keyring(secrets, randomBytes)
  return new Sessions({
    store,
    keyring,
    clock: () => now,
    random: randomBytes,
    idleTimeoutMs: 30 * minute,
    lifetimeMs: 480 * minute,
  })
}

test('a session is found by its id on every node, and by no other id', async () => {
  const { id, key } = await one.create(login)
  expect(await one.find(id)).toMatchObject({ id, key, tokens })
  expect(await other.find(id)).toMatchObject({ id, key, tokens })
  expect(await one.find(randomBytes(32).toString('base64url'))).toBeUndefined()
})

test('every login has another id of 256 bits', async () => {
  const ids = new Set<string>()
  for (let i = 0; i < 100; i += 1) ids.add((await one.create(login)).id)
  expect(ids.size).toBe(100)
  for (const id of ids) expect(Buffer.from(id, 'base64url')).toHaveLength(32)
})

test('neither the store nor the server secret, nor both together, show a token or an id', async () => {
  const { id, key } = await one.create(login)
  const record = await store.get(key)
  const bytes = Buffer.from(record?.value ?? [])
  for (const text of [id, tokens.accessToken, tokens.refreshToken ?? '', tokens.idToken]) {
    expect(bytes.includes(text)).toBe(false)
    expect(key).not.toContain(text)
  }
  const keyring = new Keyring([secret], randomBytes)
  const tokensPart = bytes.subarray(4 + bytes.readUInt32BE(0))
  expect(keyring.open('session-tokens', tokensPart, key)).toBeUndefined()
  expect(keyring.open('session-tokens', tokensPart, key, Buffer.from(key))).toBeUndefined()
  expect(keyring.open('session-tokens', tokensPart, key, Buffer.from(id, 'base64url'))).toBeDefined()
})

test('a record under another key does not open: no session stands in for another', async () => {
  const ada = await one.create(login)
  const eve = await one.create({ ...login, subject: 'eve' })
  const record = await store.get(ada.key)
  const evil = await store.get(eve.key)
  await store.replace(eve.key, evil?.version ?? 0, record?.value ?? new Uint8Array(), now + minute)
  expect(await other.find(eve.id)).toBeUndefined()
})

test('a session ends when it is idle, and use slides that', async () => {
  const { id } = await one.create(login)
  now += 29 * minute
  const found = await one.find(id)
  if (found !== undefined) one.touch(found)
  now += 29 * minute
  expect(await other.find(id), 'used in between').toBeDefined()
  now += 2 * minute
  expect(await one.find(id)).toBeUndefined()
  expect(await other.find(id)).toBeUndefined()
})

test('looking does not slide it', async () => {
  const { id } = await one.create(login)
  for (let i = 0; i < 29; i += 1) {
    now += minute
    expect(await one.find(id)).toBeDefined()
  }
  now += minute
  expect(await one.find(id)).toBeUndefined()
})

test('the absolute end comes even where a store keeps the record', async () => {
  const { id, key } = await one.create(login)
  expect(await store.touch(key, now + 9_000 * minute)).toBe(true)
  now += 481 * minute
  expect(await store.get(key)).toBeDefined()
  expect(await other.find(id)).toBeUndefined()
})

test('the absolute end comes whatever is done', async () => {
  const { id } = await one.create(login)
  const end = now + 480 * minute
  while (now < end - 10 * minute) {
    now += 10 * minute
    const found = await one.find(id)
    if (found === undefined) break
    one.touch(found)
    expect(found.idleExpiresAtMs).toBeLessThanOrEqual(end)
  }
  expect(await one.find(id)).toBeDefined()
  now = end
  expect(await one.find(id)).toBeUndefined()
  expect(await other.find(id)).toBeUndefined()
})

test('closed on one node is closed on the other at once, although it was in its memory', async () => {
  const { id, key } = await one.create(login)
  const held = await other.find(id)
  expect(held && other.isCurrent(held)).toBe(true)
  await one.close(key, 'logout')
  expect(held && other.isCurrent(held)).toBe(false)
  expect(await other.find(id)).toBeUndefined()
})

test('a late write or touch brings nothing back', async () => {
  const { id, key } = await one.create(login)
  const held = await other.find(id)
  await one.close(key, 'logout')
  if (held === undefined) throw new Error('not found')
  now += 5 * minute
  other.touch(held)
  expect(await other.replaceTokens(held, { ...tokens, accessToken: 'a-late-token' })).toBeUndefined()
  expect(await one.find(id)).toBeUndefined()
  expect(await other.find(id)).toBeUndefined()
})

test('of two writes from the same state one wins, and both nodes see it', async () => {
  const { id } = await one.create(login)
  const [here, there] = [await one.find(id), await other.find(id)]
  if (here === undefined || there === undefined) throw new Error('not found')
  const results = [
    await one.replaceTokens(here, { ...tokens, accessToken: 'from-one' }),
    await other.replaceTokens(there, { ...tokens, accessToken: 'from-the-other' }),
  ]
  expect(results.filter((r) => r !== undefined)).toHaveLength(1)
  expect((await one.find(id))?.tokens.accessToken).toBe('from-one')
  expect((await other.find(id))?.tokens.accessToken).toBe('from-one')
})

test('a conditional close spares a session that was written since', async () => {
  const { id, key, version } = await one.create(login)
  const found = await other.find(id)
  if (found !== undefined) await other.replaceTokens(found, { ...tokens, accessToken: 'newer' })
  expect(await one.close(key, 'refresh_rejected', version)).toBe(false)
  expect(await one.find(id)).toBeDefined()
})

test('a rotated secret keeps sessions, a dropped one ends them without an error', async () => {
  const { id } = await one.create(login)
  const next = new Secret('the next server secret, long enough for a test')
  expect(await node([next, secret]).find(id)).toBeDefined()
  expect(await node([next]).find(id)).toBeUndefined()
})

test('whoever listens learns of the end and its reason', async () => {
  const ended: string[] = []
  one.onEnd((key, reason) => ended.push(`${key} ${reason}`))
  const { key } = await one.create(login)
  await one.close(key, 'logout')
  expect(ended).toEqual([`${key} logout`])
})

test('an error of the store is an error, never the absence of a session', async () => {
  const { id } = await one.create(login)
  store.get = () => {
    throw new Error('disk on fire')
  }
  store.holds = () => false
  await expect(async () => one.find(id)).rejects.toThrow('disk on fire')
})
