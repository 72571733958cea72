import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { responseHeaders, type ResponseRules } from './headers.ts'

type ResponseRoute = Parameters<typeof responseHeaders>[1]

const ownName = '__Host-Http-coatcheck'

function valuesOf(flat: readonly string[], name: string): string[] {
  return flat.flatMap((text, i) => (i % 2 === 0 && text.toLowerCase() === name ? [flat[i + 1] ?? ''] : []))
}

describe('responseHeaders', () => {
  const route: ResponseRoute = {
    path: '/api/',
    upstreamOrigin: 'http://orders:8080',
    upstreamBase: '/v1/',
    cacheControl: 'private',
  }
  const rules: ResponseRules = {
    origin: 'https://app.test',
    sessionCookieName: ownName,
    csrfCookie: true,
    strictTransportSecurity: 'max-age=1',
  }

  function answered(raw: Parameters<typeof responseHeaders>[0], more: Partial<ResponseRoute> = {}, ownRules = rules): string[] {
    const out = responseHeaders(raw, { ...route, ...more }, ownRules, 'request-1')
    if ('refused' in out) throw new Error(out.refused)
    return out
  }
  const bare = [
    'cache-control',
    'private, no-store',
    'vary',
    'Cookie',
    'x-content-type-options',
    'nosniff',
    'cross-origin-resource-policy',
    'same-origin',
  ]
  const added = [...bare, 'strict-transport-security', 'max-age=1', 'x-request-id', 'request-1']

  test('adds what every answer needs', () => {
    expect(answered([])).toEqual(added)
    expect(answered([], {}, { ...rules, strictTransportSecurity: '' })).toEqual([...bare, 'x-request-id', 'request-1'])
  })

  test('ordinary fields keep their spelling, order, number and bytes', () => {
    const raw = [
      'Content-Type',
      'text/html',
      'Link',
      '</a>',
      'link',
      '</b>',
      'WWW-Authenticate',
      'Basic',
      'Server',
      'x',
      'Content-Disposition',
      'inline; filename=\xe9',
      'ETag',
      '"a"',
      'X-Accel-Buffering',
      'no',
    ]
    expect(answered(raw)).toEqual([...raw, ...added])
  })

  test.each([
    'Connection',
    'Keep-Alive',
    'Proxy-Authenticate',
    'Proxy-Connection',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'Access-Control-Allow-Origin',
    'access-control-allow-credentials',
    'Timing-Allow-Origin',
    'Clear-Site-Data',
    'Alt-Svc',
    'NEL',
    'Strict-Transport-Security',
    'Authorization',
    'DPoP-Nonce',
    'X-Access-Token',
    'x_access_token',
    'X-Id-Token',
    'Forwarded',
    'X-Forwarded-Access-Token',
    'X-Request-Id',
    'X-Content-Type-Options',
  ])('%s stays out', (name) => {
    expect(answered([name, 'evil'])).toEqual(added)
  })

  test.each(['BffSession', 'bffsession', 'Bearer, BffSession', 'Bearer realm="x", BffSession a=b', 'Bearer realm="BffSession"'])(
    'the mark of our own 401 cannot be set by an upstream: %s',
    (value) => {
      for (const name of ['WWW-Authenticate', 'www-authenticate', 'WWW_Authenticate'])
        expect(answered([name, value])).toEqual(added)
      expect(answered(['WWW-Authenticate', 'Bearer', 'WWW-Authenticate', value])).toEqual([
        'WWW-Authenticate',
        'Bearer',
        ...added,
      ])
    },
  )

  test('what Connection names stays out, but not what the body is read by', () => {
    const body = ['Content-Length', '5', 'Content-Encoding', 'gzip', 'Content-Type', 'text/html', 'Content-Range', 'bytes 0-4/9']
    const raw = ['Connection', 'X-Mine, Content-Length, content-encoding, Content-Type, content-range', 'X-Mine', '1', ...body]
    expect(answered(raw)).toEqual([...body, ...added])
  })

  test.each([
    `${ownName}=x`,
    `${ownName.toUpperCase()}=x; Path=/`,
    ` ${ownName} =x`,
    `\t${ownName}\t=`,
    `${ownName}-login-7=x`,
    `${ownName.toLowerCase()}-LOGIN-=x`,
    'XSRF-TOKEN=x',
    'xsrf-token=x',
    '=x',
    `=${ownName}=x`,
    ownName,
    '',
    ' = x',
    '; Path=/',
    `${ownName}=; Max-Age=0`,
  ])('the cookie %j stays out', (cookie) => {
    expect(answered(['Set-Cookie', cookie])).toEqual(added)
  })

  test('other cookies pass, for this host alone', () => {
    const cookies = [
      'a=1; Path=/; HttpOnly',
      `x${ownName}=1`,
      'a=Domain=b; Secure',
      '__Host-a=1; Path=/; Secure',
      'a="x;y"',
      'a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT',
    ]
    for (const cookie of cookies) expect(answered(['Set-Cookie', cookie]), cookie).toEqual(['Set-Cookie', cookie, ...added])
    for (const domain of ['; Domain=example.com', ';domain = .test', '; DOMAIN', ';\tDomain=a;Domain=b']) {
      expect(answered(['Set-Cookie', `a=1${domain}; Path=/`]), domain).toEqual(['Set-Cookie', 'a=1; Path=/', ...added])
    }
    expect(answered(['Set-Cookie', 'XSRF-TOKEN=theirs'], {}, { ...rules, csrfCookie: false }).slice(0, 2)).toEqual([
      'Set-Cookie',
      'XSRF-TOKEN=theirs',
    ])
  })

  test('nothing may be cached, whatever the upstream says to whichever cache', () => {
    const raw = [
      'Cache-Control',
      'public, max-age=99',
      'Expires',
      'x',
      'Pragma',
      'x',
      'CDN-Cache-Control',
      'max-age=9',
      'Surrogate-Control',
      'max-age=9',
      'Cloudflare-CDN-Cache-Control',
      'max-age=9',
      'Edge-Control',
      'x',
      'X-Accel-Expires',
      '9',
    ]
    expect(answered(raw)).toEqual(added)
    expect(answered(['Cache-Control', 'public, x="a, no-store, b"'])).toEqual(added)
    expect(answered(['Cache-Control', 'no-store=1, xno-store, no-storex'])).toEqual(added)
    expect(answered(['Connection', 'cache-control', 'Cache-Control', 'no-store'])).toEqual(added)
    // What takes no-store back for some caches.
    expect(answered(['Cache-Control', 'must-understand, no-store'])).toEqual(added)
    expect(answered(['Cache-Control', 'no-store, Public'])).toEqual(added)
    expect(answered(['Cache-Control', 'no-store', 'cache-control', 's-maxage=9'])).toEqual(added)
  })

  test('a no-store of the upstream stands, and still no other field may overrule it', () => {
    const out = answered([
      'Cache-Control',
      'No-Store, no-transform',
      'CDN-Cache-Control',
      'max-age=9',
      'cache-control',
      'max-age=0',
    ])
    expect(valuesOf(out, 'cache-control')).toEqual(['No-Store, no-transform, max-age=0'])
    expect(valuesOf(out, 'cdn-cache-control')).toEqual([])
  })

  test.each([
    [[], 'Cookie'],
    [['Accept'], 'Accept, Cookie'],
    [['Accept', 'Origin'], 'Accept, Origin, Cookie'],
    [['origin,COOKIE'], 'origin,COOKIE'],
    [['*'], '*'],
    [['X-Cookie'], 'X-Cookie, Cookie'],
  ])("the upstream's own caching stands where the route says so, Vary %j becomes %j", (vary, expected) => {
    const out = answered(['Cache-Control', 'public, max-age=99', 'Expires', 'x', ...vary.flatMap((value) => ['Vary', value])], {
      cacheControl: 'upstream',
    })
    expect(valuesOf(out, 'cache-control')).toEqual(['public, max-age=99'])
    expect(valuesOf(out, 'expires')).toEqual(['x'])
    expect(valuesOf(out, 'vary')).toEqual([expected])
  })

  test.each([
    [['same-origin'], 'same-origin'],
    [['cross-origin'], 'cross-origin'],
    [['same-site'], 'same-site'],
    [['anything'], 'same-origin'],
    [['cross-origin', 'cross-origin'], 'same-origin'],
    [['Cross-Origin'], 'same-origin'],
    [[''], 'same-origin'],
  ])('Cross-Origin-Resource-Policy %j becomes %j, because browsers ignore one that is not valid', (policies, expected) => {
    const out = answered(policies.flatMap((policy) => ['Cross-Origin-Resource-Policy', policy]))
    expect(valuesOf(out, 'cross-origin-resource-policy')).toEqual([expected])
    expect(valuesOf(answered(['Cross_Origin_Resource_Policy', 'cross-origin']), 'cross-origin-resource-policy')).toEqual([
      'same-origin',
    ])
  })

  test.each([
    // route, base, Location, as the browser gets it
    ['/api/', '/v1/', 'http://orders:8080/v1/a?b#c', 'https://app.test/api/a?b#c'],
    ['/api/', '/v1/', 'http://orders:8080/v1/', 'https://app.test/api/'],
    ['/api/', '/v1/', 'http://orders:8080/v1', 'https://app.test/api/'],
    ['/api/', '/v1', 'http://orders:8080/v1/a', 'https://app.test/api/a'],
    ['/api', '/v1/', 'http://orders:8080/v1/a', 'https://app.test/api/a'],
    ['/api', '/v1', 'http://orders:8080/v1?x', 'https://app.test/api?x'],
    ['/', '/', 'http://orders:8080', 'https://app.test/'],
    ['/', '/', 'http://orders:8080/a', 'https://app.test/a'],
    ['/', '/', 'http://orders:8080///evil.test', 'https://app.test///evil.test'],
    ['/', '/', 'http://orders:8080/\\evil.test', 'https://app.test/\\evil.test'],
    ['/api/', '/v1', 'http://orders:8080/v10/a', 'http://orders:8080/v10/a'],
    ['/api/', '/v1/', 'http://orders:8080/other', 'http://orders:8080/other'],
    ['/', '/', 'http://orders:80801/a', 'http://orders:80801/a'],
    ['/', '/', 'http://orders:8080.evil.test/', 'http://orders:8080.evil.test/'],
    ['/', '/', 'http://orders:8080@evil.test/', 'http://orders:8080@evil.test/'],
    ['/api/', '/v1/', '/v1/a', '/v1/a'],
    ['/api/', '/v1/', 'a/b', 'a/b'],
    ['/api/', '/v1/', 'https://elsewhere.test/v1/', 'https://elsewhere.test/v1/'],
  ])('route %s on %s: Location %s becomes %s', (path, upstreamBase, location, expected) => {
    expect(valuesOf(answered(['Location', location], { path, upstreamBase }), 'location')).toEqual([expected])
  })

  test.each([
    ['a\x01', 'x'],
    ['', 'x'],
    ['a b', 'x'],
    ['a\xe9', 'x'],
    ['a', 'x\x01'],
    ['a', 'x\ry'],
    ['a', 'x\n'],
    ['a', '\x7f'],
    ['a', '\0'],
  ])('a field that Node would not send is refused: %j: %j', (name, value) => {
    expect(responseHeaders([name, value], route, rules, 'r')).toHaveProperty('refused')
  })

  test('never throws; whatever comes in, nothing is cacheable and no cookie of ours is set', () => {
    const name = fc.oneof(
      fc.constantFrom(
        'Set-Cookie',
        'Cache-Control',
        'CDN-Cache-Control',
        'Connection',
        'Vary',
        'Location',
        'X-Content-Type-Options',
        'X_Request_Id',
      ),
      fc.string({ unit: 'binary-ascii', maxLength: 6 }),
    )
    const value = fc.oneof(
      fc.constantFrom(
        'no-store',
        'public',
        '"no-store',
        'cache-control',
        `${ownName}=x`,
        ` ${ownName}=x; Domain=a`,
        'http://orders:8080/v1//evil.test',
      ),
      fc.string({ maxLength: 12 }),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 8 }), (fields) => {
        const out = responseHeaders(fields.flat(), route, rules, 'r')
        if ('refused' in out) return
        expect(valuesOf(out, 'cache-control')).toHaveLength(1)
        expect(valuesOf(out, 'cache-control')[0]?.replace(/".*?("|$)/g, '')).toMatch(/no-store/i)
        for (const single of ['vary', 'x-content-type-options', 'x-request-id']) expect(valuesOf(out, single)).toHaveLength(1)
        expect(valuesOf(out, 'connection')).toEqual([])
        for (const cookie of valuesOf(out, 'set-cookie'))
          expect((cookie.split('=')[0] ?? '').trim().toLowerCase()).not.toBe(ownName.toLowerCase())
        for (let i = 0; i < out.length; i += 1) expect(out[i]).toMatch(i % 2 === 0 ? /^[!-~]+$/ : /^[\t\x20-\x7e\x80-\xff]*$/)
      }),
      { numRuns: 2000 },
    )
  })
})
