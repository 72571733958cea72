import fc from 'fast-check'
import { expect, test } from 'vitest'
import { headerOf } from './request-header.ts'

test('a name in any case is found, another is not', () => {
  expect(headerOf({ rawHeaders: ['Host', 'a', 'ORIGIN', 'https://a.test'] }, 'origin')).toBe('https://a.test')
  expect(headerOf({ rawHeaders: ['Host', 'a', 'X-Origin', 'b'] }, 'origin')).toBeUndefined()
})

test('a value that looks like a name is none', () => {
  expect(headerOf({ rawHeaders: ['x-a', 'origin', 'x-b', 'origin'] }, 'origin')).toBeUndefined()
})

test('an empty header is there', () => {
  expect(headerOf({ rawHeaders: ['X-CSRF-Token', ''] }, 'x-csrf-token')).toBe('')
})

test('a repeated header equals none of its values', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (first, second) => {
      const joined = headerOf({ rawHeaders: ['Origin', first, 'origin', second] }, 'origin')
      expect(joined).toBe(`${first}, ${second}`)
      expect(joined === first || joined === second).toBe(false)
    }),
  )
})

test('cookies in several fields are one list', () => {
  expect(headerOf({ rawHeaders: ['cookie', 'a=1', 'Cookie', 'b=2'] }, 'cookie')).toBe('a=1; b=2')
})
