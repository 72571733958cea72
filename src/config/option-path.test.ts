import { expect, test } from 'vitest'
import { liesIn, overlaps, printable, printPath, valueAt } from './option-path.ts'

test('paths print as they are written in code', () => {
  expect(printPath(['routes', 1, 'upstream'])).toBe('routes[1].upstream')
  expect(printPath([])).toBe('')
  expect(printPath(['a', 'b c', 0])).toBe('a["b c"][0]')
})

test('what looks like a value in a name is cut', () => {
  expect(printPath(['provider', 'clientSecret:hunter2'])).toBe('provider["clientSecret:..."]')
  expect(printPath(['provider', 'clientSecret=hunter2'])).toBe('provider["clientSecret=..."]')
  expect(printPath(['session', 'Zk3v_0q8XnB4rT7yL1sW9uE2aH5cJ6dM'])).toBe('session["..."]')
  expect(printPath(['claims', 'https://example.com/roles'])).toBe('claims["https://example.com/roles"]')
})

test('nothing in a name or value can steer a terminal', () => {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  const steering = /[\u0000-\u001F\u007F-\u009F\u202E\u2028]/
  expect(printPath(['\u001B[31m'])).not.toMatch(steering)
  expect(printable('a\u009B31m\u202Eb\u2028')).not.toMatch(steering)
  expect(printable('x'.repeat(1000)).length).toBeLessThan(70)
})

test('paths overlap where one leads to the other', () => {
  expect(overlaps(['a'], ['a', 'b'])).toBe(true)
  expect(overlaps(['a', 'b'], ['a'])).toBe(true)
  expect(overlaps(['a', 'b'], ['a', 'c'])).toBe(false)
  expect(liesIn(['a', 'b'], ['a'])).toBe(true)
  expect(liesIn(['a'], ['a', 'b'])).toBe(false)
})

test('inherited properties are not values', () => {
  expect(valueAt({ a: [{ b: 1 }] }, ['a', 0, 'b'])).toBe(1)
  expect(valueAt({}, ['constructor'])).toBeUndefined()
  expect(valueAt({ a: 'text' }, ['a', 'length'])).toBeUndefined()
})
