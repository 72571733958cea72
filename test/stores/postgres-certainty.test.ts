import { fork } from 'node:child_process'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPostgresStore } from '../../src/stores/postgres.ts'
import type { SessionStore } from '../../src/stores/store.ts'
import { eventually } from '../support/eventually.ts'
import { startPostgres } from '../support/postgres-server.ts'
import type { PostgresServer } from '../support/postgres-server.ts'
import { linkTo } from './postgres-link.ts'
import type { PostgresLink } from './postgres-link.ts'
import { kill, nextMessage } from './store-process.ts'

/** How long a write may take at most when a node is cut off: the default trust and its margin, and what this machine adds. */
const boundMs = 400 + 50 + 250

let server: PostgresServer
let schema: string
let round = 0
let near: SessionStore
let link: PostgresLink
let listenLink: PostgresLink
let far: SessionStore

const record = (tags: readonly string[] = []) => ({ value: Buffer.from('value'), expiresAtMs: Date.now() + 60_000, tags })

beforeAll(async () => {
  server = await startPostgres()
})

afterAll(() => server.stop())

/** One node on the server itself; the other by ways that can be interrupted, one for statements and one to listen on. */
beforeEach(async () => {
  round += 1
  schema = `certainty_${process.pid}_${round}`
  near = createPostgresStore({ url: server.url, schema })
  await near.check()
  link = await linkTo(server.url)
  listenLink = await linkTo(server.url)
  const listenUrl = new URL(listenLink.url)
  listenUrl.searchParams.set('application_name', schema)
  far = createPostgresStore({ url: link.url, listenUrl: listenUrl.href, schema })
})

afterEach(async () => {
  await Promise.all([near.close(), far.close()])
  await Promise.all([link.close(), listenLink.close()])
  await server.sql(`drop schema ${schema} cascade`)
})

/** Adds a record and reads it until both nodes are certain of it. */
async function addHeld(key: string, tags?: readonly string[]): Promise<number> {
  const version = await near.add(key, record(tags))
  expect(version).toBeTypeOf('number')
  await readUntilHeld(near, key, version ?? 0)
  await readUntilHeld(far, key, version ?? 0)
  return version ?? 0
}

async function readUntilHeld(store: SessionStore, key: string, version: number): Promise<void> {
  await eventually(async () => {
    if (store.holds(key, version)) return
    expect((await store.get(key))?.version).toBe(version)
    expect(store.holds(key, version)).toBe(true)
  })
}

/** How long something takes. */
async function timed(run: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await run()
  return performance.now() - startedMs
}

/** The time after which the nodes know each other, so that nobody waits for strangers. */
const acquainted = () => new Promise((resolve) => setTimeout(resolve, 500))

describe('PostgreSQL store, what a node is certain of', () => {
  test('what was read is held without a statement, also while other records change', async () => {
    const version = await addHeld('k')
    const other = await near.add('other', record())
    await far.get('other')
    const before = link.statements()
    for (let call = 0; call < 1000; call++) expect(far.holds('k', version)).toBe(true)
    expect(link.statements()).toBe(before)
    await near.delete('other', other)
    expect(far.holds('k', version)).toBe(true)
    const next = await far.replace('k', version, Buffer.from('two'), Date.now() + 60_000)
    expect([far.holds('k', version), far.holds('k', next ?? 0)]).toEqual([false, true])
  })

  test('one statement per read, add, touch, replace and delete', async () => {
    await far.check()
    const counts: Record<string, number> = {}
    const count = async (name: string, run: () => Promise<unknown>) => {
      const before = link.statements()
      await run()
      counts[name] = link.statements() - before
    }
    let version: number | undefined
    await count('add', async () => (version = await far.add('k', record(['t']))))
    await count('get', async () => far.get('k'))
    await count('touch', async () => far.touch('k', Date.now() + 90_000))
    await count('replace', async () => far.replace('k', version ?? 0, Buffer.from('x'), Date.now() + 90_000))
    await count('listTagged', async () => far.listTagged('t'))
    await count('list', async () => far.list('', undefined, 10))
    await count('delete', async () => far.delete('k'))
    await count('deleteTagged', async () => far.deleteTagged('t'))
    await count('check', async () => far.check())
    expect(counts).toEqual({ add: 1, get: 1, touch: 1, replace: 1, listTagged: 1, list: 1, delete: 1, deleteTagged: 1, check: 1 })
  })

  test('what one node ended is held by none when the answer is there: 60 times, and fast', async () => {
    await addHeld('warm')
    await acquainted()
    const tookMs: number[] = []
    for (let turn = 0; turn < 60; turn++) {
      const key = `k${turn}`
      const [writer, reader] = turn % 2 === 0 ? [near, far] : [far, near]
      const version = await addHeld(key, ['user'])
      tookMs.push(
        await timed(async () => {
          if (turn % 3 === 0) await writer.delete(key)
          else if (turn % 3 === 1) await writer.deleteTagged('user')
          else await writer.replace(key, version, Buffer.from('next'), Date.now() + 60_000)
        }),
      )
      expect(reader.holds(key, version), `turn ${turn}`).toBe(false)
      expect(writer.holds(key, version), `turn ${turn}`).toBe(false)
    }
    const median = tookMs.toSorted((a, b) => a - b)[30]
    expect(median).toBeLessThan(100)
  })

  test('another process says its last yes before the answer comes, 60 times', async () => {
    const child = fork(join(import.meta.dirname, 'postgres-worker.mjs'), [server.url, schema], {
      execArgv: [],
      serialization: 'advanced',
    })
    try {
      await nextMessage(child)
      await acquainted()
      for (let turn = 0; turn < 60; turn++) {
        const key = `k${turn}`
        await near.add(key, record(['user']))
        child.send(key)
        await nextMessage(child)
        const lastYes = nextMessage(child)
        if (turn % 2 === 0) await near.delete(key)
        else await near.deleteTagged('user')
        const answeredNs = process.hrtime.bigint()
        const { lastYesNs } = Object(await lastYes)
        expect(lastYesNs > 0n && lastYesNs < answeredNs, `turn ${turn}`).toBe(true)
      }
    } finally {
      await kill(child)
    }
  })

  test('only what ends a version is announced; a touch that extends is not', async () => {
    const version = await addHeld('k', ['t'])
    const heard: string[] = []
    const client = new pg.Client({ connectionString: server.url })
    await client.connect()
    client.on('notification', ({ payload = '' }) => payload.startsWith('ended') && heard.push(payload.split('\n')[2] ?? ''))
    await client.query(`listen "coatcheck:${schema}"`)
    await near.add('other', record())
    for (let step = 1; step <= 20; step++) expect(await far.touch('k', Date.now() + 60_000 + step * 1000)).toBe(true)
    expect(await far.touch('unknown', Date.now() + 60_000)).toBe(false)
    await near.replace('k', version, Buffer.from('two'), Date.now() + 60_000)
    await eventually(() => expect(heard).toEqual(['k']))
    await client.end()
  })

  test('a command that nobody knows yet, and that knows nobody, ends for all', async () => {
    const version = await addHeld('k')
    const stranger = createPostgresStore({ url: server.url, schema })
    expect(await timed(async () => stranger.delete('k'))).toBeLessThan(boundMs)
    expect([near.holds('k', version), far.holds('k', version)]).toEqual([false, false])
    await stranger.close()
  })
})

describe('PostgreSQL store, a node that is cut off', () => {
  test('stops trusting by itself, before the answer to a logout elsewhere', async () => {
    const version = await addHeld('k')
    await acquainted()
    await readUntilHeld(far, 'k', version)
    link.freeze()
    listenLink.freeze()
    expect(await timed(async () => near.delete('k'))).toBeLessThan(boundMs)
    expect(far.holds('k', version)).toBe(false)
    await expect(far.get('k')).rejects.toThrow(/in trouble: no answer/)
    await expect(far.delete('k')).rejects.toThrow(/in trouble: no answer/)
    link.thaw()
    listenLink.thaw()
    await eventually(async () => expect(await far.get('k')).toBe(undefined))
    expect(far.holds('k', version)).toBe(false)
  })

  test('that was frozen for a moment hears what it missed before it trusts again', async () => {
    const versions = [await addHeld('ended'), await addHeld('stays')]
    await acquainted()
    await readUntilHeld(far, 'ended', versions[0] ?? 0)
    listenLink.freeze()
    await near.delete('ended')
    listenLink.thaw()
    await eventually(() => expect(far.holds('stays', versions[1] ?? 0)).toBe(true))
    expect(far.holds('ended', versions[0] ?? 0)).toBe(false)
  })

  test('whose listening connection is lost trusts nothing until it has read again', async () => {
    const version = await addHeld('k')
    listenLink.cut()
    await eventually(() => expect(far.holds('k', version)).toBe(false))
    await readUntilHeld(far, 'k', version)
    await server.sql(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = '${schema}'`)
    await near.delete('k')
    expect(far.holds('k', version)).toBe(false)
    expect(await far.get('k')).toBe(undefined)
  })

  test('that listens where nothing is said trusts nothing, and works', async () => {
    const elsewhere = new URL(server.url)
    elsewhere.pathname = '/template1'
    const lost = createPostgresStore({ url: server.url, listenUrl: elsewhere.href, schema })
    const version = await lost.add('k', record())
    for (const endMs = performance.now() + 700; performance.now() < endMs;) {
      expect((await lost.get('k'))?.version).toBe(version)
      expect(lost.holds('k', version ?? 0)).toBe(false)
    }
    expect(await lost.delete('k')).toBe(true)
    await lost.close()
  })

  test('a writer without a listening connection waits until nobody can trust any more', async () => {
    const version = await addHeld('k')
    listenLink.freeze()
    await readUntilHeld(near, 'k', version)
    expect(await timed(async () => far.delete('k'))).toBeLessThan(boundMs)
    expect(near.holds('k', version)).toBe(false)
  })

  test('a record that is deleted while it is being read is not held', async () => {
    const version = await addHeld('k')
    const next = await near.replace('k', version, Buffer.from('two'), Date.now() + 60_000)
    await eventually(() => expect(far.holds('k', version)).toBe(false))
    link.freezeAnswers()
    const sent = link.statements()
    const read = far.get('k')
    await eventually(() => expect(link.statements()).toBe(sent + 1))
    await new Promise((resolve) => setTimeout(resolve, 50))
    await near.delete('k')
    link.thaw()
    expect((await read)?.version, 'the server had answered before').toBe(next)
    expect(far.holds('k', next ?? 0)).toBe(false)
  })

  test('a wiped table is noticed, and so are rows that somebody deletes with a notification', async () => {
    const version = await addHeld('k')
    await server.sql(`truncate ${schema}.records`)
    await eventually(() => expect(far.holds('k', version)).toBe(false), 1000)
    expect(await far.get('k')).toBe(undefined)
    const again = await addHeld('k')
    await server.sql(`delete from ${schema}.records`)
    await server.sql(`select pg_notify('coatcheck:${schema}', 'ended' || E'\\n' || 'by hand')`)
    await eventually(() => expect(far.holds('k', again)).toBe(false), 1000)
  })
})
