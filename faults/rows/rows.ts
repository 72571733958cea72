import type { Row } from '../row.ts'
import { nodeRows } from './node-rows.ts'
import { providerRows } from './provider-rows.ts'
import { storeRows } from './store-rows.ts'
import { upstreamRows } from './upstream-rows.ts'

const byId = (a: Row, b: Row) => a.id.localeCompare(b.id)

export const rows: readonly Row[] = [...storeRows, ...nodeRows, ...providerRows, ...upstreamRows].sort(byId)

/** What is not measured here, and why: such a row has no score. */
export const notMeasured: readonly { readonly id: string; readonly fault: string; readonly why: string }[] = [
  { id: 'R08', fault: 'A rolling deploy of two releases on one store.', why: 'There is one release so far.' },
  {
    id: 'R09',
    fault: 'Clean-up of 1 M expired rows on several nodes.',
    why: 'Takes longer than a run may; the sweep has tests of its own, with fewer rows.',
  },
  { id: 'R13', fault: 'An hour of low traffic behind a balancer that ends idle connections after 60 s.', why: 'Takes an hour.' },
  {
    id: 'R24',
    fault: 'Steps of the clock, and a machine that is suspended.',
    why: 'Needs a clock of its own for the processes; tests with a movable clock are in test/flows.',
  },
  {
    id: 'R28',
    fault: 'Changes of DNS, IPv6 black holes, new TLS certificates.',
    why: 'Needs name service and networks of its own.',
  },
  { id: 'R29', fault: 'A soak of 24 hours.', why: 'Takes 24 hours.' },
]
