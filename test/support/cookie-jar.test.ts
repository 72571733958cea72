import { expect, test } from 'vitest'
import { CookieJar, type CookieContext } from './cookie-jar.ts'

const app = new URL('https://app.test/')
const visit: CookieContext = { url: app, method: 'GET', initiator: 'none', isTopLevel: true, top: undefined }
const fromProvider: CookieContext = { ...visit, initiator: { origin: 'http://127.0.0.1:4000' } }
const script: CookieContext = {
  url: app,
  method: 'GET',
  initiator: { origin: 'https://app.test' },
  isTopLevel: false,
  top: 'https://app.test',
}
const session = '__Host-Http-coatcheck=v; Secure; HttpOnly; SameSite=Strict; Path=/'

function jarWith(header: string, context: CookieContext = visit): CookieJar {
  const jar = new CookieJar(() => 1_000_000)
  jar.set(header, context)
  return jar
}

test.each([
  ['__Host-Http-a=1; Secure; HttpOnly; Path=/; SameSite=Strict', undefined],
  ['__Host-Http-a=1; Secure; Path=/', '__Http- without HttpOnly'],
  ['__Host-a=1; Secure; Path=/x', '__Host- with Domain or another Path'],
  ['__Host-a=1; Secure; Path=/; Domain=app.test', '__Host- with Domain or another Path'],
  ['__HOST-a=1; Path=/', 'a prefixed name without Secure over https'],
  ['a=1; Domain=evil.test', 'Domain is not of this host'],
  ['a=1; SameSite=None', 'SameSite=None without Secure'],
  [`a=${'x'.repeat(4096)}`, 'name and value are over 4096 octets'],
])('judges %.60s', (header, rule) => {
  const jar = jarWith(header)
  expect(jar.refused[0]?.rule).toBe(rule)
  expect(jar.all()).toHaveLength(rule === undefined ? 1 : 0)
})

test('drops a prefixed name on a loopback http origin, and takes Secure there', () => {
  const context = { ...visit, url: new URL('http://localhost:8080/') }
  expect(jarWith('__Host-a=1; Secure; Path=/', context).all()).toHaveLength(0)
  expect(jarWith('a=1; Secure; Path=/', context).header(context)).toBe('a=1')
  expect(jarWith('a=1; Secure; Path=/', { ...visit, url: new URL('http://plain.test/') }).all()).toHaveLength(0)
})

test('keeps a Strict cookie from a navigation that another site started, and gives it to everything of its own', () => {
  const jar = jarWith(session, fromProvider)
  expect(jar.header(fromProvider)).toBeUndefined()
  expect(jar.header(visit)).toBe('__Host-Http-coatcheck=v')
  expect(jar.header(script)).toBe('__Host-Http-coatcheck=v')
  expect(jar.header({ ...visit, initiator: 'opaque' })).toBeUndefined()
})

test('gives a Lax cookie to a foreign navigation by GET only, and to no foreign frame or fetch', () => {
  const jar = jarWith('a=1; Secure; SameSite=Lax; Path=/')
  expect(jar.header(fromProvider)).toBe('a=1')
  expect(jar.header({ ...fromProvider, method: 'POST' })).toBeUndefined()
  expect(jar.header({ ...script, initiator: { origin: 'https://evil.test' }, top: 'https://evil.test' })).toBeUndefined()
})

test('gives a cookie without SameSite to a foreign form for two minutes', () => {
  let nowMs = 0
  const jar = new CookieJar(() => nowMs)
  jar.set('a=1; Secure; Path=/', visit)
  expect(jar.header({ ...fromProvider, method: 'POST' })).toBe('a=1')
  nowMs = 121_000
  expect(jar.header({ ...fromProvider, method: 'POST' })).toBeUndefined()
})

test('treats a sibling host as same-site, and another scheme as cross-site', () => {
  const jar = jarWith(session)
  expect(jar.header({ ...visit, initiator: { origin: 'https://other.app.test' } })).toBe('__Host-Http-coatcheck=v')
  expect(jar.header({ ...visit, initiator: { origin: 'http://app.test' } })).toBeUndefined()
  expect(jar.header({ ...visit, url: new URL('https://other.app.test/') })).toBeUndefined()
})

test('forgets a cookie when Max-Age is over, and at once with 0', () => {
  let nowMs = 0
  const jar = new CookieJar(() => nowMs)
  jar.set('a=1; Max-Age=10; Path=/', visit)
  nowMs = 9_999
  expect(jar.get('a')?.value).toBe('1')
  nowMs = 10_000
  expect(jar.get('a')).toBeUndefined()
  jar.set('b=1; Path=/', visit)
  jar.set('b=; Max-Age=0; Path=/', visit)
  expect(jar.all()).toHaveLength(0)
})
