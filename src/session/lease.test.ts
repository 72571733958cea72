import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createMemoryStore } from '../stores/memory.ts'
import { leaseMs, takeLease } from './lease.ts'

const key = 'lease:session'
const clock = () => Date.now()
let store: ReturnType<typeof createMemoryStore>

beforeEach(() => {
  vi.useFakeTimers({ now: 1_700_000_000_000 })
  store = createMemoryStore({ clock })
})

afterEach(() => vi.useRealTimers())

test('work that takes many times as long as a lease keeps it, and then frees it at once (oauth2-proxy PRs 3456 and 1580)', async () => {
  const lease = await takeLease(store, clock, key)
  for (let second = 0; second < 60; second++) {
    await vi.advanceTimersByTimeAsync(1000)
    expect(await takeLease(store, clock, key), `after ${second + 1} s`).toBeUndefined()
  }
  await lease?.release()
  expect(await takeLease(store, clock, key)).toBeDefined()
})

test('a holder that is gone frees it within its length, and cannot end the lease of the next one', async () => {
  const renewed = vi.spyOn(globalThis, 'setInterval').mockReturnValueOnce(setTimeout(() => undefined, 0))
  const gone = await takeLease(store, clock, key)
  renewed.mockRestore()
  await vi.advanceTimersByTimeAsync(leaseMs)
  const next = await takeLease(store, clock, key)
  expect(next).toBeDefined()
  await gone?.release()
  expect(await takeLease(store, clock, key)).toBeUndefined()
})

test('a store in trouble for a moment costs no lease', async () => {
  const lease = await takeLease(store, clock, key)
  const replace = vi.spyOn(store, 'replace').mockImplementationOnce(() => {
    throw new Error('away')
  })
  await vi.advanceTimersByTimeAsync(leaseMs * 2)
  expect(replace.mock.calls.length).toBeGreaterThan(2)
  expect(await takeLease(store, clock, key)).toBeUndefined()
  await lease?.release()
  expect(await takeLease(store, clock, key)).toBeDefined()
})
