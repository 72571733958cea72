import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { createRedisStore } from '../../src/stores/redis.ts'
import type { RedisStoreOptions } from '../../src/stores/redis.ts'
import type { SessionStore } from '../../src/stores/store.ts'
import { makeCertificate } from '../proxy/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { RedisCluster, RedisServer } from '../support/redis-server.ts'

const closers: (() => unknown)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function start(options: Parameters<typeof RedisServer.start>[0] = {}): Promise<RedisServer> {
  const server = await RedisServer.start(options)
  closers.push(() => server.stop())
  return server
}

function open(options: RedisStoreOptions): SessionStore {
  const store = createRedisStore(options)
  closers.push(() => store.close())
  return store
}

const record = (tags: readonly string[] = []) => ({ value: Buffer.from('value'), expiresAtMs: Date.now() + 60_000, tags })

describe('Redis store behind sentinels', () => {
  test('the primary dies: the store finds the new one, and no node trusts what it held before', async () => {
    const primary = await start({ args: ['--repl-diskless-sync-delay', '0'] })
    const replica = await start({ args: ['--replicaof', '127.0.0.1', `${primary.port}`] })
    await eventually(async () => {
      expect(String(await primary.command('info', 'replication'))).toContain('state=online')
    })
    const sentinel = await start({ sentinelOf: primary })
    await eventually(async () => {
      expect(String(await sentinel.command('sentinel', 'replicas', 'main'))).toContain(`${replica.port}`)
    }, 15_000)
    const url = `redis+sentinel://127.0.0.1:${sentinel.port}/main`
    const [store, other] = [open({ url }), open({ url })]
    await Promise.all([store.check(), other.check()])
    const version = (await store.add('k', record(['t']))) ?? 0
    await other.get('k')
    expect([store.holds('k', version), other.holds('k', version)]).toEqual([true, true])
    await eventually(async () => expect(await replica.command('exists', 'coatcheck:record:k')).toBe(1))

    await primary.kill()
    await expect(Promise.resolve(store.add('during', record()))).rejects.toThrow(/in trouble/)
    await eventually(() => expect([store.holds('k', version), other.holds('k', version)]).toEqual([false, false]))
    await eventually(async () => {
      await store.check()
      await other.check()
    }, 20_000)
    expect(await other.get('k')).toMatchObject({ version })
    expect(other.holds('k', version)).toBe(true)
    expect(await store.delete('k')).toBe(true)
    expect(other.holds('k', version)).toBe(false)
    expect(await store.listTagged('t')).toEqual([])
  })
})

describe('Redis store in a cluster', () => {
  test('one primary dies: its records are in trouble, never absent; it works again when that is back', async () => {
    const cluster = await RedisCluster.start({ durable: true })
    closers.push(() => cluster.stop())
    const [store, other] = [open({ url: cluster.url }), open({ url: cluster.url })]
    await Promise.all([store.check(), other.check()])
    const keys = Array.from({ length: 12 }, (_, index) => `k${index}`)
    const versions = await Promise.all(keys.map(async (key) => store.add(key, record(['t']))))
    expect((await other.listTagged('t')).map(({ key }) => key).toSorted()).toEqual(keys.toSorted())

    const [, second] = cluster.servers
    await second?.kill()
    const outcomes = await Promise.allSettled(keys.map(async (key) => other.get(key)))
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') expect(outcome.value).toMatchObject({ version: versions[index] })
    }
    expect(outcomes.some(({ status }) => status === 'rejected')).toBe(true)
    await expect(Promise.resolve(other.list('', undefined, 100))).rejects.toThrow(/in trouble/)
    await second?.restart()
    await eventually(async () => {
      for (const [index, key] of keys.entries()) expect(await other.get(key)).toMatchObject({ version: versions[index] })
      await store.check()
      await other.check()
    }, 20_000)
    expect((await store.list('', undefined, 100)).map(({ key }) => key)).toEqual(keys.toSorted())
    expect((await store.deleteTagged('t')).toSorted()).toEqual(keys.toSorted())
    expect(keys.some((key, index) => other.holds(key, versions[index] ?? 0))).toBe(false)
  })
})

describe('Redis store over TLS', () => {
  test('works with a certificate that can be verified, and with no other', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'coatcheck-redis-tls-'))
    closers.push(() => rmSync(folder, { recursive: true }))
    const { cert, key } = makeCertificate('redis')
    const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    writeFileSync(certFile, cert)
    writeFileSync(keyFile, key)
    const files = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', certFile]
    const server = await start({ tls: files })
    const url = `rediss://127.0.0.1:${server.port}`

    const store = open({ url, tls: { ca: cert, cert, key } })
    const version = await store.add('k', record())
    expect(await store.get('k')).toMatchObject({ version })
    await store.check()

    const refused: readonly (readonly [RedisStoreOptions, RegExp])[] = [
      [{ url, tls: { cert, key } }, /self-signed certificate/],
      [{ url, tls: { ca: cert, cert, key, serverName: 'other.example' } }, /does not match/],
      [{ url, tls: { ca: cert } }, /in trouble/],
      [{ url: url.replace('rediss', 'redis') }, /in trouble/],
    ]
    await Promise.all(refused.map(([options, words]) => expect(Promise.resolve(open(options).get('k'))).rejects.toThrow(words)))
  })
})

describe('Redis store without its driver', () => {
  test('says at once which package to install', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'coatcheck-no-driver-'))
    closers.push(() => rmSync(folder, { recursive: true }))
    cpSync(join(import.meta.dirname, '../../dist/stores'), folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    const module = pathToFileURL(join(folder, 'redis.js')).href
    const code = `import(${JSON.stringify(module)}).then((m) => m.createRedisStore({ url: 'redis://127.0.0.1' }))`
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', `await ${code}`], { cwd: folder })
    await expect(run).rejects.toThrow(/npm install ioredis@6/)
  })
})
