import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readPath } from './path-reading.ts'

describe('the lenient reading', () => {
  test.each([
    ['/', '/'],
    ['/Api/Orders', '/api/orders'],
    ['/a%20b', '/a b'],
    ['/%61%64min', '/admin'],
    ['/%2561dmin', '/admin'],
    ['/api;v=1/x;y', '/api/x'],
    ['/api%3bv=1/x', '/api/x'],
    ['/admin%3fx/y', '/admin'],
    ['/admin%23x', '/admin'],
    ['/%E2%82%AC', '/â\x82¬'],
    ['/100%25', '/100%'],
    ['/100%25zz', '/100%zz'],
  ])('%s is %s', (path, reading) => {
    expect(readPath(path)).toBe(reading)
  })

  test.each([
    '/files/[...slug].js',
    '/a..b/c',
    '/..b/c',
    '/a../c',
    '/.../c',
    '/.well-known/x',
    '/x/%5B...y%5D',
    '/%E2%82%AC',
    '/caf%E9',
    '/a%20b',
    '/a+b;c=d',
    "/a'(b)!*@:,$&=~",
    '/x.',
    '/a/',
  ])('%s is fine', (path) => {
    expect(typeof readPath(path)).toBe('string')
  })
})

/** Every way to write a character: as it is, encoded once, twice, three times, and with its digits encoded. */
function spellings(character: string): string[] {
  const once = [...new Set([hex(character), hex(character).toLowerCase()])]
  const twice = once.map((text) => text.replace('%', '%25'))
  const thrice = once.map((text) => text.replace('%', '%2525'))
  const digits = once.map((text) => `%25${text.slice(1).split('').map(hex).join('')}`)
  const half = once.map((text) => `%25${text.slice(1, 2)}${hex(text.slice(2))}`)
  return [character, ...once, ...twice, ...thrice, ...digits, ...half]
}

function hex(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}

describe('refuses', () => {
  test('a segment that is nothing but parameters', () => {
    for (const path of ['/a/;x/b', '/;x/b', '/a/;/b', '/a/;x=1;y=2/b']) expect(readPath(path), path).toHaveProperty('refused')
  })

  const dots = spellings('.')
  const dotSegments = [...dots, ...dots.flatMap((first) => dots.map((second) => first + second))]

  test('a dot segment in every spelling, anywhere', () => {
    for (const segment of dotSegments) {
      for (const path of [
        `/${segment}`,
        `/a/${segment}`,
        `/a/${segment}/b`,
        `/${segment}/b`,
        `/a/${segment};x=y/b`,
        `/a/${segment}%3b`,
      ]) {
        expect(readPath(path), path).toHaveProperty('refused')
      }
    }
  })

  test('a slash or backslash in every spelling but the plain slash', () => {
    for (const text of [...spellings('/').slice(1), ...spellings('\\')]) {
      for (const path of [`/a${text}b`, `/${text}`, `/a/${text}b`, `/a/b${text}`])
        expect(readPath(path), path).toHaveProperty('refused')
    }
  })

  test('a control character in every spelling', () => {
    for (const code of [...Array(0x20).keys(), 0x7f]) {
      for (const text of spellings(String.fromCharCode(code)).slice(1))
        expect(readPath(`/a${text}b`), text).toHaveProperty('refused')
    }
  })

  test.each([
    ['//', 'an empty segment'],
    ['/a//b', 'an empty segment'],
    ['/a//', 'an empty segment'],
    ['/..%20/x', 'a dot segment'],
    ['/.%3fx', 'a dot segment'],
    ['/..%23', 'a dot segment'],
    ['/%c0%ae%c0%ae/x', 'an overlong encoding'],
    ['/a%C0%AFb', 'an overlong encoding'],
    ['/a%c1%9cb', 'an overlong encoding'],
    ['/a%e0%80%afb', 'an overlong encoding'],
    ['/a%f0%80%80%afb', 'an overlong encoding'],
    ['/a%25c0%25afb', 'an overlong encoding'],
    ['/%', 'a malformed percent-encoding'],
    ['/%zz', 'a malformed percent-encoding'],
    ['/%u002f', 'a malformed percent-encoding'],
    ['/%%32%65', 'a malformed percent-encoding'],
    ['/a%2', 'a malformed percent-encoding'],
    [`/a%${'25'.repeat(5)}2e`, 'an encoding of an encoding of an encoding'],
  ])('%s: %s', (path, refused) => {
    expect(readPath(path)).toEqual({ refused })
  })

  test('in no more time than it takes to read', () => {
    for (const unit of ['%25', '%2525', ';', '/.a', '%3b', '.%20', '%', '/a;', 'a.', '%c0']) {
      const path = `/${unit.repeat(Math.floor(8000 / unit.length))}`
      const startedAt = performance.now()
      readPath(path)
      expect(performance.now() - startedAt, unit).toBeLessThan(100)
    }
  })
})

test('what is accepted has, however often it is decoded, the same segments and none of dots', () => {
  const pieces = fc.constantFrom(
    '/',
    '.',
    '..',
    '%',
    '%25',
    '%2e',
    '%2F',
    '2e',
    '2f',
    '5c',
    '%32',
    '%35',
    ';',
    'a',
    'B',
    '%3b',
    '%C3%BC',
    '%00',
    '%20',
  )
  const random = fc.string({ unit: 'binary-ascii' }).map((text) => text.replace(/[^\x21-\x7e]|[?#]/g, ''))
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(pieces, { maxLength: 14 }).map((parts) => parts.join('')),
        random,
      ),
      (text) => {
        const path = `/${text}`
        const read = readPath(path)
        if (typeof read !== 'string') return
        let reading = path
        for (let round = 0; round < 6; round += 1) {
          const segments = reading.split('/').slice(1)
          expect(segments.length).toBe(path.split('/').length - 1)
          expect(segments.slice(0, -1)).not.toContain('')
          for (const segment of segments) expect(segment).not.toMatch(/^\.\.?(;.*)?$|\\|[\0-\x1f]/)
          reading = reading.replace(/%[0-9a-f]{2}/gi, (encoded) => String.fromCharCode(Number.parseInt(encoded.slice(1), 16)))
        }
      },
    ),
    { numRuns: 1500 },
  )
})
