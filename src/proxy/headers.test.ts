import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { normalName } from './header-names.ts'
import { bodyOf, requestHeaders, responseHeaders, type RequestAdditions, type ResponseRules } from './headers.ts'

const ownName = '__Host-Http-coatcheck'

const additions: RequestAdditions = {
  authorization: 'Bearer session-token',
  clientAddress: '203.0.113.7',
  host: 'app.test',
  proto: 'https',
  requestId: 'request-1',
  via: '1.1 coatcheck-a1b2c3',
  cookies: new Set(['theme', 'lang', ownName]),
  isOwnCookie: (name) => name.startsWith(ownName),
}

/** What the upstream gets, besides what Coatcheck adds to every call. */
function passed(raw: string[], more: Partial<RequestAdditions> = {}): string[] {
  const out = requestHeaders(['Host', 'app.test', ...raw], { ...additions, ...more })
  if ('refused' in out) throw new Error(out.refused)
  const added = out.indexOf('forwarded')
  return out.slice(0, added)
}

function valuesOf(flat: readonly string[], name: string): string[] {
  return flat.flatMap((text, i) => (i % 2 === 0 && text.toLowerCase() === name ? [flat[i + 1] ?? ''] : []))
}

function sent(raw: string[], more: Partial<RequestAdditions> = {}): string[] {
  const out = requestHeaders(raw, { ...additions, ...more })
  if ('refused' in out) throw new Error(out.refused)
  return out
}

describe('requestHeaders', () => {
  test('adds exactly what Coatcheck says of a call', () => {
    expect(sent(['Host', 'whatever'])).toEqual([
      'forwarded',
      'for=203.0.113.7;host="app.test";proto=https',
      'x-forwarded-for',
      '203.0.113.7',
      'x-forwarded-host',
      'app.test',
      'x-forwarded-proto',
      'https',
      'x-request-id',
      'request-1',
      'via',
      '1.1 coatcheck-a1b2c3',
      'authorization',
      'Bearer session-token',
    ])
  })

  test("without a session no Authorization goes out, the client's own least of all", () => {
    expect(valuesOf(sent(['Authorization', 'Bearer evil'], { authorization: undefined }), 'authorization')).toEqual([])
  })

  test('ordinary fields keep their spelling, order and number', () => {
    const raw = [
      'User-Agent',
      'x',
      'ACCEPT',
      '*/*',
      'Accept-Language',
      'de',
      'Sec-Fetch-Site',
      'same-origin',
      'Origin',
      'https://app.test',
      'Referer',
      'https://app.test/',
      'Range',
      'bytes=0-1',
      'If-None-Match',
      '"a"',
      'X-A',
      '1',
      'x-a',
      '2',
      'X-A',
      '1',
      'Upgrade-Insecure-Requests',
      '1',
      'Cache-Control',
      'no-cache',
      'traceparent',
      '00-1',
      'X-User-Agent',
      'grpc-web',
      '__proto__',
      'x',
      'constructor',
      'y',
    ]
    expect(passed(raw)).toEqual(raw)
  })

  test.each([
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'HTTP2-Settings',
    'Proxy-Authorization',
    'Expect',
    'Authorization',
    'AUTHORIZATION',
    'DPoP',
    'Forwarded',
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'X-Forwarded-Uri',
    'X-Forwarded-Client-Cert',
    'X-Forwarded',
    'X-Real-IP',
    'X-Original-URL',
    'X-Rewrite-URL',
    'X-Host',
    'X-HTTP-Method-Override',
    'True-Client-IP',
    'CF-Connecting-IP',
    'Proxy',
    'X-User',
    'X-User-Id',
    'X-Userinfo',
    'X-ID-Token',
    'X-Access-Token',
    'X-Auth-Request-User',
    'X-Remote-User',
    'X-Remote-Groups',
    'Remote-User',
    'Remote-Groups',
    'X-Email',
    'OIDC-Claim-Sub',
    'OIDC_access_token',
    'X-Authenticated-Userid',
    'X-Consumer-Username',
    'X-Webauth-User',
    'X-Authentik-Username',
    'X-Amzn-Oidc-Data',
    'X-Goog-Iap-Jwt-Assertion',
    'X-Goog-Authenticated-User-Email',
    'X-Ms-Client-Principal',
    'Cf-Access-Jwt-Assertion',
    'SM_USER',
    'iv-user',
    'X-Middleware-Subrequest',
    'WL-Proxy-Client-IP',
    'Forwarded-For',
    'Tailscale-User-Login',
    'X-Client-Cert',
    'Client-Cert',
    'X-SSL-Client-DN',
    'SSL_CLIENT_CERT',
    'X-Arr-ClientCert',
    'X-CSRF-Token',
    'X-XSRF-TOKEN',
    'X-CSRF',
    'X-Request-Id',
    'Content-Length',
  ])('the browser cannot say %s, in no spelling', (name) => {
    for (const spelling of [
      name,
      name.toLowerCase(),
      name.toUpperCase(),
      name.replace(/-/g, '_'),
      name.replace(/[-_]/g, '.'),
      name.replace('-', '_'),
      name.replace(/[-_]/g, '~'),
    ]) {
      expect(passed([spelling, 'evil']), spelling).toEqual([])
    }
  })

  test('what Connection names goes, and what Coatcheck adds stays', () => {
    const raw = [
      'Host',
      'app.test',
      'Connection',
      'close, X-Mine, authorization, x_forwarded_for, via',
      'connection',
      'X-Request-Id,cookie,forwarded,host',
      'X-Mine',
      '1',
      'X_Mine',
      '2',
      'X-Other',
      '3',
      'Authorization',
      'Bearer evil',
      'X-Forwarded-For',
      '6.6.6.6',
    ]
    const out = sent(raw)
    expect(out.slice(0, 2)).toEqual(['X-Other', '3'])
    expect(valuesOf(out, 'x-mine')).toEqual([])
    expect(valuesOf(out, 'authorization')).toEqual(['Bearer session-token'])
    expect(valuesOf(out, 'x-forwarded-for')).toEqual(['203.0.113.7'])
    for (const name of ['forwarded', 'x-request-id', 'via']) expect(valuesOf(out, name)).toHaveLength(1)
  })

  test("only listed cookies go on, well formed, and never Coatcheck's own", () => {
    const cookie = `theme=dark;a=1;  ${ownName}=secret; lang = de ;${ownName}-login-12=sealed; =x; theme; theme=light`
    expect(valuesOf(sent(['Cookie', cookie, 'cookie', 'lang=en']), 'cookie')).toEqual([
      'theme=dark; lang=de; theme=light; lang=en',
    ])
    expect(valuesOf(sent(['Cookie', cookie], { cookies: new Set() }), 'cookie')).toEqual([])
    expect(valuesOf(sent(['Cookie', `${ownName}=secret`]), 'cookie')).toEqual([])
  })

  test.each([
    ['gzip, deflate, br, zstd', ['gzip, deflate, br']],
    // Without the field, any coding would do.
    ['zstd', ['identity']],
    ['*', ['identity']],
    ['br;q=1.0, *;q=0.5, GZIP;q=0', ['br;q=1.0, GZIP;q=0']],
    ['identity', ['identity']],
    ['', ['identity']],
    ['br;q=0, zstd', ['br;q=0']],
  ])('Accept-Encoding %j becomes %j', (value, expected) => {
    expect(valuesOf(passed(['Accept-Encoding', value]), 'accept-encoding')).toEqual(expected)
  })

  test('two Host fields are refused, in any spelling', () => {
    expect(requestHeaders(['Host', 'a', 'HOST', 'a'], additions)).toHaveProperty('refused')
  })

  test('Via grows by one entry, and a call that was here before is refused', () => {
    expect(valuesOf(sent(['Via', '1.0 fred', 'via', '1.1 p.example']), 'via')).toEqual([
      '1.0 fred, 1.1 p.example, 1.1 coatcheck-a1b2c3',
    ])
    expect(requestHeaders(['Via', '1.1 x, 1.1 coatcheck-a1b2c3 (c), 1.1 y'], additions)).toHaveProperty('refused')
  })

  test('an unknown client is said to be unknown', () => {
    const out = sent([], { clientAddress: '' })
    expect(valuesOf(out, 'forwarded')).toEqual(['for=unknown;host="app.test";proto=https'])
    expect(valuesOf(out, 'x-forwarded-for')).toEqual([])
  })

  test('made-up names do not keep the usual ones from being known', () => {
    for (let i = 0; i < 5000; i += 1) passed([`X-Made-Up-${i}`, '1'])
    expect(passed(['X_Forwarded_For', '1', 'Accept', '*/*'])).toEqual(['Accept', '*/*'])
  })

  test('an IPv6 client is quoted and in brackets', () => {
    expect(valuesOf(sent([], { clientAddress: '2001:db8::1' }), 'forwarded')).toEqual([
      'for="[2001:db8::1]";host="app.test";proto=https',
    ])
  })

  test('never throws; whatever comes in, what Coatcheck says stands there once and comes from Coatcheck', () => {
    const ours = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-request-id', 'via', 'authorization']
    const name = fc.oneof(
      fc.constantFrom(
        ...ours,
        'Connection',
        'Cookie',
        'X_Forwarded_For',
        'x.request.id',
        'X-User',
        'Accept',
        'Transfer-Encoding',
        '__proto__',
        'Accept-Encoding',
      ),
      fc.stringMatching(/^[A-Za-z0-9_.-]{1,12}$/),
    )
    const value = fc.oneof(fc.constantFrom(...ours, 'close', `${ownName}=evil`, 'a, b', ''), fc.stringMatching(/^[ -~]{0,20}$/))
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 12 }), (fields) => {
        const out = requestHeaders(fields.flat(), additions)
        if ('refused' in out) return
        expect(out.length % 2).toBe(0)
        for (const own of ours) {
          const spellings = out.filter((text, i) => i % 2 === 0 && normalName(text) === own)
          expect(spellings).toEqual([own])
        }
        expect(valuesOf(out, 'authorization')).toEqual(['Bearer session-token'])
        for (const gone of ['connection', 'transfer-encoding', 'x-user', 'host', 'content-length'])
          expect(valuesOf(out, gone)).toEqual([])
        for (const cookie of valuesOf(out, 'cookie')) expect(cookie).not.toContain(ownName)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('bodyOf', () => {
  test.each([
    [[], 'none'],
    [['Content-Length', '0'], 'none'],
    [['content-length', '12'], { length: 12 }],
    [['Transfer-Encoding', 'chunked'], { length: undefined }],
    [['CONTENT-LENGTH', '5', 'transfer-encoding', 'chunked'], { length: undefined }],
    [['X-Content-Length', '5'], 'none'],
  ])('%j has the body %j', (raw, expected) => {
    expect(bodyOf(raw)).toEqual(expected)
  })
})

describe('responseHeaders', () => {
  const route = { path: '/api/', upstreamOrigin: 'http://orders:8080', upstreamBase: '/v1/', cacheControl: 'private' } as const
  const rules: ResponseRules = {
    origin: 'https://app.test',
    sessionCookieName: ownName,
    csrfCookie: true,
    strictTransportSecurity: 'max-age=1',
  }

  function answered(
    raw: readonly (Buffer | string)[],
    more: Partial<Omit<typeof route, 'cacheControl'> & { cacheControl: 'private' | 'upstream' }> = {},
    ownRules = rules,
  ): string[] {
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
    expect(answered(raw.map((text) => Buffer.from(text, 'latin1')))).toEqual([...raw, ...added])
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
