import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createTokenFilter } from './token-filter.ts'
import type { BodyScan } from './token-filter.ts'

const jwt = `eyJhbGciOiJSUzI1NiJ9.${'eyJzdWIiOiJhZGEifQ'.repeat(8)}.c2ln`
const opaque = 'Zm9v/+bar=baz~0123456789'

/** Cuts bytes at the given places and runs them through a scan. */
function scanned(scan: BodyScan, bytes: Buffer, cuts: readonly number[]): { out: Buffer; isFound: boolean } {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b)
  const released: Buffer[] = []
  let from = 0
  for (const to of [...places, bytes.length]) {
    const clean = scan.push(bytes.subarray(from, to))
    if (clean === 'found') return { out: Buffer.concat(released), isFound: true }
    released.push(...clean)
    from = to
  }
  const rest = scan.end()
  if (rest !== 'found') released.push(...rest)
  return { out: Buffer.concat(released), isFound: rest === 'found' }
}

const cuts = fc.array(fc.nat(4000), { maxLength: 12 })
/** Text that often looks like the beginning of a token. */
const noise = fc
  .array(fc.oneof(fc.constantFrom('e', 'ey', 'eyJhbGciOi', jwt.slice(0, 60), jwt.slice(20), 'Zm9v/', '\n'), fc.string()), {
    maxLength: 8,
  })
  .map((parts) => parts.join(' '))

describe('a body scan', () => {
  const filter = createTokenFilter([jwt, opaque])

  it('finds a token however the bytes are cut, and releases only what stands before it', () => {
    fc.assert(
      fc.property(noise, fc.constantFrom(jwt, opaque), noise, cuts, (before, token, after, places) => {
        const bytes = Buffer.from(before + token + after)
        const { out, isFound } = scanned(filter.body(), bytes, places)
        expect(isFound).toBe(true)
        expect(out.length).toBeLessThanOrEqual(bytes.indexOf(token))
        expect(bytes.subarray(0, out.length).equals(out)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  it('gives a body without a token back as it is', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          noise.map((text) => Buffer.from(text)),
          fc.uint8Array({ maxLength: 3000 }).map(Buffer.from),
        ),
        cuts,
        (bytes, places) => {
          fc.pre(!bytes.includes(jwt) && !bytes.includes(opaque))
          const { out, isFound } = scanned(filter.body(), bytes, places)
          expect(isFound).toBe(false)
          expect(out.equals(bytes)).toBe(true)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('finds the percent-encoded and the JSON-escaped spelling', () => {
    for (const spelling of [encodeURIComponent(opaque), opaque.replaceAll('/', '\\/')]) {
      expect(spelling).not.toBe(opaque)
      expect(filter.body().last(Buffer.from(`x${spelling}`)), spelling).toBe('found')
    }
    const lower = 'zm9v%2f%2bbar%3dbaz~0123456789'
    expect(createTokenFilter(['zm9v/+bar=baz~0123456789']).body().last(Buffer.from(lower))).toBe('found')
    expect(
      createTokenFilter(['quoted"token"of-some-length']).body().last(Buffer.from('{"t":"quoted\\"token\\"of-some-length"}')),
    ).toBe('found')
  })

  it('holds nothing back of an event that does not end like a token begins', () => {
    const event = Buffer.from('data: hey, everyone\n\n')
    const scan = filter.body()
    const [released] = scan.push(event)
    expect(released).toBe(event)
    expect(scan.heldBytes).toBe(0)
  })

  it('holds back no more than a token', () => {
    const scan = filter.body()
    for (let index = 0; index < 200; index++) scan.push(Buffer.from(jwt.slice(0, -1)))
    expect(scan.heldBytes).toBe(jwt.length - 1)
  })

  it('ignores what is too short to be a token, and bears text that is not ASCII', () => {
    expect(createTokenFilter(['short']).body().last(Buffer.from('short'))).not.toBe('found')
    expect(createTokenFilter([]).inHeaders(['a', 'b'.repeat(100)])).toBe(false)
    const odd = 'a lone \ud800 surrogate token'
    expect(createTokenFilter([odd]).body().last(Buffer.from(odd))).toBe('found')
  })
})

describe('the head', () => {
  it('is searched in names and values', () => {
    const filter = createTokenFilter([jwt, opaque])
    expect(filter.inHeaders(['Location', `https://x.example/?t=${encodeURIComponent(opaque)}`])).toBe(true)
    expect(filter.inHeaders(['Link', `<${jwt}>`])).toBe(true)
    expect(filter.inHeaders([jwt, 'x'])).toBe(true)
    expect(filter.inHeaders(['Content-Type', 'text/html', 'ETag', jwt.slice(1)])).toBe(false)
  })
})

describe('parts of a resource', () => {
  const filter = createTokenFilter([jwt])
  const resource = Buffer.from(`${'<p>some text</p>'.repeat(20)}${jwt}${'<p>more text</p>'.repeat(20)}`)
  const tokenAt = resource.indexOf(jwt)

  it('never give more than a few characters of a token, whatever ranges are asked for', () => {
    const leaked = new Set<number>()
    for (let first = 0; first < resource.length; first++) {
      for (const length of [1, 7, 15, 16, 17, 40, 100, 400]) {
        const part = resource.subarray(first, first + length)
        if (part.length === 0) continue
        const scan = filter.part(`bytes ${first}-${first + part.length - 1}/${resource.length}`)
        if (scan === undefined) continue
        const { out } = scanned(scan, part, [part.length >> 1])
        for (let at = 0; at < out.length; at++) {
          const place = first + at - tokenAt
          if (place >= 0 && place < jwt.length) leaked.add(place)
        }
      }
    }
    const middle = [...leaked].filter((place) => place >= 8 && place < jwt.length - 8)
    expect(middle).toEqual([])
  })

  it('are passed where they hold nothing', () => {
    const part = resource.subarray(0, 200)
    expect(scanned(filter.part(`bytes 0-199/${resource.length}`) as BodyScan, part, [3, 50])).toEqual({
      out: part,
      isFound: false,
    })
    expect(filter.part('bytes 0-1/5000')?.last(Buffer.from('ey'))).toEqual([Buffer.from('ey')])
  })

  it('cannot be judged without one good Content-Range', () => {
    for (const range of [undefined, '', 'bytes */100', 'bytes 5-6/100', 'items 0-100/200'])
      expect(filter.part(range), range).toBeUndefined()
  })
})
