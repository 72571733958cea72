import { Redis } from 'ioredis'
import { createRedisStore } from '../../../src/stores/redis.ts'
import { anyRedis } from '../../support/redis-server.ts'
import type { Dumped, NodesBackend } from './nodes-backend.ts'

export async function redisBackend(): Promise<NodesBackend> {
  const server = await anyRedis()
  const keyPrefix = `nodes-${process.pid}:`
  const client = new Redis(server.url, { protocol: 2 })
  const names = () => client.keys(`${keyPrefix}*`)
  return {
    name: 'redis',
    config: { type: 'redis', url: server.url, keyPrefix },
    connect: () => createRedisStore({ url: server.url, keyPrefix }),
    async asked() {
      const lines = (await client.info('commandstats')).matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm)
      return new Map([...lines].map(([, name = '', calls]) => [name, Number(calls)]))
    },
    async dump() {
      return (await Promise.all((await names()).map((name) => dumpKey(client, name)))).flat()
    },
    async clear() {
      for (const name of await names()) await client.del(name)
    },
    async stop() {
      client.disconnect()
      await server.stop()
    },
  }
}

async function dumpKey(client: Redis, name: string): Promise<Dumped[]> {
  const named = [{ where: 'a name', bytes: Buffer.from(name) }]
  const type = await client.type(name)
  if (type === 'zset') {
    const members = await client.zrangeBuffer(name, '0', '-1')
    return [...named, ...members.map((bytes) => ({ where: name, bytes }))]
  }
  // What is counted for rate limits.
  if (type === 'string') return [...named, { where: name, bytes: (await client.getBuffer(name)) ?? Buffer.alloc(0) }]
  if (type !== 'hash') throw new Error(`${name} is a ${type}, which nobody knows how to read`)
  const fields = Object.entries(await client.hgetallBuffer(name))
  return [...named, ...fields.map(([field, bytes]) => ({ where: `${name} ${field}`, bytes }))]
}
