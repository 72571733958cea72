import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { CompressedScan } from './compressed-scan.ts'
import { createTokenFilter } from './token-filter.ts'

const token = 'abcdefghijklmnopqrstuvwxyz0123456789'

interface Outcome {
  readonly end: 'found' | 'broken' | 'ended'
  readonly pushed: number
  readonly released: Buffer
}

function outcomeOf(coding: string, parts: readonly Buffer[]): Promise<Outcome> {
  const chunks = parts.filter(({ length }) => length > 0)
  const released: Buffer[] = []
  let next = 0
  let pushed = 0
  return new Promise((resolve) => {
    const over = (end: Outcome['end']) => () => resolve({ end, pushed, released: Buffer.concat(released) })
    const scan = new CompressedScan(coding, createTokenFilter([token]), {
      scanReleased: (clean) => {
        released.push(...clean)
        go()
      },
      scanFound: over('found'),
      scanBroken: over('broken'),
      scanEnded: over('ended'),
    })
    const go = (): void => {
      const chunk = chunks[next++]
      if (chunk === undefined) return next === chunks.length + 1 ? scan.end() : undefined
      pushed += chunk.length
      scan.push(chunk)
    }
    go()
  })
}

/** A stored block of deflate (RFC 1951 section 3.2.4), never the last. */
function stored(text: string): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt16LE(text.length, 1)
  head.writeUInt16LE(0xffff - text.length, 3)
  return Buffer.concat([head, Buffer.from(text)])
}

test('compressed bytes that decode to nothing do not wait in memory without end', async () => {
  const empty = Buffer.concat(Array(10_000).fill(stored('')))
  const { end, pushed } = await outcomeOf('deflate', [stored('abcdefghij'), ...Array.from({ length: 40 }, () => empty)])
  expect(end).toBe('broken')
  expect(pushed).toBeLessThan(1_200_000)
})

const codings = [
  ['gzip', 'gzip', gzipSync],
  ['Brotli', 'br', brotliCompressSync],
  ['deflate with the head of zlib', 'deflate', deflateSync],
  ['deflate alone', 'deflate', deflateRawSync],
] as const

describe.each(codings)('%s', (_name, coding, compress) => {
  const clean = compress(Buffer.from('{"some":"answer"}'.repeat(50)))
  const leak = Buffer.from(`{"token":"${token}"}`)

  test('a clean body passes, however it is cut', async () => {
    for (let cut = 1; cut < clean.length; cut++)
      expect(await outcomeOf(coding, [clean.subarray(0, cut), clean.subarray(cut)])).toEqual({
        end: 'ended',
        pushed: clean.length,
        released: clean,
      })
    expect((await outcomeOf(coding, [clean])).end).toBe('ended')
    expect((await outcomeOf(coding, [])).end).toBe('ended')
  })

  test('a token inside is found', async () => {
    const body = compress(leak)
    expect((await outcomeOf(coding, [body])).end).toBe('found')
    expect((await outcomeOf(coding, [body.subarray(0, 5), body.subarray(5)])).released.length).toBeLessThan(body.length)
  })

  test.each([
    ['at once', leak],
    ['behind zeros', Buffer.concat([Buffer.alloc(9), leak])],
    ['compressed once more behind a zero', Buffer.concat([Buffer.alloc(1), compress(leak)])],
    ['in a single byte', Buffer.from('x')],
    ['in a single zero', Buffer.alloc(1)],
  ])('nothing behind the end of the stream goes out: %s', async (_how, rest) => {
    const whole = Buffer.concat([clean, rest])
    for (const chunks of [
      [whole],
      [clean, rest],
      [whole.subarray(0, clean.length - 3), whole.subarray(clean.length - 3)],
      [whole.subarray(0, clean.length + 1), whole.subarray(clean.length + 1)],
      [clean, ...[...rest].map((byte) => Buffer.from([byte]))],
    ]) {
      const { end, released } = await outcomeOf(coding, chunks)
      expect(['broken', 'found']).toContain(end)
      // The first byte of what might be a further member of gzip.
      expect(released.length).toBeLessThanOrEqual(clean.length + 1)
    }
  })

  test('a body that ends too early is not taken for clean', async () => {
    for (let cut = 1; cut < clean.length; cut++) expect((await outcomeOf(coding, [clean.subarray(0, cut)])).end).toBe('broken')
  })
})

test('a second member of gzip is read like the first (RFC 1952, section 2.2)', async () => {
  const two = (text: string) => Buffer.concat([gzipSync('first'), gzipSync(text)])
  expect((await outcomeOf('gzip', [two('second')])).end).toBe('ended')
  expect((await outcomeOf('gzip', [two(token)])).end).toBe('found')
})

test('a token in what a decoder skips is found: the comment of gzip, metadata of Brotli', async () => {
  const body = gzipSync('body')
  const withComment = Buffer.concat([
    body.subarray(0, 3),
    Buffer.from([0x10]),
    body.subarray(4, 10),
    Buffer.from(`${token}\0`),
    body.subarray(10),
  ])
  expect((await outcomeOf('gzip', [withComment])).end).toBe('found')
  for (let cut = 11; cut < 10 + token.length; cut++) {
    const { end, released } = await outcomeOf('gzip', [withComment.subarray(0, cut), withComment.subarray(cut)])
    expect(end).toBe('found')
    expect(released.length).toBeLessThanOrEqual(10)
  }
  const innocent = Buffer.from(withComment.toString('latin1').replace(token, 'a comment of nobody'), 'latin1')
  expect((await outcomeOf('gzip', [innocent])).end).toBe('ended')
  // Window bits, then one block of metadata (RFC 7932, section 9.2: MNIBBLES 11, one byte of length), then the last, empty one.
  const bits = (token.length - 1) * 128 + 0b0101100
  const metadata = Buffer.concat([Buffer.from([bits & 255, bits >> 8]), Buffer.from(token), Buffer.from([3])])
  expect((await outcomeOf('br', [metadata])).end).toBe('found')
  const other = Buffer.from(metadata)
  other.fill('x', 2, 2 + token.length)
  expect((await outcomeOf('br', [other])).end).toBe('ended')
})
