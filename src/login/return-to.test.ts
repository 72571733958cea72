import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isOverlong, longestReturnTo, readReturnTo } from './return-to.ts'

const origin = 'https://app.test'

describe('nothing leads to another site', () => {
  test.each([
    // other origins, with and without a scheme
    'https://evil.test/',
    '//evil.test/',
    '///evil.test',
    '////evil.test',
    'https:evil.test',
    'http:/evil.test',
    'HTTPS://APP.TEST/ok',
    '//app.test/',
    '//app.test@evil.test/',
    // backslashes
    '/\\evil.test',
    '/%5Cevil.test',
    '/%5cevil.test',
    '/%255cevil.test',
    '\\/evil.test',
    '/\\/evil.test',
    '\\\\evil.test',
    '/x\\..\\y',
    '/?a=\\b',
    // dot segments that collapse
    '/x/..//evil.test',
    '/.//evil.test',
    '/./\\evil.test',
    '/%2e%2e//evil.test',
    '/..',
    '/.',
    '/a/../b',
    '/%2e%2e/%2fevil.test',
    '/.%2e/x',
    '/..;//evil.test',
    '/..;x/y',
    '/%252e%252e/x',
    // a naive join of origin and path, or a reader that decodes once more
    '@evil.test',
    '.evil.test',
    ':443@evil.test',
    '%2F%2Fevil.test',
    '%252F%252Fevil.test',
    '/%2fevil.test',
    '/%2F%2Fevil.test',
    '/%252fevil.test',
    '/%25252fevil.test',
    '/%%32%66evil.test',
    '/%25%32%66evil.test',
    '/%5cevil.test%ff',
    '/%2fevil.test%ff',
    '/%c0%afevil.test',
    '/a//b',
    '/a/%2f/b',
    // look-alikes
    'https://evilapp.test',
    'https://app.test.evil.test',
    'https://evil.test/?app.test',
    'https://evil.test\\.app.test/',
    // other schemes
    'javascript:alert(1)//x',
    'JaVaScRiPt:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'blob:x',
    'about:blank',
    // what parsers drop, and header splitting
    '/\t/evil.test',
    '/\n/evil.test',
    '/\r/evil.test',
    '\t//evil.test',
    ' //evil.test',
    '/x\r\nSet-Cookie: a=1',
    '/x\n\n<html>',
    '/%0d%0aSet-Cookie:x=1',
    '/%09/evil.test',
    '/\0/evil.test',
    '/\x7f',
    '/\x1b',
    // nothing, and what is no path
    '',
    '?x',
    '#x',
    'x',
    'x/y',
    '.',
    '*',
    '\u2028/x',
    '/\ud800',
    '/\udc00x',
    '/%',
    '/%zz',
    '/%E0%A4%A/%',
  ])('%j', (value) => {
    expect(readReturnTo(value)).toBe('/')
  })

  test('null and undefined', () => {
    expect(readReturnTo(null)).toBe('/')
    expect(readReturnTo(undefined)).toBe('/')
  })
})

test.each([
  '/',
  '/x',
  '/a/b/',
  '/a?b=c#d',
  '/#/orders/1',
  '/#//orders',
  '/#!/x?y=z',
  '/%E2%82%AC',
  '/a%20b',
  '/?next=https://x.test//y&z=%2f%2F',
  '/?a=%0d%0a',
  '/x?..//..',
  '/a..b/[...slug]',
  '/@me',
  '/a:b',
  '/x?q=100%',
  '/x#%',
  '/.well-known/x',
  '/;a=b',
  '/search?q=%E2%9C%93&p=1+2',
  '/caf%E9',
  "/a'b(c)!*",
])('keeps %s as it is', (value) => {
  expect(readReturnTo(value)).toBe(value)
})

test.each([
  ['/ü', '/%C3%BC'],
  ['/€?q=€#€', '/%E2%82%AC?q=%E2%82%AC#%E2%82%AC'],
  ['/😀', '/%F0%9F%98%80'],
  ['/search?q=a b', '/search?q=a%20b'],
  ['/a b ', '/a%20b%20'],
  ['/ /evil.test', '/%20/evil.test'],
  ['/\u00a0/x', '/%C2%A0/x'],
  ['/\uff0fevil.test', '/%EF%BC%8Fevil.test'],
  ['/\u560d\u560aSet-Cookie:x=1', '/%E5%98%8D%E5%98%8ASet-Cookie:x=1'],
  ['/\u2028', '/%E2%80%A8'],
])('encodes %j as %s', (value, expected) => {
  expect(readReturnTo(value)).toBe(expected)
})

test('what is overlong is refused and never cut, measured as it is sent', () => {
  const longest = `/${'a'.repeat(longestReturnTo - 1)}`
  expect([isOverlong(longest), readReturnTo(longest)]).toEqual([false, longest])
  expect([isOverlong(`${longest}a`), readReturnTo(`${longest}a`)]).toEqual([true, '/'])
  const wide = `/${'€'.repeat(longestReturnTo / 8)}`
  expect([isOverlong(wide), readReturnTo(wide)]).toEqual([true, '/'])
  expect(isOverlong('/\ud800')).toBe(false)
})

test('for every text, the result is a path of our own origin, also after decoding it twice', () => {
  const pieces = fc.constantFrom(
    '/',
    '//',
    '\\',
    '.',
    '..',
    ';',
    '?',
    '#',
    '@',
    ':',
    '%',
    '%2f',
    '%5C',
    '%2e',
    '%25',
    '%252f',
    '25',
    '2f',
    '%09',
    '%ff',
    '\t',
    '\n',
    '\r',
    '\0',
    ' ',
    'evil.test',
    'ü',
    '\ud800',
    '\u560a',
    'https:',
    '\u00a0',
  )
  const text = fc.oneof(
    fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join('')),
    fc.array(pieces, { maxLength: 12 }).map((parts) => `/${parts.join('')}`),
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'binary' }).map((tail) => `/${tail}`),
    fc.webUrl(),
  )
  fc.assert(
    fc.property(text, (value) => {
      const result = readReturnTo(value)
      expect(result).toMatch(/^\/(?!\/)[\x21-\x7e]*$/)
      expect(result.length).toBeLessThanOrEqual(longestReturnTo)
      expect(readReturnTo(result)).toBe(result)
      let reading = result
      for (let round = 0; round < 3; round += 1) {
        expect(new URL(reading, origin).origin).toBe(origin)
        expect(new URL(origin + reading).origin).toBe(origin)
        reading = reading.replace(/%[0-9a-f]{2}/gi, (encoded) => String.fromCharCode(Number.parseInt(encoded.slice(1), 16)))
      }
    }),
    { numRuns: 2000 },
  )
})

test('every local path that a browser shows is kept', () => {
  fc.assert(
    fc.property(fc.webPath({ size: 'small' }), fc.webQueryParameters(), fc.webFragments(), (path, query, fragment) => {
      const url = new URL(`${origin}${path}?${query}#${fragment}`)
      const value = url.pathname + url.search + url.hash
      fc.pre(!/\/\/|%2f|%5c|%25|%7f|%[01]|;|\/\.\.?%20/i.test(url.pathname) && !value.includes('\\'))
      expect(readReturnTo(value)).toBe(value)
    }),
  )
})
