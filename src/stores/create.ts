import type { Config } from '../config/schema.ts'
import { createEmbeddedStore } from './embedded.ts'
import { createMemoryStore } from './memory.ts'
import { createPostgresStore, migratePostgres } from './postgres.ts'
import { createRedisStore, type RedisStoreOptions } from './redis.ts'
import { RedisCounters } from './redis-counters.ts'
import type { SessionStore } from './store.ts'

/** The store that the config names. It opens at first use, so a store in trouble does not keep the process from starting. */
export function createStore(config: Config, clock: () => number = Date.now): SessionStore {
  const { store } = config.session
  switch (store.type) {
    case 'embedded':
      return createEmbeddedStore({ path: store.path, clock })
    case 'memory':
      return createMemoryStore({ clock })
    case 'redis':
      return createRedisStore({ ...redisOptions(store), clock })
    case 'postgres': {
      const { url, listenUrl, schema, poolSize, ca } = store
      return createPostgresStore({
        url: url.reveal(),
        schema,
        poolSize,
        clock,
        ...defined({ listenUrl: listenUrl?.reveal(), ca }),
      })
    }
  }
}

/** The counters that all nodes share, where the configured store can hold them. Connects at first use. */
export function createSharedCounters({ session: { store } }: Config): RedisCounters | undefined {
  return store.type === 'redis' ? new RedisCounters(redisOptions(store)) : undefined
}

function redisOptions({
  url,
  keyPrefix,
  tls,
  sentinelUsername,
  sentinelPassword,
}: Extract<Config['session']['store'], { type: 'redis' }>): RedisStoreOptions {
  return {
    url: url.reveal(),
    keyPrefix,
    ...(tls === undefined ? {} : { tls: defined({ ...tls, key: tls.key?.reveal() }) }),
    ...defined({ sentinelUsername, sentinelPassword: sentinelPassword?.reveal() }),
  }
}

/** Makes or migrates what the configured store needs ahead of its first use. `false` where there is nothing of the kind. */
export async function migrateStore({ session: { store } }: Config): Promise<boolean> {
  if (store.type !== 'postgres') return false
  const { url, listenUrl, schema, ca } = store
  await migratePostgres({ url: url.reveal(), schema, ...defined({ listenUrl: listenUrl?.reveal(), ca }) })
  return true
}

/** The options that were given: a store tells an absent one from one that is undefined. */
function defined<T extends Record<string, string | undefined>>(options: T): { [K in keyof T]?: string } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: string }
}
