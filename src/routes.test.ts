import { resolve } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { resolveConfig } from './config/resolve.ts'
import type { ConfigInput } from './config/schema.ts'
import { judgePath } from './proxy/target.ts'
import { compileRoutes, endpointOf, type Route } from './routes.ts'

const origin = 'https://app.test'

function tableOf(...routes: ConfigInput['routes']) {
  return compileRoutes(
    resolveConfig({
      origin,
      provider: { issuer: 'https://id.test', clientId: 'c', clientSecret: 's' },
      session: { secrets: ['0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ'], store: { type: 'memory' } },
      routes,
    }),
  )
}

/** A proxied route, or a static one where the path is marked so. */
const table = (...paths: string[]) =>
  tableOf(
    ...paths.map((path) =>
      path.endsWith(' static') ? { path: path.replace(' static', ''), static: './dist' } : { path, upstream: 'http://up.test/' },
    ),
  )

function match(routes: ReturnType<typeof table>, target: string): string | undefined {
  const judged = judgePath(target, origin)
  if ('refused' in judged) throw new Error(`${target}: ${judged.refused}`)
  const found = routes.match(judged)
  return typeof found === 'object' ? found.path : found
}

describe('match', () => {
  test.each([
    ['/api/orders/1', '/api/orders'],
    ['/api/orders', '/api/orders'],
    ['/api/orders/', '/api/orders'],
    ['/api/orders2', '/api/'],
    ['/api/order', '/api/'],
    ['/api', '/api/'],
    ['/api/', '/api/'],
    ['/apix', '/apix'],
    ['/apixy', '/'],
    ['/apixyz/api/orders', '/'],
    ['/', '/'],
    ['/x/y/z', '/'],
  ])('the longest route wins, at whole segments: %s', (target, expected) => {
    expect(match(table('/api/', '/', '/apix', '/api/orders'), target)).toBe(expected)
  })

  test('nothing where no route covers the path', () => {
    for (const target of ['/', '/ap', '/apis', '/API/x', '/x/api/', '/%61pi/x'])
      expect(match(table('/api/'), target)).toBeUndefined()
  })

  test.each([
    ['/API/x', '/api/'],
    ['/%61pi/x', '/api/'],
    ['/%2561pi/x', '/api/'],
    ['/api;v=1/x', '/api/'],
    ['/api%3bv=1/x', '/api/'],
    ['/api%3fx', '/api/'],
    ['/api/%61dmin', '/api/admin'],
    ['/api/ADMIN/x', '/api/admin'],
    ['/api/admin;/x', '/api/admin'],
  ])('%s is ambiguous, because a lenient reader takes it for %s', (target, route) => {
    expect(match(table('/', '/api/', '/api/admin'), target)).toBe('ambiguous')
    expect(match(table('/api/', '/api/admin', '/ static'), target), 'but not to files').toBe(
      route === '/api/' ? '/' : 'ambiguous',
    )
  })

  test.each(['/api/Orders', '/api/a;v=1', '/api/a%20b', '/api/%E2%82%AC', '/x/API/y', '/x/%61pi', '/Apis'])(
    '%s has one route in every reading',
    (target) => {
      expect(match(table('/', '/api/', '/api/admin'), target)).toBe(target.startsWith('/api/') ? '/api/' : '/')
    },
  )

  test('routes with capitals match as they are written', () => {
    const routes = table('/', '/Api/', '/api/V2/')
    expect(match(routes, '/Api/x')).toBe('/Api/')
    expect(match(routes, '/api/V2/x')).toBe('/api/V2/')
    expect(match(routes, '/api/v2/x')).toBe('ambiguous')
    expect(match(table('/Api/', '/api/'), '/api/x')).toBe('/api/')
    expect(match(table('/Api/', '/api/'), '/Api/x')).toBe('/Api/')
  })

  test('agrees with looking at every route, for any routes and path', () => {
    const path = fc.array(fc.constantFrom('a', 'b', 'A', 'ab', 'c.d'), { maxLength: 4 }).map((parts) => `/${parts.join('/')}`)
    fc.assert(
      fc.property(fc.uniqueArray(path, { minLength: 1, maxLength: 8 }), path, fc.boolean(), (paths, asked, slash) => {
        const target = slash && asked !== '/' ? `${asked}/` : asked
        const covers = (route: string, of: string) => route === '/' || of === route || of.startsWith(`${route}/`)
        const longest = (of: (path: string) => string) =>
          paths.filter((route) => covers(of(route), of(target))).sort((a, b) => b.length - a.length)[0]
        const exact = longest((text) => text)
        const lenient = longest((text) => text.toLowerCase())
        const expected = exact !== undefined && exact.toLowerCase() !== lenient?.toLowerCase() ? 'ambiguous' : exact
        expect(match(table(...paths), target)).toBe(expected)
      }),
      { numRuns: 300 },
    )
  })
})

describe('a route', () => {
  const [required, files] = [
    tableOf({ path: '/a', upstream: 'https://up.test:8443/v1' }).routes[0],
    tableOf({ path: '/', static: './dist' }).routes[0],
  ]

  test('to an upstream needs a session and takes every method but TRACE and CONNECT', () => {
    expect(required).toMatchObject({
      kind: 'proxy',
      auth: 'required',
      upstreamOrigin: 'https://up.test:8443',
      upstreamBase: '/v1',
      timeoutMs: 30_000,
      idleTimeoutMs: 900_000,
      cacheControl: 'private',
    })
    expect([...(required?.methods ?? [])].sort()).toEqual(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'])
  })

  test('to files is public and read only', () => {
    expect(files).toMatchObject({ kind: 'static', auth: 'none', directory: resolve('dist'), allow: ['GET', 'HEAD'] })
  })

  test('that allows GET allows HEAD', () => {
    const methodsOf = (methods: ('GET' | 'POST' | 'HEAD')[]): Route | undefined =>
      tableOf({ path: '/', upstream: 'http://up.test', methods }).routes[0]
    expect([...(methodsOf(['GET'])?.methods ?? [])].sort()).toEqual(['GET', 'HEAD'])
    expect([...(methodsOf(['POST'])?.methods ?? [])]).toEqual(['POST'])
    expect(methodsOf(['GET', 'HEAD'])?.allow).toEqual(['GET', 'HEAD'])
  })

  test('each upstream origin is named once', () => {
    expect(
      tableOf(
        { path: '/a', upstream: 'http://up.test/1' },
        { path: '/b', upstream: 'http://up.test/2' },
        { path: '/', static: '.' },
      ).upstreamOrigins,
    ).toEqual(['http://up.test'])
  })
})

describe('endpointOf', () => {
  test.each([
    ['/bff/login', 'login'],
    ['/bff/backchannel-logout', 'backchannel-logout'],
    ['/bff/sessions', 'sessions'],
    ['/bff/sessions/Ab_-9', 'sessions'],
    ['/bff/sessions/', 'unknown'],
    ['/bff/sessions/a/b', 'unknown'],
    ['/bff/sessions/a%20b', 'unknown'],
    [`/bff/sessions/${'a'.repeat(65)}`, 'unknown'],
    ['/bff/session/a', 'unknown'],
    ['/bff', 'unknown'],
    ['/bff/', 'unknown'],
    ['/bff/login/', 'unknown'],
    ['/bff/LOGIN', 'unknown'],
    ['/bff/login;x', 'unknown'],
    ['/bff/%6cogin', 'unknown'],
    ['/bff/__proto__', 'unknown'],
    ['/bff/constructor', 'unknown'],
    ['/bffx/login', undefined],
    ['/BFF/login', undefined],
    ['/x/bff/login', undefined],
    ['/', undefined],
  ])('%s is %s', (path, expected) => {
    expect(endpointOf(path, '/bff')).toBe(expected)
  })
})

test('guarded files are not found under another spelling of their path', () => {
  const routes = tableOf({ path: '/', static: './dist' }, { path: '/private/', static: './dist/private', auth: 'required' })
  const routeOf = (target: string): string => {
    const judged = judgePath(target, origin)
    if ('refused' in judged) return 'refused'
    const found = routes.match(judged)
    return found === undefined || found === 'ambiguous' ? String(found) : found.path
  }
  expect(routeOf('/private/x.html')).toBe('/private/')
  for (const target of ['/%70rivate/x.html', '/privat%65/x.html', '/PRIVATE/x.html', '/private;v=1/x.html']) {
    expect(routeOf(target), target).toBe('ambiguous')
  }
  expect(routeOf('/;/private/x.html')).toBe('refused')
  expect(routeOf('/Orders;id=1/x')).toBe('/')
})
