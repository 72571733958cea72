import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { sessionStoreContract } from '../../src/stores/contract.ts'
import { createEmbeddedStore } from '../../src/stores/embedded.ts'

describe('embedded store', () => {
  const root = mkdtempSync(join(tmpdir(), 'coatcheck-embedded-'))
  let path = ''
  afterAll(() => rmSync(root, { recursive: true }))

  sessionStoreContract({
    test,
    create: (clock) => createEmbeddedStore({ path: (path = mkdtempSync(join(root, 'store-'))), clock }),
    second: (clock) => createEmbeddedStore({ path, clock }),
    holdsWhatWasRead: true,
  })
})
