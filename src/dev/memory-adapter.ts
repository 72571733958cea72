import type { Adapter, AdapterPayload } from 'oidc-provider'

interface Entry {
  payload: AdapterPayload
  expiresAtMs: number
}

const sweepEvery = 500

/**
 * What the local provider remembers, for as long as the process lives. oidc-provider asks for one adapter per model;
 * all of them share one map, because revoking a grant reaches over models.
 */
export function createMemoryAdapter(now: () => number = Date.now): (model: string) => Adapter {
  const entries = new Map<string, Entry>()
  let writes = 0

  const live = (key: string): AdapterPayload | undefined => {
    const entry = entries.get(key)
    return entry !== undefined && entry.expiresAtMs > now() ? entry.payload : undefined
  }

  const sweep = () => {
    const nowMs = now()
    for (const [key, entry] of entries) if (entry.expiresAtMs <= nowMs) entries.delete(key)
  }

  return (model) => {
    const prefix = `${model}:`
    const findBy = (field: 'uid' | 'userCode', value: string) => {
      for (const [key, { payload }] of entries) {
        if (key.startsWith(prefix) && payload[field] === value) return live(key)
      }
      return undefined
    }
    return {
      async upsert(id, payload, expiresInSeconds) {
        if (++writes % sweepEvery === 0) sweep()
        entries.set(prefix + id, {
          payload,
          expiresAtMs: expiresInSeconds === undefined ? Infinity : now() + expiresInSeconds * 1000,
        })
      },
      async find(id) {
        return live(prefix + id)
      },
      async findByUid(uid) {
        return findBy('uid', uid)
      },
      async findByUserCode(userCode) {
        return findBy('userCode', userCode)
      },
      async consume(id) {
        const payload = live(prefix + id)
        if (payload !== undefined) payload.consumed = Math.floor(now() / 1000)
      },
      async destroy(id) {
        entries.delete(prefix + id)
      },
      async revokeByGrantId(grantId) {
        // The grant's own record has the id in its key, not in `grantId`: oidc-provider destroys that one itself.
        for (const [key, { payload }] of entries) if (payload.grantId === grantId) entries.delete(key)
      },
    }
  }
}
