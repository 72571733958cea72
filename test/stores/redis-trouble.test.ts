import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createRedisStore } from '../../src/stores/redis.ts'
import type { RedisStoreOptions } from '../../src/stores/redis.ts'
import type { SessionStore } from '../../src/stores/store.ts'
import { eventually } from '../support/eventually.ts'
import { RedisServer } from '../support/redis-server.ts'

const closers: (() => unknown)[] = []
let keyPrefix: string

beforeEach(() => {
  keyPrefix = `test-${randomUUID()}:`
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function startServer(options: Parameters<typeof RedisServer.start>[0] = {}): Promise<RedisServer> {
  const server = await RedisServer.start(options)
  closers.push(() => server.stop())
  return server
}

function open(url: string, options: Partial<RedisStoreOptions> = {}): SessionStore {
  const store = createRedisStore({ url, keyPrefix, ...options })
  closers.push(() => store.close())
  return store
}

const record = (value = 'value') => ({ value: Buffer.from(value), expiresAtMs: Date.now() + 60_000, tags: ['t'] })

/** Every method rejects, so that nobody takes trouble for an absent record, and none keeps its caller waiting. */
async function expectTrouble(store: SessionStore, words: RegExp, withinMs: number): Promise<void> {
  const calls: readonly (() => unknown)[] = [
    () => store.get('k'),
    () => store.add('new', record()),
    () => store.replace('k', 1, Buffer.from('x'), Date.now() + 60_000),
    () => store.touch('k', Date.now() + 60_000),
    () => store.delete('k'),
    () => store.deleteTagged('t'),
    () => store.listTagged('t'),
    () => store.list('', undefined, 10),
    () => store.check(),
  ]
  const startedMs = performance.now()
  for (const outcome of await Promise.allSettled(calls.map((call) => call()))) {
    expect(outcome.status).toBe('rejected')
    if (outcome.status === 'rejected') expect(String(outcome.reason)).toMatch(words)
  }
  expect(performance.now() - startedMs).toBeLessThan(withinMs)
}

async function expectWorking(store: SessionStore): Promise<void> {
  const key = randomUUID()
  const version = await store.add(key, record())
  expect(await store.get(key)).toMatchObject({ version })
  expect(await store.delete(key)).toBe(true)
  await store.check()
}

describe('Redis store, the server is away', () => {
  test('R01: down at the start, every call fails fast, and works when it is up', async () => {
    const server = await startServer()
    await server.kill()
    const store = open(server.url)
    await expectTrouble(store, /in trouble.*ECONNREFUSED/, 1500)
    await server.restart()
    await expectWorking(store)
  })

  test('R02, R03: killed and restarted, the first call afterwards finds the record', async () => {
    const server = await startServer({ durable: true })
    const store = open(server.url)
    await store.check()
    const version = await store.add('k', record())
    expect(store.holds('k', version ?? 0)).toBe(true)
    await server.kill()
    await expectTrouble(store, /in trouble/, 1500)
    await expectTrouble(store, /in trouble/, 1500)
    expect(store.holds('k', version ?? 0)).toBe(false)
    await server.restart()
    expect(await store.get('k')).toMatchObject({ version })
    await eventually(async () => {
      await store.get('k')
      expect(store.holds('k', version ?? 0)).toBe(true)
    })
    expect(await store.delete('k', version)).toBe(true)
    expect(await server.command('hlen', `${keyPrefix}nodes`)).toBe(1)
  })

  test('idle connections are closed by the server: the next call succeeds', async () => {
    const server = await startServer()
    const store = open(server.url)
    const version = await store.add('k', record())
    for (const type of ['normal', 'pubsub']) await server.command('client', 'kill', 'type', type)
    await delay(20)
    expect(await store.get('k')).toMatchObject({ version })
  })
})

describe('Redis store, the server is silent (R04)', () => {
  test('each call ends within its time, calls do not pile up, the event loop is free, and all is well afterwards', async () => {
    const server = await startServer()
    const store = open(server.url)
    await store.check()
    const version = (await store.add('k', record())) ?? 0
    server.pause()
    const startedMs = performance.now()
    const calls = Array.from({ length: 500 }, async () => store.get('k'))
    let slowestTickMs = 0
    for (let lastMs = performance.now(); performance.now() - startedMs < 900;) {
      await delay(10)
      slowestTickMs = Math.max(slowestTickMs, performance.now() - lastMs)
      lastMs = performance.now()
    }
    const outcomes = await Promise.allSettled(calls)
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(500)
    expect(performance.now() - startedMs).toBeLessThan(1500)
    expect(slowestTickMs).toBeLessThan(250)
    expect(store.holds('k', version)).toBe(false)
    await expectTrouble(store, /in trouble/, 1500)
    server.resume()
    await eventually(async () => expect(await store.get('k')).toMatchObject({ version }))
    await expectWorking(store)
  })
})

describe('Redis store, the server cannot be written to (R05)', () => {
  const troubles: readonly (readonly [string, RegExp, readonly string[], readonly string[]])[] = [
    ['is out of memory', /OOM/, ['config', 'set', 'maxmemory', '1'], ['config', 'set', 'maxmemory', '0']],
    [
      'lacks its replicas',
      /NOREPLICAS/,
      ['config', 'set', 'min-replicas-to-write', '1'],
      ['config', 'set', 'min-replicas-to-write', '0'],
    ],
    ['became a replica', /READONLY|connection/, ['replicaof', '127.0.0.1', '1'], ['replicaof', 'no', 'one']],
  ]
  for (const [name, words, [begin = '', ...beginArgs], [end = '', ...endArgs]] of troubles) {
    test(`it ${name}: what is there can be read and trusted, writes reject, and work again afterwards`, async () => {
      const server = await startServer()
      const store = open(server.url)
      await store.check()
      const version = (await store.add('k', record())) ?? 0
      await server.command(begin, ...beginArgs)
      await expect(store.add('new', record())).rejects.toThrow(words)
      await expect(store.replace('k', version, Buffer.from('x'), Date.now() + 60_000)).rejects.toThrow(words)
      await expect(store.check()).rejects.toThrow(words)
      await eventually(async () => {
        expect(await store.get('k')).toMatchObject({ version })
        expect(await store.get('new')).toBe(undefined)
      })
      await server.command(end, ...endArgs)
      await eventually(() => expectWorking(store))
      expect(await store.delete('k', version)).toBe(true)
    })
  }

  test('out of memory: a session can still be closed', async () => {
    const server = await startServer()
    const store = open(server.url)
    await store.add('k', record())
    await server.command('config', 'set', 'maxmemory', '1')
    expect(await store.delete('k')).toBe(true)
    expect(await store.get('k')).toBe(undefined)
  })

  test('a user with the permissions of docs/redis.md can do everything', async () => {
    const server = await startServer()
    const docs = readFileSync(join(import.meta.dirname, '../../docs/redis.md'), 'utf8')
    const [, rule = ''] = /^redis-cli ACL (SETUSER coatcheck .*)$/m.exec(docs.replaceAll("'", '')) ?? []
    await server.command('acl', ...rule.split(' '))
    const store = open(server.url.replace('//', '//coatcheck:PASSWORD@'), { keyPrefix: 'coatcheck:' })
    await store.check()
    const version = (await store.add('k', record())) ?? 0
    const next = (await store.replace('k', version, Buffer.from('two'), Date.now() + 60_000)) ?? 0
    expect(await store.touch('k', Date.now() + 70_000)).toBe(true)
    expect(await store.get('k')).toMatchObject({ version: next })
    expect(store.holds('k', next)).toBe(true)
    expect(await store.list('', undefined, 10)).toHaveLength(1)
    expect(await store.deleteTagged('t')).toEqual(['k'])
    await expect(open(server.url.replace('//', '//coatcheck:PASSWORD@')).get('k')).rejects.toThrow(/NOPERM/)
  })

  test('a refused message: the write does not happen either', async () => {
    const server = await startServer()
    const writer = open(server.url)
    const version = (await writer.add('k', record())) ?? 0
    await server.command('acl', 'setuser', 'mute', 'on', '>secret', '~*', '+@all', 'resetchannels')
    const mute = open(server.url.replace('//', '//mute:secret@'))
    await expect(mute.delete('k')).rejects.toThrow(/in trouble/)
    await expect(mute.replace('k', version, Buffer.from('x'), Date.now() + 60_000)).rejects.toThrow(/in trouble/)
    await expect(mute.check()).rejects.toThrow(/in trouble/)
    expect(await mute.get('k')).toMatchObject({ version })
  })
})

describe('Redis store, what is not a record of ours (R07, D08)', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server.stop())
  const fields = (changes: Record<string, string>) =>
    Object.entries({ v: '7', e: `${Date.now() + 60_000}`, d: 'x', b: '7', t: '', ...changes })
      .filter(([, value]) => value !== 'absent')
      .flat()
  const foreign: readonly (readonly [string, readonly string[]])[] = [
    ['a string', ['set', 'K', 'something else']],
    ['a list', ['rpush', 'K', 'v', 'e', 'd']],
    ['a hash with other fields', ['hset', 'K', 'name', 'value']],
    ...['v', 'e', 'd', 'b'].map((name) => [`without ${name}`, ['hset', 'K', ...fields({ [name]: 'absent' })]] as const),
    ['with a version that is no number', ['hset', 'K', ...fields({ v: 'seven' })]],
    ['with an expiry that is no number', ['hset', 'K', ...fields({ e: '' })]],
  ]
  for (const [name, [command = '', ...args]] of foreign) {
    test(`${name}: absent for every method, and can be overwritten`, async () => {
      const store = open(server.url)
      await store.check()
      await server.command(command, ...args.map((arg) => (arg === 'K' ? `${keyPrefix}record:k` : arg)))
      expect(await store.get('k')).toBe(undefined)
      expect(store.holds('k', 7)).toBe(false)
      expect(await store.replace('k', 7, Buffer.from('x'), Date.now() + 60_000)).toBe(undefined)
      expect(await store.touch('k', Date.now() + 60_000)).toBe(false)
      expect(await store.delete('k')).toBe(false)
      const version = await store.add('k', record())
      expect(await store.get('k')).toMatchObject({ version })
      expect((await store.listTagged('t')).map(({ key }) => key)).toEqual(['k'])
    })
  }

  test('keys and tags that look like commands or patterns name only themselves', async () => {
    const store = open(server.url)
    const hostile = [
      '%s%n',
      '../../x',
      'a%0d%0aDEL x',
      '"; DROP',
      '*',
      '{a}b',
      'a}{b',
      "]]; redis.call('FLUSHALL')",
      ' ',
      'a b c',
    ]
    await store.add('other', record('kept'))
    for (const key of hostile) {
      const version = await store.add(key, { ...record(key), tags: [key] })
      expect(await store.touch(key, Date.now() + 90_000)).toBe(true)
      expect(await store.listTagged(key)).toMatchObject([{ key, version }])
      expect(await store.deleteTagged(key)).toEqual([key])
    }
    expect(await store.get('other')).toBeDefined()
  })
})

describe('Redis store, secrets in errors', () => {
  test('neither the password nor a value is in an error, also not among its properties', async () => {
    const server = await startServer({ args: ['--requirepass', 'right'] })
    const store = open(server.url.replace('//', '//:wr0ng-passw0rd@'))
    const failure: unknown = await Promise.resolve(store.add('k', record('sealed-value'))).catch((error: unknown) => error)
    expect(String(failure)).toMatch(/in trouble.*WRONGPASS/)
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toMatch(/wr0ng|sealed-value/)
    const working = open(server.url.replace('//', '//:right@'))
    await expectWorking(working)
  })
})

describe('Redis store, what it costs', () => {
  test('one command per read, one script per add, none to hold', async () => {
    const server = await startServer()
    const store = open(server.url)
    await store.check()
    const calls = async (work: () => unknown): Promise<Record<string, number>> => {
      await server.command('config', 'resetstat')
      await work()
      const stats = String(await server.command('info', 'commandstats'))
      const counts = [...stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)].map(([, name, count]) => [name, Number(count)] as const)
      // The renewal of the lease goes on by itself, and the test asks questions of its own.
      return Object.fromEntries(counts.filter(([name]) => name !== 'hget' && name !== 'info' && !name?.includes('resetstat')))
    }
    const plain = { value: Buffer.alloc(4096, 1), expiresAtMs: Date.now() + 60_000 }
    await store.add('first', plain)
    expect(await calls(() => store.add('k', plain))).toMatchObject({ evalsha: 1 })
    expect(await calls(() => store.get('k'))).toEqual({ hmget: 1 })
    const version = (await store.get('k'))?.version ?? 0
    expect(await calls(() => expect(store.holds('k', version)).toBe(true))).toEqual({})
    expect(await calls(() => store.touch('k', Date.now() + 70_000))).toMatchObject({ eval: 1, hkeys: 1, publish: 1 })
    expect(await calls(() => store.touch('k', Date.now() + 80_000))).toMatchObject({ evalsha: 1, hkeys: 1, publish: 1 })
    expect(Number(await server.command('memory', 'usage', `${keyPrefix}record:k`))).toBeLessThan(6_000)
  })

  test('nothing is left of records that expired, and of nodes that left', async () => {
    const server = await startServer()
    const store = open(server.url)
    await store.add('k', record())
    await store.touch('k', Date.now() + 1_000)
    const ttlMs = Number(await server.command('pttl', `${keyPrefix}record:k`))
    expect(ttlMs).toBeGreaterThan(59_000)
    expect(ttlMs).toBeLessThanOrEqual(61_000)
    expect(Number(await server.command('pttl', `${keyPrefix}tag:t`))).toBeGreaterThan(86_000_000)
    await store.delete('k')
    await store.close()
    expect(await server.command('keys', '*')).toEqual([])
  })
})
