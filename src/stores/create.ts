import type { Config } from '../config/schema.ts'
import { createEmbeddedStore } from './embedded.ts'
import { createMemoryStore } from './memory.ts'
import type { SessionStore } from './store.ts'

/** The store that the config names. It opens at first use, so a store in trouble does not keep the process from starting. */
export function createStore(config: Config, clock: () => number = Date.now): SessionStore {
  const { store } = config.session
  switch (store.type) {
    case 'embedded':
      return createEmbeddedStore({ path: store.path, clock })
    case 'memory':
      return createMemoryStore({ clock })
  }
}
