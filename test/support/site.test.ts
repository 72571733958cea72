import { expect, test } from 'vitest'
import { originField, secFetchSite, type Initiator } from './site.ts'

const app: Initiator = { origin: 'https://app.test' }
const chain = (...urls: string[]) => urls.map((url) => new URL(url))

test.each([
  ['none', 'none', chain('https://app.test/bff/login', 'https://id.test/', 'https://app.test/bff/callback')],
  ['same-origin', app, chain('https://app.test/x')],
  ['same-site', app, chain('https://api.app.test/x')],
  ['same-site', app, chain('https://api.app.test/x', 'https://app.test/y')],
  ['cross-site', app, chain('https://app.test/bff/login', 'https://id.test/', 'https://app.test/bff/callback')],
  ['cross-site', { origin: 'https://evil.test' }, chain('https://app.test/x')],
  ['cross-site', { origin: 'http://app.test' }, chain('https://app.test/x')],
  ['cross-site', 'opaque', chain('https://app.test/x')],
] as const)('says %s', (site, initiator, urls) => {
  expect(secFetchSite({ initiator, chain: urls })).toBe(site)
})

const policy = 'strict-origin-when-cross-origin'

test('sends Origin with every unsafe method and with foreign cors requests', () => {
  const here = { initiator: app, chain: chain('https://app.test/x') }
  const evil = { initiator: { origin: 'https://evil.test' }, chain: chain('https://app.test/x') }
  expect(originField(here, 'GET', 'cors', policy)).toBeUndefined()
  expect(originField(here, 'GET', 'navigate', policy)).toBeUndefined()
  expect(originField(here, 'POST', 'cors', policy)).toBe('https://app.test')
  expect(originField(evil, 'GET', 'cors', policy)).toBe('https://evil.test')
  expect(originField(evil, 'POST', 'navigate', policy)).toBe('https://evil.test')
})

test('sends null for a sandboxed page, under no-referrer, and after a foreign redirect', () => {
  const here = { initiator: app, chain: chain('https://app.test/x') }
  expect(originField({ ...here, initiator: 'opaque' }, 'POST', 'navigate', policy)).toBe('null')
  expect(originField(here, 'POST', 'navigate', 'no-referrer')).toBe('null')
  expect(
    originField({ initiator: app, chain: chain('https://id.test/', 'https://app.test/x') }, 'POST', 'navigate', policy),
  ).toBe('null')
})
