import { expect, test } from 'vitest'
import { CompressedScan } from './compressed-scan.ts'
import { createTokenFilter } from './token-filter.ts'

const token = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** A stored block of deflate (RFC 1951 section 3.2.4), never the last. */
function stored(text: string): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt16LE(text.length, 1)
  head.writeUInt16LE(0xffff - text.length, 3)
  return Buffer.concat([head, Buffer.from(text)])
}

test('compressed bytes that decode to nothing do not wait in memory without end', async () => {
  const chunks = [stored('abcdefghij'), ...Array.from({ length: 40 }, () => Buffer.concat(Array(10_000).fill(stored(''))))]
  let pushed = 0
  const end = await new Promise<string>((resolve) => {
    const scan = new CompressedScan('deflate', createTokenFilter([token]).body(), {
      scanReleased: () => next(),
      scanFound: () => resolve('found'),
      scanBroken: () => resolve('broken'),
      scanEnded: () => resolve('ended'),
    })
    const next = (): void => {
      const chunk = chunks.shift()
      if (chunk === undefined) return scan.end()
      pushed += chunk.length
      scan.push(chunk)
    }
    next()
  })
  expect(end).toBe('broken')
  expect(pushed).toBeLessThan(1_200_000)
})
