import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  hasEntropy,
  headerValueProblem,
  hostProblem,
  isLoopbackHost,
  isTokenName,
  issuerProblem,
  pathProblem,
  readHttpUrl,
  readOrigin,
  resourceProblem,
  scopeProblem,
} from './values.ts'

test.each([
  ['https://app.example.com', 'https://app.example.com'],
  ['https://app.example.com/', 'https://app.example.com'],
  ['HTTPS://App.Example.com:443', 'https://app.example.com'],
  ['https://bücher.example', 'https://xn--bcher-kva.example'],
  ['http://localhost:8080', 'http://localhost:8080'],
  ['http://127.0.0.1:1', 'http://127.0.0.1:1'],
  ['http://[::1]:8080', 'http://[::1]:8080'],
])('%s is the origin %s', (text, origin) => expect(readOrigin(text)).toBe(origin))

test.each([
  ['app.example.com', 'not an origin'],
  ['https:app.example.com', 'not an origin'],
  ['https:\\\\app.example.com', 'not an origin'],
  [' https://app.example.com', 'not an origin'],
  ['https://app.example.com\n', 'not an origin'],
  ['https://', 'not an origin'],
  ['ftp://app.example.com', 'not an origin'],
  ['null', 'not an origin'],
  ['https://app.example.com/app', 'more than scheme'],
  ['https://app.example.com?x', 'more than scheme'],
  ['https://user@app.example.com', 'more than scheme'],
  ['https://*.example.com', 'wildcard'],
  ['http://app.example.com', 'plain http'],
  ['http://localhost.example.com', 'plain http'],
])('%j is no origin', (text, words) => expect(readOrigin(text)).toEqual({ problem: expect.stringContaining(words) }))

test('an upstream is a URL of scheme, host, port and path', () => {
  expect(readHttpUrl('http://orders:8080/v1/')).toEqual(new URL('http://orders:8080/v1/'))
  for (const text of ['orders:8080', 'ws://orders', '//orders', 'http:///x', 'http://orders:99999/', 'http://a b/']) {
    expect(readHttpUrl(text), text).toEqual({ problem: expect.stringContaining('not an http or https URL') })
  }
  expect(readHttpUrl('http://u:p@orders/')).toEqual({ problem: expect.stringContaining('user or password') })
  for (const text of ['http://orders/?', 'http://orders/?a=b', 'http://orders/#'])
    expect(readHttpUrl(text)).toHaveProperty('problem')
})

test('an issuer is not the address of its metadata', () => {
  expect(issuerProblem('https://id.example.com/realms/a')).toBeUndefined()
  expect(issuerProblem('https://id.example.com/.well-known/openid-configuration')).toContain('write the issuer alone')
  expect(issuerProblem('id.example.com')).toContain('write it whole')
})

test('a resource is an absolute URI without fragment', () => {
  for (const text of ['https://orders.example.com', 'urn:example:orders', 'api://orders'])
    expect(resourceProblem(text), text).toBeUndefined()
  for (const text of ['orders', '/orders', '', 'https://orders.example.com#a', 'urn: x'])
    expect(resourceProblem(text), text).toBeDefined()
})

test.each([
  ['api/', 'does not start'],
  ['', 'does not start'],
  ['https://x/', 'whole URL'],
  ['/api/*', 'pattern'],
  ['/api/:id', 'pattern'],
  ['/api/{id}', 'pattern'],
  ['//api', 'segment'],
  ['/a/../b', 'segment'],
  ['/a/.', 'segment'],
  ['/a?b', 'characters'],
  ['/%61', 'characters'],
  ['/ä', 'characters'],
  ['/a\n', 'characters'],
])('%j is no path', (text, words) => expect(pathProblem(text)).toContain(words))

test('a plain prefix is a path', () => {
  for (const text of ['/', '/api', '/api/', '/a.b/c-d_e~f/@me', '/...']) expect(pathProblem(text), text).toBeUndefined()
})

test('loopback is loopback only', () => {
  for (const host of ['localhost', 'LOCALHOST', 'app.localhost', '127.0.0.1', '127.9.9.9', '::1', '[::1]'])
    expect(isLoopbackHost(host), host).toBe(true)
  for (const host of ['localhost.example', '128.0.0.1', '127.0.0.1.example', '0.0.0.0', '::', ''])
    expect(isLoopbackHost(host), host).toBe(false)
})

test('hosts, scopes, headers and cookie names', () => {
  for (const host of ['0.0.0.0', '::', 'localhost', 'a-b.c']) expect(hostProblem(host), host).toBeUndefined()
  for (const host of ['*', '[::]', 'http://x', 'a:80', '-a', 'a b']) expect(hostProblem(host), host).toBeDefined()
  expect(scopeProblem('openid profile https://x/y')).toBeUndefined()
  for (const scope of ['', 'a  b', 'a\n', 'a,"b"', ' a', 'ä']) expect(scopeProblem(scope), scope).toBeDefined()
  expect(headerValueProblem("default-src 'self'")).toBeUndefined()
  for (const value of ['a\r\nSet-Cookie: x', 'a\nb', 'ä', '\0']) expect(headerValueProblem(value)).toBeDefined()
  expect(isTokenName('__Host-a')).toBe(true)
  for (const name of ['', 'a b', 'a=b', 'a;b', 'ä']) expect(isTokenName(name)).toBe(false)
})

describe('a secret', () => {
  test('from 32 random bytes in any usual encoding is enough', () => {
    for (let round = 0; round < 200; round += 1) {
      const bytes = randomBytes(32)
      for (const encoding of ['hex', 'base64', 'base64url'] as const)
        expect(hasEntropy(bytes.toString(encoding)), bytes.toString(encoding)).toBe(true)
    }
  })

  test.each([
    '',
    'change-me',
    'a'.repeat(100),
    'abcdefghij'.repeat(8),
    '0123456789'.repeat(10),
    randomBytes(16).toString('hex'),
    randomBytes(24).toString('base64'),
  ])('%j is too little', (text) => expect(hasEntropy(text)).toBe(false))
})
