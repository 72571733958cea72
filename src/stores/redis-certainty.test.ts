import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { RedisCertainty, leaseMs, momentNow } from './redis-certainty.ts'

let nowMs: number
let certainty: RedisCertainty

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'Date'] })
  nowMs = 1_700_000_000_000
  certainty = new RedisCertainty(() => nowMs)
  join()
})
afterEach(() => {
  vi.useRealTimers()
})

function join(): void {
  certainty.join()
  certainty.extend(momentNow())
}

const expiresAtMs = 1_700_000_060_000
const look = (version = 1) => certainty.end(certainty.begin('k'), { version, expiresAtMs })

describe('RedisCertainty', () => {
  test('holds what was read, at its version and until its expiry', () => {
    expect(look()).toBe(true)
    expect([certainty.holds('k', 1), certainty.holds('k', 2), certainty.holds('other', 1)]).toEqual([true, false, false])
    nowMs = expiresAtMs - 1
    expect(certainty.holds('k', 1)).toBe(true)
    nowMs = expiresAtMs
    expect(certainty.holds('k', 1)).toBe(false)
  })

  test('holds nothing that was changed, and follows the expiry', () => {
    look()
    certainty.hear({ key: 'k', version: 1, expiresAtMs: expiresAtMs + 10 })
    nowMs = expiresAtMs + 9
    expect(certainty.holds('k', 1)).toBe(true)
    certainty.hear({ key: 'other', version: 0, expiresAtMs: 0 })
    expect(certainty.holds('k', 1)).toBe(true)
    certainty.hear({ key: 'k', version: 2, expiresAtMs: expiresAtMs + 10 })
    expect([certainty.holds('k', 1), certainty.holds('k', 2)]).toEqual([false, false])
  })

  test('a change that overtakes a read: the answer is told to be old, and is not held', () => {
    for (const version of [0, 2]) {
      const under = certainty.begin('k')
      certainty.hear({ key: 'k', version, expiresAtMs })
      expect(certainty.end(under, { version: 1, expiresAtMs })).toBe(false)
      expect(certainty.holds('k', 1)).toBe(false)
    }
  })

  test('a change that a read has seen already: the answer is held, with the expiry of the change', () => {
    const under = certainty.begin('k')
    certainty.hear({ key: 'k', version: 2, expiresAtMs: nowMs + 5 })
    expect(certainty.end(under, { version: 2, expiresAtMs })).toBe(true)
    expect(certainty.holds('k', 2)).toBe(true)
    nowMs += 5
    expect(certainty.holds('k', 2)).toBe(false)
    const absent = certainty.begin('k')
    certainty.hear({ key: 'k', version: 0, expiresAtMs: 0 })
    expect(certainty.end(absent, undefined)).toBe(true)
  })

  test('of two reads under way, a change counts for the one that began before it', () => {
    const before = certainty.begin('k')
    certainty.hear({ key: 'k', version: 2, expiresAtMs })
    const after = certainty.begin('k')
    expect([certainty.end(after, { version: 3, expiresAtMs }), certainty.end(before, { version: 1, expiresAtMs })]).toEqual([
      true,
      false,
    ])
    expect(certainty.holds('k', 3)).toBe(true)
  })

  test('trusts nothing when the lease has run out, and again when it is renewed', () => {
    look()
    vi.advanceTimersByTime(leaseMs - 1)
    expect(certainty.holds('k', 1)).toBe(true)
    vi.advanceTimersByTime(1)
    expect(certainty.holds('k', 1)).toBe(false)
    certainty.extend(momentNow())
    expect(certainty.holds('k', 1)).toBe(true)
  })

  test('a lease also runs out by the wall clock: a machine that slept has a monotonic clock that did not run', () => {
    look()
    vi.setSystemTime(Date.now() + leaseMs)
    expect(certainty.holds('k', 1)).toBe(false)
  })

  test('trusts no read for longer than half a minute, however often the lease is renewed', () => {
    look()
    vi.advanceTimersByTime(29_999)
    certainty.extend(momentNow())
    expect(certainty.holds('k', 1)).toBe(true)
    vi.advanceTimersByTime(1)
    expect(certainty.holds('k', 1)).toBe(false)
    look()
    expect(certainty.holds('k', 1)).toBe(true)
  })

  test('forgets everything, reads under way included, and holds nothing read before it joined', () => {
    look()
    const under = certainty.begin('k')
    certainty.forget()
    expect(certainty.end(under, { version: 1, expiresAtMs })).toBe(true)
    const early = certainty.begin('k')
    join()
    expect(certainty.end(early, { version: 1, expiresAtMs })).toBe(true)
    expect(certainty.holds('k', 1)).toBe(false)
    look()
    expect(certainty.holds('k', 1)).toBe(true)
  })

  test('remembers a bounded number of versions, the latest read ones', () => {
    const seen = { version: 1, expiresAtMs }
    for (let index = 0; index <= 65_536; index++) certainty.end(certainty.begin(`k${index}`), seen)
    expect([certainty.holds('k0', 1), certainty.holds('k1', 1), certainty.holds('k65536', 1)]).toEqual([false, true, true])
  })
})
