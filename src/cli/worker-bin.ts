#!/usr/bin/env node
import { runWorker } from '../gateway/worker.ts'
import type { ToWorker } from '../gateway/worker-messages.ts'
import { untilSignalled } from './lifetime.ts'

/** What the supervisor runs as a worker. A signal for it alone has it finish and leave; the supervisor replaces it. */
const worker = runWorker({
  pid: process.pid,
  env: process.env,
  send: (message) => process.connected && process.send?.(message, undefined, undefined, () => undefined),
  onMessage: (listener) => process.on('message', (message) => listener(message as ToWorker)),
})
const signalled = untilSignalled({ host: process, stderr: process.stderr }, () => worker.drain())
// A reload is the supervisor's business.
process.on('SIGHUP', () => undefined)
process.exitCode = await Promise.race([
  worker.done.then(
    () => 0,
    () => 1,
  ),
  signalled,
])
process.disconnect()
// What still holds the process after its work is done, such as a connection kept for later, gets a moment and no more.
setTimeout(() => process.exit(), 1000).unref()
