// A process of its own on an embedded store, for tests that need several. It runs the built store, as on Node 20 there is
// no other way to run it outside the test runner.
import { openSync, writeSync } from 'node:fs'
import { createEmbeddedStore } from '../../dist/stores/embedded.js'

const [mode, path, prefix, logFile] = process.argv.slice(2)
const store = createEmbeddedStore({ path })

if (mode === 'serve') serve()
else load(openSync(logFile, 'a'))

/** Calls the method that the parent asks for, and sends what it gave or the words of its error. */
function serve() {
  // A file size limit stands in for a full disk; the signal that comes with it would end the process.
  if (process.platform !== 'win32') process.on('SIGXFSZ', () => {})
  process.on('message', ({ method, args }) => {
    try {
      process.send({ answer: store[method](...args) })
    } catch (error) {
      process.send({ error: error.message })
    }
  })
  process.send({ answer: 'ready' })
}

/** Writes without end; the log says before each write what it will do, and after it that it was acknowledged. */
function load(log) {
  const versions = new Map()
  let count = 0
  const write = (key, state, work) => {
    writeSync(log, `will ${key} ${state}\n`)
    const result = work()
    if (result === undefined || result === false) throw new Error(`${key} ${state} was refused`)
    writeSync(log, `did ${key} ${state}\n`)
    return result
  }
  const step = () => {
    const key = `${prefix}-${count}`
    const record = { value: Buffer.from('added'), expiresAtMs: Date.now() + 3_600_000, tags: [prefix] }
    versions.set(
      key,
      write(key, 'added', () => store.add(key, record)),
    )
    void store.touch(key, Date.now() + 7_200_000)
    const [older, version] = versions.entries().next().value
    if (count % 3 === 1) {
      versions.delete(older)
      write(older, 'replaced', () => store.replace(older, version, Buffer.from('replaced'), Date.now() + 3_600_000))
    }
    if (count % 3 === 2) {
      versions.delete(older)
      write(older, 'deleted', () => store.delete(older, version))
    }
    count += 1
    if (count % 10 === 0) process.send({ count })
    setImmediate(step)
  }
  step()
}
