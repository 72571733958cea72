import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameBoundary, acceptanceProblem, closeFrame, handshakeProblem } from './websocket.ts'

const headers = {
  upgrade: 'websocket',
  connection: 'keep-alive, Upgrade',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

describe('a handshake', () => {
  it('is taken as RFC 6455 describes it', () => {
    expect(handshakeProblem({ method: 'GET', httpVersion: '1.1', headers })).toBeUndefined()
  })

  it.each([
    [{ method: 'POST' }, {}, 'method_or_version'],
    [{ httpVersion: '1.0' }, {}, 'method_or_version'],
    [{}, { upgrade: 'h2c' }, 'upgrade'],
    [{}, { upgrade: 'websocket, h2c' }, 'upgrade'],
    [{}, { connection: 'keep-alive' }, 'upgrade'],
    [{}, { 'sec-websocket-version': '8' }, 'websocket_version'],
    [{}, { 'sec-websocket-key': 'short' }, 'websocket_key'],
    [{}, { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ=' }, 'websocket_key'],
    [{}, { 'sec-websocket-key': undefined }, 'websocket_key'],
    [{}, { 'content-length': '5' }, 'body'],
    [{}, { 'transfer-encoding': 'chunked' }, 'body'],
  ])('%o %o is none', (request, more, problem) => {
    expect(handshakeProblem({ method: 'GET', httpVersion: '1.1', ...request, headers: { ...headers, ...more } })).toBe(problem)
  })

  it('is accepted with the right proof only', () => {
    const accepted = { upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' }
    const asked = { ...headers, 'sec-websocket-protocol': 'chat, superchat' }
    expect(acceptanceProblem(asked, accepted)).toBeUndefined()
    expect(acceptanceProblem(asked, { ...accepted, 'sec-websocket-protocol': 'superchat' })).toBeUndefined()
    expect(acceptanceProblem(asked, { ...accepted, 'sec-websocket-protocol': 'other' })).toBe('websocket_protocol')
    expect(acceptanceProblem(asked, { ...accepted, 'sec-websocket-accept': 'x' })).toBe('websocket_accept')
    expect(acceptanceProblem(asked, { ...accepted, 'sec-websocket-extensions': 'permessage-deflate' })).toBe(
      'websocket_extensions',
    )
    expect(acceptanceProblem(asked, { ...accepted, connection: 'close' })).toBe('upgrade')
  })
})

/** A frame with a payload of this length. */
function frame(length: number, isMasked: boolean): Buffer {
  const mask = isMasked ? 0x80 : 0
  const head = length < 126 ? [0x82, mask | length] : length < 65_536 ? [0x82, mask | 126, length >> 8, length & 0xff] : undefined
  const long = Buffer.alloc(10)
  long.set([0x82, mask | 127])
  long.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([
    head === undefined ? long : Buffer.from(head),
    Buffer.alloc(isMasked ? 4 : 0),
    Buffer.alloc(length, 0x88),
  ])
}

describe('frame boundaries', () => {
  it('are known however the bytes are cut', () => {
    const lengths = fc.array(fc.tuple(fc.constantFrom(0, 1, 125, 126, 300, 65_535, 65_536, 70_000), fc.boolean()), {
      maxLength: 4,
    })
    fc.assert(
      fc.property(lengths, fc.array(fc.nat(300_000), { maxLength: 10 }), (frames, places) => {
        const all = frames.map(([length, isMasked]) => frame(length, isMasked))
        const bytes = Buffer.concat(all)
        const ends = new Set([0])
        let end = 0
        for (const one of all) ends.add((end += one.length))
        const boundary = new FrameBoundary()
        let from = 0
        for (const to of [...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
          expect(boundary.push(bytes.subarray(from, to))).toBe(true)
          expect(boundary.isBetweenFrames).toBe(ends.has(to))
          from = to
        }
      }),
      { numRuns: 200 },
    )
  })

  it('are lost with an impossible length', () => {
    expect(new FrameBoundary().push(Buffer.from([0x82, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))).toBe(false)
  })
})

it('a close frame holds its code and at most 123 bytes of reason', () => {
  expect(closeFrame(1008, 'over')).toEqual(Buffer.from([0x88, 6, 0x03, 0xf0, ...Buffer.from('over')]))
  const long = closeFrame(1000, '€'.repeat(100))
  expect(long[1]).toBe(2 + 123)
  expect(long.subarray(4).toString()).toBe('€'.repeat(41))
})
