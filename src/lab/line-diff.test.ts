import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countLines, lineDiff } from './line-diff.ts'

const of = (before: string, after: string) => lineDiff(before, after).map(({ kind, text }) => `${kind[0]}${text}`)

test('what is common stays, the rest is removed or added', () => {
  expect(of('a\nb\nc', 'a\nx\nc')).toEqual(['sa', 'rb', 'ax', 'sc'])
  expect(of('a', 'a\nb')).toEqual(['sa', 'ab'])
  expect(of('a\nb', 'b')).toEqual(['ra', 'sb'])
  expect(countLines(lineDiff('a\n\nb', 'a'), 'removed')).toBe(1)
})

test('both texts can be read back from a diff', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { minLength: 1 }).map((lines) => lines.join('\n'))
  fc.assert(
    fc.property(text, text, (before, after) => {
      const lines = lineDiff(before, after)
      const without = (kind: string) =>
        lines
          .filter((line) => line.kind !== kind)
          .map((line) => line.text)
          .join('\n')
      expect(without('added')).toBe(before)
      expect(without('removed')).toBe(after)
    }),
  )
})
