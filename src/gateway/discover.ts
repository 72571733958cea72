import { setTimeout as delay } from 'node:timers/promises'
import type { Bff } from '../bff.ts'
import { describeError } from '../log.ts'

/** Asks for the provider's metadata until it comes, so that the first login need not wait for it. Gives a way to stop. */
export function discoverInBackground(bff: Bff): () => void {
  const stop = new AbortController()
  void discover(bff, stop.signal)
  return () => stop.abort()
}

async function discover(bff: Bff, signal: AbortSignal): Promise<void> {
  let isTold = false
  for (let pauseMs = 1_000; !signal.aborted; pauseMs = Math.min(30_000, pauseMs * 2)) {
    try {
      await bff.discover()
      if (isTold) bff.log.info({ event: 'provider_reached' }, 'the provider can be reached')
      return
    } catch (error) {
      if (!isTold)
        bff.log.warn({ event: 'provider_unreachable', error: describeError(error) }, 'the provider cannot be reached; trying on')
      isTold = true
    }
    try {
      await delay(pauseMs, undefined, { ref: false, signal })
    } catch {
      return
    }
  }
}
