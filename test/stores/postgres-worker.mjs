// A node of its own on a PostgreSQL store, for tests that need several. It runs the built store, as on Node 20 there is no
// other way to run it outside the test runner.
import { createPostgresStore } from '../../dist/stores/postgres.js'

const [url, schema] = process.argv.slice(2)
const store = createPostgresStore({ url, schema })

/** Reads a record until this node is certain of it, says so, and asks `holds` without end; the moment (ns) of the last yes. */
async function lastYes(key) {
  let record = await store.get(key)
  while (!store.holds(key, record.version)) record = await store.get(key)
  process.send({ held: key })
  let lastYesNs = 0n
  for (;;) {
    const nowNs = process.hrtime.bigint()
    if (!store.holds(key, record.version)) return lastYesNs
    lastYesNs = nowNs
    await new Promise((resolve) => setImmediate(resolve))
  }
}

process.on('message', (key) => void lastYes(key).then((lastYesNs) => process.send({ lastYesNs })))

await store.check()
process.send({ ready: true })
