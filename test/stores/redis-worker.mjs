// A node of its own on a Redis store, for tests that need several. It runs the built store, as on Node 20 there is no other
// way to run it outside the test runner.
import { createRedisStore } from '../../dist/stores/redis.js'

const [url, keyPrefix] = process.argv.slice(2)
const store = createRedisStore({ url, keyPrefix })

const acts = {
  ...Object.fromEntries(['get', 'delete', 'holds', 'check'].map((name) => [name, (...args) => store[name](...args)])),

  /** Reads a record, then asks `holds` without end; gives the moment (ns of the machine) of the last yes. */
  async lastYes(key) {
    const record = await store.get(key)
    process.send({ answer: record?.version })
    let lastYesNs = 0n
    for (;;) {
      const nowNs = process.hrtime.bigint()
      if (!store.holds(key, record.version)) return lastYesNs
      lastYesNs = nowNs
      await new Promise((resolve) => setImmediate(resolve))
    }
  },

  /** Reads a record, then does nothing else for a while, and gives what `holds` says first thing afterwards. */
  async holdsAfterBlock(key, ms) {
    const record = await store.get(key)
    const before = store.holds(key, record.version)
    process.send({ answer: before })
    await new Promise((resolve) => setTimeout(resolve, 20))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
    return store.holds(key, record.version)
  },
}

process.on('message', ({ method, args }) => void answer(method, args))

async function answer(method, args) {
  try {
    process.send({ answer: await acts[method](...args) })
  } catch (error) {
    process.send({ error: error.message })
  }
}

await store.check()
process.send({ answer: 'ready' })
