import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createRedisStore } from '../../src/stores/redis.ts'
import type { SessionStore } from '../../src/stores/store.ts'
import { eventually } from '../support/eventually.ts'
import { RedisLink } from '../support/redis-link.ts'
import { RedisServer } from '../support/redis-server.ts'
import { kill, nextMessage } from './store-process.ts'

let server: RedisServer
let keyPrefix: string
const closers: (() => unknown)[] = []

beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.stop())
beforeEach(() => {
  keyPrefix = `test-${randomUUID()}:`
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function openNode(url = server.url): Promise<SessionStore> {
  const store = createRedisStore({ url, keyPrefix })
  closers.push(() => store.close())
  await store.check()
  return store
}

async function openLinkedNode(): Promise<{ readonly node: SessionStore; readonly link: RedisLink }> {
  const link = await RedisLink.to(server.port)
  closers.push(() => link.close())
  return { node: await openNode(link.url), link }
}

async function forkNode(): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, 'redis-worker.mjs'), [server.url, keyPrefix], {
    execArgv: [],
    serialization: 'advanced',
  })
  closers.push(() => kill(child))
  await nextMessage(child)
  return child
}

async function ask(child: ChildProcess, method: string, ...args: readonly unknown[]): Promise<unknown> {
  const answered = nextMessage(child)
  child.send({ method, args })
  return answerIn(await answered)
}

function answerIn(message: unknown): unknown {
  const answer = Object(message)
  if ('error' in answer) throw new Error(answer.error)
  return answer.answer
}

const soon = () => Date.now() + 60_000
const added = async (node: SessionStore, key = 'k') =>
  (await node.add(key, { value: Buffer.from('one'), expiresAtMs: soon(), tags: ['t'] })) ?? 0

/** Reads the record until the node vouches for it. */
async function hold(node: SessionStore, key: string, version: number): Promise<void> {
  await eventually(async () => {
    await node.get(key)
    expect(node.holds(key, version)).toBe(true)
  })
}

async function timed(work: () => unknown): Promise<number> {
  const startedMs = performance.now()
  await work()
  return performance.now() - startedMs
}

describe('Redis store, what one node closes', () => {
  const closings: readonly (readonly [string, (node: SessionStore, key: string, version: number) => unknown])[] = [
    ['deletes', (node, key) => node.delete(key)],
    ['deletes by its tag', (node) => node.deleteTagged('t')],
    ['replaces', (node, key, version) => node.replace(key, version, Buffer.from('two'), soon())],
    ['ends by a touch', (node, key) => node.touch(key, Date.now())],
  ]
  for (const [name, close] of closings) {
    test(`a record that one node ${name} is held by no other when the answer comes, 100 times`, async () => {
      const [writer, ...readers] = [await openNode(), await openNode(), await openNode()]
      for (let round = 0; round < 100; round++) {
        const key = `k${round}`
        const version = await added(writer, key)
        await Promise.all(readers.map(async (reader) => reader.get(key)))
        expect(readers.map((reader) => reader.holds(key, version))).toEqual([true, true])
        await close(writer, key, version)
        expect(readers.map((reader) => reader.holds(key, version))).toEqual([false, false])
      }
    })
  }

  test('another process says its last yes before the answer comes, 100 times', async () => {
    const [node, child] = [await openNode(), await forkNode()]
    for (let round = 0; round < 100; round++) {
      const key = `k${round}`
      const version = await added(node, key)
      expect(await ask(child, 'lastYes', key)).toBe(version)
      const lastYes = nextMessage(child)
      await node.delete(key)
      const answeredNs = process.hrtime.bigint()
      const lastYesNs = answerIn(await lastYes)
      expect(lastYesNs).toBeTypeOf('bigint')
      expect(Number(lastYesNs)).toBeGreaterThan(0)
      expect(Number(lastYesNs)).toBeLessThan(Number(answeredNs))
    }
  })

  test('a read that a change overtakes is not held', async () => {
    const [node, other] = [await openNode(), await openNode()]
    for (let round = 0; round < 100; round++) {
      const key = `k${round}`
      const version = await added(other, key)
      const reads = Array.from({ length: 5 }, async () => node.get(key))
      await other.delete(key)
      expect(node.holds(key, version)).toBe(false)
      await Promise.all(reads)
      expect(node.holds(key, version)).toBe(false)
    }
  })
})

describe('Redis store, a node in trouble', () => {
  test('cut off: trusts nothing after half a second, and nobody gets an answer before', async () => {
    const [node, { node: cutOff, link }] = [await openNode(), await openLinkedNode()]
    const [version, kept] = [await added(node), await added(node, 'kept')]
    await hold(cutOff, 'k', version)
    await hold(cutOff, 'kept', kept)
    link.freeze()
    const trusting = timed(() => eventually(() => expect(cutOff.holds('kept', kept)).toBe(false)))
    let heldAtAnswer: boolean | undefined
    const tookMs = await timed(async () => {
      await node.delete('k')
      heldAtAnswer = cutOff.holds('k', version)
    })
    expect(heldAtAnswer).toBe(false)
    expect(tookMs).toBeLessThan(1100)
    expect(await trusting).toBeLessThan(600)
    await expect(cutOff.get('kept')).rejects.toThrow(/in trouble/)

    expect(await timed(() => node.delete('kept'))).toBeLessThan(200)
    link.thaw()
    await eventually(async () => expect(await cutOff.get('kept')).toBe(undefined))
    expect([cutOff.holds('k', version), cutOff.holds('kept', kept)]).toEqual([false, false])
    await hold(cutOff, 'new', await added(node, 'new'))
  })

  test('hears nothing, while its commands get through: is expelled, and comes back', async () => {
    const [node, { node: deaf, link }] = [await openNode(), await openLinkedNode()]
    const version = await added(node)
    await hold(deaf, 'k', version)
    link.freezeSubscriptions()
    expect(await timed(() => node.delete('k'))).toBeLessThan(1100)
    expect(deaf.holds('k', version)).toBe(false)
    const next = await added(node)
    await hold(deaf, 'k', next)
    expect(await timed(() => node.delete('k'))).toBeLessThan(200)
    expect(deaf.holds('k', next)).toBe(false)
  })

  test('killed: costs the others less than a second, and once', async () => {
    const [node, child] = [await openNode(), await forkNode()]
    const [first, second] = [await added(node, 'first'), await added(node, 'second')]
    expect([await ask(child, 'get', 'first'), await ask(child, 'get', 'second')]).toMatchObject([
      { version: first },
      { version: second },
    ])
    await kill(child)
    expect(await timed(() => Promise.all([node.delete('first'), node.touch('second', soon())]))).toBeLessThan(1100)
    expect(await timed(() => node.delete('second'))).toBeLessThan(200)
  })

  test('stands still for two seconds: its first thought afterwards is not the old one', async () => {
    const [node, child] = [await openNode(), await forkNode()]
    await added(node)
    expect(await ask(child, 'holdsAfterBlock', 'k', 2000)).toBe(true)
    const afterwards = nextMessage(child)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await timed(() => node.delete('k'))).toBeLessThan(1100)
    expect(answerIn(await afterwards)).toBe(false)
  })

  test('loses its subscription: forgets what it held, and holds it again after another read', async () => {
    const node = await openNode()
    const version = await added(node)
    await hold(node, 'k', version)
    await server.command('client', 'kill', 'type', 'pubsub')
    await eventually(() => expect(node.holds('k', version)).toBe(false))
    await hold(node, 'k', version)
  })

  test('leaves: nobody waits for it', async () => {
    const [node, other] = [await openNode(), createRedisStore({ url: server.url, keyPrefix })]
    await other.check()
    await added(node)
    await other.close()
    expect(await server.command('hlen', `${keyPrefix}nodes`)).toBe(1)
    expect(await timed(() => node.delete('k'))).toBeLessThan(200)
    await expect(other.get('k')).rejects.toThrow(/closed/)
  })
})

describe('Redis store, wiped under a running node (R06)', () => {
  test('holds nothing within the lease, reads nothing, and takes new records', async () => {
    const node = await openNode()
    const version = await added(node)
    await hold(node, 'k', version)
    await server.command('flushall')
    expect(await node.get('k')).toBe(undefined)
    expect(await timed(() => eventually(() => expect(node.holds('k', version)).toBe(false)))).toBeLessThan(500)
    expect(await node.listTagged('t')).toEqual([])
    await hold(node, 'k', await added(node))
    await node.check()
  })
})
