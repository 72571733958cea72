import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { recordPages } from '../../src/session/operators.ts'
import { createRedisStore } from '../../src/stores/redis.ts'
import { RedisServer } from '../support/redis-server.ts'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.stop())

const scans = async () => Number(/cmdstat_scan:calls=(\d+)/.exec(String(await server.command('info', 'commandstats')))?.[1] ?? 0)

test('a walk over 20 pages looks at the keys of the server as often as one page does', async () => {
  const store = createRedisStore({ url: server.url, keyPrefix: `test-${randomUUID()}:` })
  const expiresAtMs = Date.now() + 600_000
  await Promise.all(
    Array.from({ length: 3900 }, async (_, index) => store.add(`session:${index}`, { value: Buffer.from('x'), expiresAtMs })),
  )
  await store.list('session:', undefined, 1)
  const onePage = await scans()
  expect(onePage).toBeGreaterThanOrEqual(4)
  const met = new Set<string>()
  for await (const page of recordPages(store, 'session:')) for (const { key } of page) met.add(key)
  expect(met.size).toBe(3900)
  expect(await scans()).toBe(2 * onePage)
  await store.close()
})
