import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { normalName } from './header-names.ts'
import { bodyOf, requestHeaders, type RequestAdditions } from './headers.ts'

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

/** What only Coatcheck says, or its neighbours among proxies. */
const claimed = `
  Connection Keep-Alive Proxy-Connection TE Trailer Transfer-Encoding Upgrade HTTP2-Settings Proxy-Authorization
  Expect Authorization AUTHORIZATION DPoP Forwarded X-Forwarded-For X-Forwarded-Host X-Forwarded-Uri
  X-Forwarded-Client-Cert X-Forwarded X-Real-IP X-Original-URL X-Rewrite-URL X-Host X-HTTP-Method-Override
  True-Client-IP CF-Connecting-IP Proxy X-User X-User-Id X-Userinfo X-ID-Token X-Access-Token X-Auth-Request-User
  X-Remote-User X-Remote-Groups Remote-User Remote-Groups X-Email OIDC-Claim-Sub OIDC_access_token
  X-Authenticated-Userid X-Consumer-Username X-Webauth-User X-Authentik-Username X-Amzn-Oidc-Data
  X-Goog-Iap-Jwt-Assertion X-Goog-Authenticated-User-Email X-Ms-Client-Principal Cf-Access-Jwt-Assertion SM_USER
  iv-user X-Middleware-Subrequest WL-Proxy-Client-IP Forwarded-For Tailscale-User-Login X-Client-Cert Client-Cert
  X-SSL-Client-DN SSL_CLIENT_CERT X-Arr-ClientCert X-CSRF-Token X-XSRF-TOKEN X-CSRF X-Request-Id Content-Length
`

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

  test.each(claimed.trim().split(/\s+/))('the browser cannot say %s, in no spelling', (name) => {
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
