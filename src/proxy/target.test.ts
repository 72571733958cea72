import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judgePath, targetOf, type JudgedPath } from './target.ts'

const origin = 'https://app.test'

function judged(target: string): JudgedPath {
  const result = judgePath(target, origin)
  if ('refused' in result) throw new Error(`${target} is refused: ${result.refused}`)
  return result
}

describe('judgePath', () => {
  test.each(['/files/[...slug].js', '/a..b/c', '/x/%5B...y%5D', '/%E2%82%AC', '/a%20b', '/', '/a/', '/a{b}|c^d`e"f<g>'])(
    '%s passes byte for byte',
    (path) => {
      expect(judged(path)).toMatchObject({ path, query: '' })
    },
  )

  test.each(['?', '?q=../..', '?a=1&a=2&b=', '?%', '?%00%0d%0a', '?next=https://x//y', '?a?b', '?%2f%5c\\', '?"<>'])(
    'the query %s passes byte for byte',
    (query) => {
      expect(judged(`/a${query}`)).toMatchObject({ path: '/a', query })
    },
  )

  test.each([
    ['https://app.test/a?b=c', '/a', '?b=c'],
    ['HTTPS://APP.TEST/A', '/A', ''],
    ['https://app.test', '/', ''],
    ['https://app.test?b', '/', '?b'],
  ])('absolute form of our own origin: %s', (target, path, query) => {
    expect(judged(target)).toMatchObject({ path, query })
  })

  test.each([
    '',
    '*',
    'app.test:443',
    'a',
    '?a',
    '#',
    'http://10.0.0.1/',
    'http://app.test/admin',
    'https://app.test.evil.test/',
    'https://app.test@evil.test/',
    'https://app.test:444/',
    'https://app.test\\@evil.test/',
    'https://app.test#/',
    'ftp://x',
    'https:/app.test/',
    'https://app.test//x',
    'https://app.test/../x',
    'wss://app.test/',
    'javascript:alert(1)',
  ])('refuses the target %s', (target) => {
    expect(judgePath(target, origin)).toMatchObject({ code: 'bad_request' })
  })

  test.each([
    '/public/../admin',
    '/public/./../admin',
    '/public/%2e%2e/admin',
    '/public/..%2fadmin',
    '/public/%2e%2e%2fadmin',
    '//api/private',
    '/api//private',
    '/./api/private',
    '///admin',
    '/public\\..\\admin',
    '/public/..%5cadmin',
    '/public%5c..%5cadmin',
    '/public/..;/admin',
    '/public/..;x=y/..;/admin',
    '/public%00/../admin',
    '/x%0d%0aX-A:%201',
    '/x%20HTTP/1.1%0d%0aHost:evil.test',
    '/strip/../admin',
    '/strip%2f..%2fadmin',
    '/%',
    '/%zz',
    '/a#b',
    '/a b',
    '/a?b#c',
    '/a?b c',
    '/a\tb',
    '/a\r\nb',
    '/\0',
    '/ü',
    '/a?ü',
    '/a\x7f',
    '/\u2024\u2024/x',
    '/a?\u560d',
  ])('refuses %j', (target) => {
    expect(judgePath(target, origin)).toMatchObject({ code: 'bad_request' })
  })

  test('a target over 8 KB is too long, and one of 8 KB is not', () => {
    expect(judgePath(`/${'a'.repeat(8192)}`, origin)).toMatchObject({ code: 'uri_too_long' })
    expect(judged(`/${'a'.repeat(8191)}`).path).toHaveLength(8192)
    expect(judgePath('%'.repeat(30_000), origin)).toMatchObject({ code: 'uri_too_long' })
  })

  test('never throws; what it accepts is the same path to a URL parser, before and after decoding it twice', () => {
    const pieces = fc.constantFrom(
      '/',
      '//',
      '.',
      '..',
      '%2e',
      '%252e',
      '%2f',
      '\\',
      ';',
      '?',
      '#',
      '%',
      'a',
      'Ü',
      ' ',
      '\t',
      '\n',
      '@',
      ':',
      'https://app.test',
      '%25',
      '32',
      '65',
    )
    const text = fc.oneof(
      fc.array(pieces, { maxLength: 10 }).map((parts) => `/${parts.join('')}`),
      fc.string({ unit: 'binary' }),
      fc.webUrl(),
    )
    fc.assert(
      fc.property(text, (target) => {
        const result = judgePath(target, origin)
        if ('refused' in result) return
        const url = new URL(result.path + result.query, 'http://h')
        // A parser only encodes what is not allowed to stand in a path.
        const plain = /["<>^`{}]/g
        expect(url.host).toBe('h')
        expect(url.pathname).toBe(new URL(`http://h${result.path.replace(plain, encodeURIComponent)}`).pathname)
        expect(url.pathname.replace(/%(22|3C|3E|5E|60|7B|7D)/gi, '')).toBe(
          result.path.replace(/%(22|3C|3E|5E|60|7B|7D)/gi, '').replace(plain, ''),
        )
        let reading = result.path
        for (let round = 0; round < 2; round += 1) {
          reading = reading.replace(/%[0-9a-f]{2}/gi, (encoded) => String.fromCharCode(Number.parseInt(encoded.slice(1), 16)))
          expect(reading.split('/')).toHaveLength(result.path.split('/').length)
          expect(reading).not.toMatch(/\\|\/\/|\/\.\.?(\/|;|$)|[\0-\x1f]/)
        }
      }),
      { numRuns: 1500 },
    )
  })
})

describe('targetOf', () => {
  test.each([
    // route, base, request, upstream's
    ['/api/', '/v1/', '/api/a?b=c', '/v1/a?b=c'],
    ['/api/', '/v1/', '/api/', '/v1/'],
    ['/api/', '/v1/', '/api', '/v1/'],
    ['/api/', '/v1', '/api/a', '/v1/a'],
    ['/api/', '/v1', '/api/', '/v1/'],
    ['/api/', '/v1', '/api', '/v1'],
    ['/api', '/v1/', '/api/a', '/v1/a'],
    ['/api', '/v1/', '/api/', '/v1/'],
    ['/api', '/v1/', '/api', '/v1/'],
    ['/api', '/v1', '/api/a', '/v1/a'],
    ['/api', '/v1', '/api/', '/v1/'],
    ['/api', '/v1', '/api', '/v1'],
    ['/api/', '/', '/api/a/', '/a/'],
    ['/api/', '/', '/api', '/'],
    ['/api', '/', '/api?x', '/?x'],
    ['/api', '/', '/api/', '/'],
    ['/', '/', '/', '/'],
    ['/', '/', '/a', '/a'],
    ['/', '/v1', '/a', '/v1/a'],
    ['/', '/v1/', '/', '/v1/'],
    ['/graphql', '/graphql', '/graphql', '/graphql'],
    ['/api/', '/v1/', '/api/%E2%82%AC?a=1&a=2&c=%2B&d=', '/v1/%E2%82%AC?a=1&a=2&c=%2B&d='],
    ['/api/', '/v1/', '/api/?', '/v1/?'],
  ])('route %s on %s: %s goes to %s', (path, upstreamBase, target, expected) => {
    expect(targetOf({ path, upstreamBase }, judged(target))).toBe(expected)
  })

  test('stays under the base, makes no empty segment, and leaves the query as it is', () => {
    const segment = fc.stringMatching(/^[A-Za-z0-9._~!$&'()+,=:@-]{1,6}$/).filter((text) => !/^\.\.?$/.test(text))
    const prefix = fc
      .tuple(fc.array(segment, { maxLength: 3 }), fc.boolean())
      .map(([parts, slash]) => (parts.length === 0 ? '/' : `/${parts.join('/')}${slash ? '/' : ''}`))
    const rest = fc
      .array(fc.oneof(segment, fc.constantFrom('%20', '%25', 'b;a', '%C3%BC')), { maxLength: 3 })
      .map((parts) => parts.map((part) => `/${part}`).join(''))
    fc.assert(
      fc.property(
        prefix,
        prefix,
        rest,
        fc.boolean(),
        fc.constantFrom('', '?', '?a=//b&c=..', '?%2f'),
        (path, upstreamBase, tail, slash, query) => {
          const target = judged(`${path.replace(/\/$/, '')}${tail}${slash || (tail === '' && path === '/') ? '/' : ''}${query}`)
          const result = targetOf({ path, upstreamBase }, target)
          const [resultPath = ''] = result.split('?', 1)
          const base = upstreamBase.replace(/\/$/, '')
          expect(result.slice(resultPath.length)).toBe(query)
          expect(resultPath).not.toContain('//')
          expect(resultPath === base || resultPath.startsWith(`${base}/`)).toBe(true)
          expect(new URL(result, 'http://up').pathname).toBe(resultPath)
          if (tail !== '') expect(resultPath).toBe(base + tail + (slash ? '/' : ''))
        },
      ),
      { numRuns: 1000 },
    )
  })
})
