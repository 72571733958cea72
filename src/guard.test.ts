import { describe, expect, test } from 'vitest'
import { guard, type GuardedRequest, type GuardRules } from './guard.ts'

const rules: GuardRules = { origin: 'https://app.test', mode: 'token', sameSite: 'strict' }
const good = 'the-good-token'

function judge(
  method: string,
  headers: Record<string, string>,
  more: Partial<GuardedRequest> = {},
  changed: Partial<GuardRules> = {},
): string | undefined {
  const request = { method, zone: 'proxied', isUpgrade: false, header: (name: string) => headers[name], ...more } as const
  return guard(request, { ...rules, ...changed }, (presented) => presented === good)
}

const sameOrigin = { 'sec-fetch-site': 'same-origin' }
const navigation = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }

describe('Sec-Fetch-Site', () => {
  test.each(['GET', 'HEAD', 'OPTIONS'])('%s from the same origin passes', (method) => {
    expect(judge(method, sameOrigin)).toBeUndefined()
  })

  test.each(['same-site', 'cross-site', 'none', 'Same-Origin', 'same-origin, same-origin', '', 'future'])(
    'a subresource with "%s" is refused',
    (site) => {
      expect(judge('GET', { 'sec-fetch-site': site, 'sec-fetch-mode': 'no-cors' })).toBeDefined()
      expect(judge('POST', { 'sec-fetch-site': site, origin: rules.origin, 'x-csrf-token': good })).toBeDefined()
    },
  )

  test('a typed address or bookmark passes', () => {
    expect(judge('GET', { 'sec-fetch-site': 'none', ...navigation })).toBeUndefined()
  })

  test('a typed address in a frame does not', () => {
    expect(judge('GET', { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' })).toBeDefined()
  })

  test.each(['cross-site', 'same-site'])('a %s link reaches proxied routes only with sameSite lax', (site) => {
    const headers = { 'sec-fetch-site': site, ...navigation }
    expect(judge('GET', headers)).toBeDefined()
    expect(judge('GET', headers, {}, { sameSite: 'lax' })).toBeUndefined()
    expect(judge('GET', headers, { zone: 'endpoint' }, { sameSite: 'lax' })).toBeDefined()
    expect(judge('POST', { ...headers, 'x-csrf-token': good }, {}, { sameSite: 'lax' })).toBeDefined()
  })
})

describe('without Sec-Fetch-Site', () => {
  test('safe methods pass', () => {
    expect(judge('GET', {})).toBeUndefined()
  })

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'post'])('%s needs the exact Origin', (method) => {
    expect(judge(method, { 'x-csrf-token': good })).toBeDefined()
    expect(judge(method, { 'x-csrf-token': good, origin: 'https://app.test' })).toBeUndefined()
  })

  test.each([
    'https://evil.test',
    'null',
    'https://evilapp.test',
    'https://app.test.evil.test',
    'http://app.test',
    'https://app.test:8443',
    'https://app.test/',
    'https://APP.test',
    'https://app.test, https://evil.test',
    '',
  ])('Origin "%s" is another one', (origin) => {
    expect(judge('POST', { origin, 'x-csrf-token': good })).toBeDefined()
    expect(judge('POST', { ...sameOrigin, origin, 'x-csrf-token': good })).toBeDefined()
  })

  test('Origin null passes only on own endpoints, where Sec-Fetch-Site vouches for it', () => {
    const endpoint = { zone: 'endpoint', formToken: good } as const
    expect(judge('POST', { ...sameOrigin, origin: 'null' }, endpoint)).toBeUndefined()
    expect(judge('POST', { ...sameOrigin, origin: 'null' }, { zone: 'endpoint' })).toBeDefined()
    expect(judge('POST', { origin: 'null' }, endpoint)).toBeDefined()
    expect(judge('POST', { 'sec-fetch-site': 'cross-site', origin: 'null' }, endpoint)).toBeDefined()
    expect(judge('POST', { ...sameOrigin, origin: 'null', 'x-csrf-token': good })).toBeDefined()
    expect(judge('GET', { ...sameOrigin, origin: 'null' }, { isUpgrade: true })).toBeDefined()
  })
})

describe('mode token', () => {
  test.each([undefined, '', 'wrong', `${good}, ${good}`, `${good} `])('"%s" is not the token', (presented) => {
    const headers: Record<string, string> = { ...sameOrigin, origin: rules.origin }
    if (presented !== undefined) headers['x-csrf-token'] = presented
    expect(judge('DELETE', headers)).toBeDefined()
  })

  test('X-XSRF-TOKEN works as well, other names do not', () => {
    expect(judge('POST', { ...sameOrigin, 'x-xsrf-token': good })).toBeUndefined()
    expect(judge('POST', { ...sameOrigin, x_csrf_token: good })).toBeDefined()
    expect(judge('POST', { ...sameOrigin, 'x-csrf': '1' })).toBeDefined()
  })

  test('a wrong X-CSRF-Token is not saved by a good alias', () => {
    expect(judge('POST', { ...sameOrigin, 'x-csrf-token': 'wrong', 'x-xsrf-token': good })).toBeDefined()
  })

  test('the form field counts on own endpoints only', () => {
    expect(judge('POST', sameOrigin, { zone: 'endpoint', formToken: good })).toBeUndefined()
    expect(judge('POST', sameOrigin, { zone: 'proxied', formToken: good })).toBeDefined()
  })
})

describe('mode header', () => {
  test.each(['GET', 'POST'])('%s needs X-CSRF: 1', (method) => {
    expect(judge(method, sameOrigin, {}, { mode: 'header' })).toBeDefined()
    expect(judge(method, { ...sameOrigin, 'x-csrf': '0' }, {}, { mode: 'header' })).toBeDefined()
    expect(judge(method, { ...sameOrigin, 'x-csrf': '1, 1' }, {}, { mode: 'header' })).toBeDefined()
    expect(judge(method, { ...sameOrigin, 'x-csrf': '1' }, {}, { mode: 'header' })).toBeUndefined()
  })

  test('it does not replace the origin check', () => {
    expect(judge('POST', { 'sec-fetch-site': 'same-site', 'x-csrf': '1' }, {}, { mode: 'header' })).toBeDefined()
  })
})

test('mode origin asks for nothing more', () => {
  expect(judge('POST', sameOrigin, {}, { mode: 'origin' })).toBeUndefined()
  expect(judge('POST', {}, {}, { mode: 'origin' })).toBeDefined()
})

describe('WebSocket handshakes', () => {
  test('need the exact Origin whatever else they carry', () => {
    expect(judge('GET', {}, { isUpgrade: true })).toBeDefined()
    expect(judge('GET', sameOrigin, { isUpgrade: true })).toBeDefined()
    expect(judge('GET', { origin: 'https://evil.test' }, { isUpgrade: true })).toBeDefined()
    expect(judge('GET', { origin: rules.origin }, { isUpgrade: true })).toBeUndefined()
    expect(judge('GET', { origin: rules.origin, 'sec-fetch-site': 'same-site' }, { isUpgrade: true })).toBeDefined()
    expect(judge('GET', { origin: rules.origin }, { isUpgrade: true }, { mode: 'header' })).toBeUndefined()
  })
})
