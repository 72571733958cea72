import { afterAll, beforeAll, test } from 'vitest'
import { readResults, writeReport } from './report.ts'
import { run, type Result } from './row.ts'
import { rows } from './rows/rows.ts'
import { startServers, type Servers } from './stores.ts'

/** A comma-separated list of beginnings of row ids to run alone: their results take the place of the earlier ones. */
const only = process.env['FAULTS']?.split(',')
const chosen = rows.filter(({ id }) => only === undefined || only.some((start) => id.startsWith(start)))
const results = new Map<string, Result>(
  only === undefined ? [] : readResults().map((result) => [`${result.id} ${result.store}`, result]),
)
let servers: Servers

beforeAll(async () => {
  servers = await startServers()
})
afterAll(() => servers.close())

// A low score is a finding for the table and no failed test: what fails here is the measuring.
for (const [index, row] of chosen.entries()) {
  for (const store of row.stores) {
    test(`${row.id} ${store}`, async ({ annotate }) => {
      const result = await run(row, store, servers, `row_${index}`)
      results.set(`${row.id} ${store}`, result)
      await annotate(`score ${result.score}: ${result.reason} (${result.seen.join('; ')})`)
      const inOrder = rows.flatMap(({ id, stores }) => stores.flatMap((of) => results.get(`${id} ${of}`) ?? []))
      writeReport(inOrder)
    })
  }
}
