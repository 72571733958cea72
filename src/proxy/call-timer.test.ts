import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { CallTimer } from './call-timer.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

it('ticks every call, and only while there are calls', () => {
  const timer = new CallTimer(50)
  const seen: number[] = []
  const call = { slot: -1, tick: (nowMs: number) => seen.push(nowMs) }
  vi.advanceTimersByTime(1_000)
  timer.add(call)
  const start = timer.nowMs
  vi.advanceTimersByTime(150)
  expect(seen.map((at) => at - start)).toEqual([50, 100, 150])
  expect(timer.size).toBe(1)
  timer.delete(call)
  vi.advanceTimersByTime(100)
  expect(seen.length).toBe(3)
  expect(vi.getTimerCount()).toBe(0)
})

it('survives a call that removes itself while it is ticked', () => {
  const timer = new CallTimer(50)
  const call = { slot: -1, tick: vi.fn(() => timer.delete(call)) }
  const other = { slot: -1, tick: vi.fn() }
  timer.add(call)
  timer.add(other)
  vi.advanceTimersByTime(100)
  expect(call.tick).toHaveBeenCalledTimes(1)
  expect(other.tick).toHaveBeenCalledTimes(2)
})
