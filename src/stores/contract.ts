import { withBench } from './contract-bench.ts'
import type { Declare, StoreContractHarness } from './contract-bench.ts'
import { declareListTests } from './contract-list.ts'
import { declareRecordTests, declareSizeTests } from './contract-records.ts'
import {
  declareCertaintyTests,
  declareHealthTests,
  declareHoldsTests,
  declareRaceTests,
  declareTagTests,
} from './contract-sharing.ts'

export type { StoreContractHarness } from './contract-bench.ts'

/**
 * The interface `SessionStore` as a runnable suite: declares the tests that every store has to pass. It brings no test
 * runner; give it the `test` of yours, in a test file of your own store:
 *
 * ```ts
 * import { test } from 'node:test'
 * sessionStoreContract({ test, create: (clock) => createMyStore({ clock }), second: (clock) => createMyStore({ clock }) })
 * ```
 */
export function sessionStoreContract(harness: StoreContractHarness): void {
  const test: Declare = (name, run) => {
    harness.test(name, () => withBench(harness, run))
  }
  declareRecordTests(test)
  declareSizeTests(test)
  declareTagTests(test)
  declareListTests(test)
  declareRaceTests(test)
  declareHoldsTests(test)
  if (harness.holdsWhatWasRead === true) declareCertaintyTests(test)
  declareHealthTests(test)
}
