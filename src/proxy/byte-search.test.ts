import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SampledSearch } from './byte-search.ts'

/** Few different bytes, so that near misses are common. */
const bytes = (minLength: number, maxLength: number) =>
  fc.array(fc.constantFrom(0x61, 0x62, 0x63), { minLength, maxLength }).map((list) => Buffer.from(list))

test('finds what a plain search finds, in small and large chunks', () => {
  fc.assert(
    fc.property(
      fc.array(bytes(8, 60), { minLength: 1, maxLength: 4 }),
      bytes(0, 200),
      fc.nat(40_000),
      fc.nat(40_000),
      fc.boolean(),
      (patterns, noise, at, size, isPlanted) => {
        const chunk = Buffer.alloc(Math.max(size, 1), noise.length === 0 ? 'z' : noise)
        const [first = Buffer.alloc(0)] = patterns
        if (isPlanted) first.copy(chunk, at % chunk.length)
        expect(new SampledSearch(patterns).isIn(chunk)).toBe(patterns.some((pattern) => chunk.includes(pattern)))
      },
    ),
    { numRuns: 300 },
  )
})

test('finds a token at every place of a large chunk', () => {
  const token = Buffer.from('0123456789abcdefghijklmnopqrstuvwxyzABCDEFG')
  const search = new SampledSearch([token, Buffer.alloc(900, 'x')])
  for (let at = 0; at < 200; at++) {
    const chunk = Buffer.alloc(20_000, '.')
    token.copy(chunk, at)
    expect(search.isIn(chunk)).toBe(true)
    chunk[at + 21] = 0
    expect(search.isIn(chunk)).toBe(false)
    const end = Buffer.alloc(20_000, '.')
    token.copy(end, end.length - token.length - at)
    expect(search.isIn(end)).toBe(true)
  }
})
