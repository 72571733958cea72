import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import type { Config } from '../../config/schema.ts'
import { ConfigError } from '../../errors.ts'
import type { OperatorView } from '../../session/operators.ts'
import { Keyring } from '../../session/seal.ts'
import { createStore } from '../../stores/create.ts'

/** Runs `work` with the store and the secrets of a config, and closes the store whatever becomes of it. */
export async function withView<T>(config: Config, work: (view: OperatorView) => Promise<T>): Promise<T> {
  requireReachable(config)
  const store = createStore(config)
  try {
    const keyring = new Keyring(config.session.secrets, randomBytes)
    return await work({ store, keyring, issuer: config.provider.issuer, clock: Date.now })
  } finally {
    await store.close()
  }
}

/** Throws ConfigError for the store of another process, which nobody can look into. */
export function requireShared({ session: { store } }: Config): void {
  if (store.type !== 'memory') return
  const message =
    'keeps sessions in the memory of the gateway, where no other process can reach them; restart the gateway to end them all'
  throw new ConfigError([{ path: 'session.store', message }])
}

/** A folder that is not there is no empty store: more likely, this is not the gateway's config or machine. */
function requireReachable(config: Config): void {
  requireShared(config)
  const { store } = config.session
  if (store.type === 'embedded' && !existsSync(store.path)) {
    throw new ConfigError([
      { path: 'session.store.path', message: `there is no folder ${store.path}: no gateway keeps sessions there` },
    ])
  }
}
