import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { sessionStoreContract } from '../../src/stores/contract.ts'
import { createRedisStore } from '../../src/stores/redis.ts'
import { RedisCluster, anyRedis } from '../support/redis-server.ts'

/** Each test has the server for itself: its own prefix. */
function runContract(serverUrl: () => string): void {
  let keyPrefix = ''
  const open = async (clock: () => number) => {
    const store = createRedisStore({ url: serverUrl(), keyPrefix, clock })
    // From then on it hears of changes: what `holds` says is tested when it says something.
    await store.check()
    return store
  }
  sessionStoreContract({
    test,
    create: (clock) => {
      keyPrefix = `test-${randomUUID()}:`
      return open(clock)
    },
    second: open,
    holdsWhatWasRead: true,
  })
}

describe('Redis store, one server', () => {
  let server: Awaited<ReturnType<typeof anyRedis>>
  beforeAll(async () => {
    server = await anyRedis()
  })
  afterAll(() => server.stop())
  runContract(() => server.url)
})

describe('Redis store, a cluster of three', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await RedisCluster.start()
  })
  afterAll(() => cluster.stop())
  runContract(() => cluster.url)
})
