import { expect, test } from 'vitest'
import { parseDuration } from './duration.ts'

test.each([
  ['0s', 0],
  ['90s', 90],
  ['30m', 1800],
  ['2h', 7200],
  ['7d', 604_800],
])('%s is %d seconds', (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds)
})

test.each(['', '2', 'h', '2 h', '2H', '-2h', '+2h', '1.5h', '2h30m', '2hours', '1e3s', '10000000s', '2h\n'])(
  '%j is none',
  (text) => {
    expect(parseDuration(text)).toBeUndefined()
  },
)
