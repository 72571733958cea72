import type { SessionStore } from '../stores/store.ts'

/** A lease lasts this long without a renewal: what a killed holder costs the others. */
export const leaseMs = 5_000

export interface Lease {
  /** Ends the lease, if it is still ours. Never throws: what stays behind ends by itself. */
  release(): Promise<void>
}

/**
 * Takes the lease `key`, or gives `undefined` where somebody has it. It is renewed while the work runs, so its length
 * is not tied to that of the work, and a holder that dies frees it within `leaseMs`. The versions of the store fence
 * it: a holder that lost it can neither renew nor release that of its successor.
 */
export async function takeLease(store: SessionStore, clock: () => number, key: string): Promise<Lease | undefined> {
  const empty = new Uint8Array(0)
  let version = await store.add(key, { value: empty, expiresAtMs: clock() + leaseMs })
  if (version === undefined) return undefined
  const renew = async (): Promise<void> => {
    if (version === undefined) return
    try {
      version = await store.replace(key, version, empty, clock() + leaseMs)
    } catch {
      // The store is in trouble. The next renewal tries again; the write at the end of the work is fenced anyway.
    }
  }
  const timer = setInterval(() => void renew(), leaseMs / 3)
  timer.unref()
  return {
    release: async () => {
      clearInterval(timer)
      if (version === undefined) return
      try {
        await store.delete(key, version)
      } catch {
        // It ends by itself after leaseMs.
      }
    },
  }
}
