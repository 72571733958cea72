import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { resolveConfig } from './resolve.ts'
import { findWarnings } from './warnings.ts'

function warningsOf(changes: Record<string, unknown>, origin = 'https://app.example.com'): string[] {
  const config = resolveConfig({
    origin,
    provider: { issuer: 'https://id.example.com', clientId: 'web', clientSecret: 'x' },
    session: { secrets: [randomBytes(32).toString('hex')] },
    routes: [{ path: '/', upstream: 'http://orders/' }],
    ...changes,
  })
  return findWarnings(config).map(({ path }) => path)
}

const secrets = [randomBytes(32).toString('hex')]
const provider = { issuer: 'https://id.example.com', clientId: 'web', clientSecret: 'x' }

test('an ordinary config gives no warning', () => expect(warningsOf({})).toEqual([]))

test.each<[path: string, changes: Record<string, unknown>]>([
  ['provider.dangerouslyAllowPlainHttp', { provider: { ...provider, dangerouslyAllowPlainHttp: true } }],
  ['session.idleTimeoutSeconds', { session: { secrets, lifetimeSeconds: 60 } }],
  ['session.store.type', { session: { secrets, store: { type: 'memory' } } }],
  ['csrf.cookie', { csrf: { mode: 'header', cookie: true } }],
  ['admin.host', { admin: { host: '0.0.0.0' } }],
  ['trustedProxies[1]', { trustedProxies: ['10.0.0.0/8', '::/0'] }],
  ['routes[0].cookies', { routes: [{ path: '/', upstream: 'http://o/', cookies: ['a', '__Host-Http-coatcheck-login-1'] }] }],
])('%s', (path, changes) => expect(warningsOf(changes)).toEqual([path]))

test('plain http on loopback', () => {
  expect(warningsOf({ provider: { ...provider, responseMode: 'form_post' } }, 'http://localhost:8080')).toEqual([
    'origin',
    'provider.responseMode',
  ])
})
