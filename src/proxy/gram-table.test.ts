import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GramTable, gramBytes } from './gram-table.ts'

const texts = fc.array(
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  { maxLength: 12 },
)

describe('a table of what stands in some texts', () => {
  test('knows every sequence of four bytes in them', () => {
    fc.assert(
      fc.property(texts, (all) => {
        const table = new GramTable(all)
        for (const text of all)
          for (let at = 0; at + gramBytes <= text.length; at++) expect(table.has(text.readUInt32LE(at))).toBe(true)
      }),
    )
  })

  test('takes few others for one of them, whatever their number', () => {
    for (const count of [0, 1, 10, 1_000, 30_000]) {
      const text = Buffer.alloc(count + 3)
      for (let at = 0; at < text.length; at++) text[at] = (Math.imul(at, 2_654_435_761) >>> 11) & 0xff
      const inside = new Set<number>()
      for (let at = 0; at + gramBytes <= text.length; at++) inside.add(text.readUInt32LE(at))
      const table = new GramTable([text])
      let mistakes = 0
      for (let gram = 1; gram <= 50_000; gram++)
        if (!inside.has(gram * 69_069) && table.has(Math.imul(gram, 69_069) >>> 0)) mistakes++
      expect(mistakes, `${count} sequences`).toBeLessThan(50)
    }
  })
})
