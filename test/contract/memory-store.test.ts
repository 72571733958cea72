import { describe, test } from 'vitest'
import { sessionStoreContract } from '../../src/stores/contract.ts'
import { createMemoryStore } from '../../src/stores/memory.ts'

describe('memory store', () => {
  sessionStoreContract({ test, create: (clock) => createMemoryStore({ clock }), holdsWhatWasRead: true })
})
