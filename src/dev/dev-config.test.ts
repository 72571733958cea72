import { describe, expect, it } from 'vitest'
import { resolveConfig } from '../config/resolve.ts'
import { ConfigError } from '../errors.ts'
import { configFromFlags, moveToThisMachine, resourcesOf, tokenRoutes, writtenPort } from './dev-config.ts'
import type { DevPlace } from './dev-config.ts'

const place: DevPlace = {
  port: 8123,
  issuer: 'http://127.0.0.1:4123',
  clientId: 'dev',
  clientSecret: 'made at start',
  sessionSecret: 'q3v0Xy8Zk1Lm5Np7Rs9Tu2Wx4Ab6Cd8Ef0Gh2Jk4Qz7Lp1',
}

const production = {
  origin: 'https://app.example.com',
  listen: { host: '0.0.0.0', port: 9000 },
  admin: { host: '0.0.0.0', port: 9090 },
  provider: {
    issuer: 'https://id.example.com',
    clientId: 'web',
    clientAuth: 'private_key_jwt',
    clientKey: '${file:/run/secrets/key.pem}',
    scope: 'openid orders.read',
  },
  session: {
    secrets: ['${env:NOT_SET_HERE}'],
    idleTimeoutSeconds: 60,
    cookie: { name: '__Host-app', sameSite: 'lax' },
    store: { type: 'embedded', path: './data' },
  },
  csrf: { mode: 'header' },
  routes: [
    { path: '/api/', upstream: 'http://orders.internal:8080/', require: { scope: ['orders.read'] } },
    { path: '/pay/', upstream: 'http://pay.internal/', token: { resource: 'https://pay.example.com', scope: 'pay.write' } },
    { path: '/open/', upstream: 'http://open.internal/', auth: 'none' },
    { path: '/', static: './dist' },
  ],
}

describe('moveToThisMachine', () => {
  const config = resolveConfig(moveToThisMachine(production, place), { env: {}, baseDir: '/app' })

  it('replaces what belongs to production', () => {
    expect(config.origin).toBe('http://localhost:8123')
    expect(config.provider).toMatchObject({ clientId: 'dev', clientAuth: 'client_secret_basic', scope: 'openid orders.read' })
    expect(new URL(config.provider.issuer).origin).toBe('http://127.0.0.1:4123')
    expect(config.provider.clientKey).toBeUndefined()
    expect(config.session.store).toEqual({ type: 'memory' })
  })

  it('never listens beyond loopback', () => {
    expect(config.listen).toEqual({ host: '127.0.0.1', port: 8123 })
    expect(config.admin).toMatchObject({ host: '127.0.0.1', port: 9090 })
  })

  it('leaves the rest as it is', () => {
    expect(config.session).toMatchObject({ idleTimeoutSeconds: 60, cookie: { sameSite: 'lax' } })
    expect(config.session.cookie.name).toBeUndefined()
    expect(config.csrf.mode).toBe('header')
    expect(config.routes.map(({ path }) => path)).toEqual(['/api/', '/pay/', '/open/', '/'])
  })

  it('gives a token to each route that sends one', () => {
    expect(tokenRoutes(config.routes)).toEqual([
      { path: '/api/', upstream: 'http://orders.internal:8080/', resource: 'http://localhost:8123/api/' },
      { path: '/pay/', upstream: 'http://pay.internal/', resource: 'https://pay.example.com' },
    ])
    expect(resourcesOf(config.routes, config.provider.scope)).toEqual([
      { uri: 'http://localhost:8123/api/', scopes: ['orders.read'] },
      { uri: 'https://pay.example.com', scopes: ['orders.read', 'pay.write'] },
    ])
  })

  it('leaves mistakes for the config check to tell', () => {
    const broken = moveToThisMachine({ ...production, routes: [{ path: 'api', upstream: 'nowhere' }], colour: 'red' }, place)
    expect(() => resolveConfig(broken, { env: {} })).toThrow(/routes\[0\]\.path[^]*colour|colour[^]*routes\[0\]\.path/)
    expect(() => resolveConfig(moveToThisMachine('text', place), { env: {} })).toThrow(ConfigError)
  })
})

describe('configFromFlags', () => {
  it('makes routes of upstreams and the folder', () => {
    const written = configFromFlags({ static: './dist', upstreams: ['/api/=http://127.0.0.1:3000/v1/'], scope: 'openid a' })
    const config = resolveConfig(moveToThisMachine(written, place), { env: {}, baseDir: '/app' })
    expect(config.routes.map(({ path, upstream, static: folder }) => [path, upstream?.href ?? folder])).toEqual([
      ['/api/', 'http://127.0.0.1:3000/v1/'],
      ['/', '/app/dist'],
    ])
    expect(config.provider.scope).toBe('openid a')
  })

  it('sends no token to a development server that serves the page', () => {
    const written = configFromFlags({ upstreams: ['/=http://localhost:5173/', '/api/=http://127.0.0.1:3000/'] })
    const { routes } = resolveConfig(moveToThisMachine(written, place), { env: {} })
    expect(routes[0]).toMatchObject({ path: '/', auth: 'none' })
    expect(tokenRoutes(routes).map(({ path }) => path)).toEqual(['/api/'])
  })

  it('says how an upstream is written', () => {
    expect(() => configFromFlags({ upstreams: ['http://127.0.0.1:3000/'] })).toThrow('write path and address')
  })
})

it('writtenPort takes ports only', () => {
  expect(
    [{ listen: { port: 9000 } }, { listen: { port: '9' } }, { listen: 9 }, null, { listen: { port: 70_000 } }].map(writtenPort),
  ).toEqual([9000, undefined, undefined, undefined, undefined])
})
