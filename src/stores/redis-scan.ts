import type { Cluster, Redis } from 'ioredis'
import { listOf } from './redis-replies.ts'

/** A cluster is whole when all of its slots are served. */
const clusterSlots = 16_384
/** How many keys a server looks at before it does something else for a moment. */
const keysPerStep = 1000

/** The names of all keys that begin with a prefix, in no order. Throws rather than leave out those of a server. */
export async function namesWith(prefix: string, client: Redis | Cluster): Promise<ReadonlySet<string>> {
  const pattern = `${prefix.replace(/[*?[\]\\]/g, '\\$&')}*`
  const servers = 'nodes' in client ? await allPrimaries(client) : [client]
  const names = await Promise.all(servers.map((server) => scan(server, pattern)))
  return new Set(names.flat())
}

async function allPrimaries(cluster: Cluster): Promise<readonly Redis[]> {
  const ids = new Set<string>()
  let slots = 0
  for (const range of listOf(await cluster.call('cluster', 'slots'))) {
    const [first, last, primary] = listOf(range)
    slots += Number(last) - Number(first) + 1
    ids.add(String(listOf(primary)[2]))
  }
  const servers = cluster.nodes('master')
  if (slots !== clusterSlots || servers.length < ids.size) throw new Error('a part of the cluster is away')
  return servers
}

async function scan(server: Redis, pattern: string): Promise<readonly string[]> {
  const names: string[] = []
  let cursor = '0'
  do {
    const [next, found] = await server.scan(cursor, 'MATCH', pattern, 'COUNT', keysPerStep)
    names.push(...found)
    cursor = next
  } while (cursor !== '0')
  return names
}
