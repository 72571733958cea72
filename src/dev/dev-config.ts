import type { DevResource } from './clients.ts'
import { openidScopes } from './configuration.ts'

/** What the local set-up decides, whatever the config file says. */
export interface DevPlace {
  readonly port: number
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly sessionSecret: string
}

type Tree = Readonly<Record<string, unknown>>

/** Asks for everything a page usually shows of its user; what an API needs on top comes from the config or from --scope. */
export const devScope = 'openid profile email offline_access'

/**
 * The user's config, moved to this machine: the local provider, an origin on localhost, a store in memory, and nothing
 * that listens elsewhere. Routes that send the session's token get a token for an API of their own, because the local
 * provider issues JWTs for named APIs only. What is wrong with the config stays wrong and is told by `resolveConfig`.
 */
export function moveToThisMachine(written: unknown, place: DevPlace): unknown {
  if (!isTree(written)) return written
  const { admin, provider, session, routes } = written
  const origin = devOrigin(place.port)
  return {
    ...written,
    origin,
    listen: { host: '127.0.0.1', port: place.port },
    ...(isTree(admin) && { admin: { ...admin, host: '127.0.0.1' } }),
    provider: {
      issuer: place.issuer,
      clientId: place.clientId,
      clientSecret: place.clientSecret,
      scope: scopeOf(provider),
    },
    session: {
      ...(isTree(session) && session),
      secrets: [place.sessionSecret],
      store: { type: 'memory' },
      // A name with a prefix, right in production, would make browsers drop the cookie here.
      ...(isTree(session) && isTree(session['cookie']) && { cookie: without(session['cookie'], 'name') }),
    },
    ...(Array.isArray(routes) && { routes: routes.map((route: unknown) => withToken(route, origin)) }),
  }
}

/** A config from command-line flags. Each upstream is written as `/path/=http://host:port/`. */
export function configFromFlags(flags: {
  readonly static?: string
  readonly upstreams: readonly string[]
  readonly scope?: string
}): unknown {
  const upstreams = flags.upstreams.map((text) => {
    const equals = text.indexOf('=')
    if (equals < 1) throw new Error(`"${text}" is not an upstream; write path and address, as in /api/=http://127.0.0.1:3000/`)
    const path = text.slice(0, equals)
    // What stands on "/" is the app's own development server: it serves the page and has no use for tokens.
    return { path, upstream: text.slice(equals + 1), ...(path === '/' && { auth: 'none' }) }
  })
  const pages = flags.static === undefined ? [] : [{ path: '/', static: flags.static }]
  return { provider: { scope: flags.scope ?? devScope }, session: {}, log: { level: 'warn' }, routes: [...upstreams, ...pages] }
}

/** The port that a config names, where it does. */
export function writtenPort(written: unknown): number | undefined {
  const listen = isTree(written) ? written['listen'] : undefined
  const port = isTree(listen) ? listen['port'] : undefined
  return typeof port === 'number' && Number.isInteger(port) && port >= 0 && port <= 65_535 ? port : undefined
}

export function devOrigin(port: number): string {
  return `http://localhost:${port}`
}

/** A route whose upstream gets access tokens: what that API has to be told. */
export interface TokenRoute {
  readonly path: string
  readonly upstream: string
  readonly resource: string
}

/** Every proxied route with a token, of a config that `resolveConfig` has judged. */
export function tokenRoutes(
  routes: readonly { path: string; upstream?: URL | undefined; token?: { resource: string } | undefined }[],
): readonly TokenRoute[] {
  return routes.flatMap(({ path, upstream, token }) =>
    upstream === undefined || token === undefined ? [] : [{ path, upstream: upstream.href, resource: token.resource }],
  )
}

/** The APIs that the local provider must know: each may be granted every scope that is not OpenID Connect's own. */
export function resourcesOf(
  routes: readonly { token?: { resource: string; scope?: string | undefined } | undefined }[],
  scope: string,
): readonly DevResource[] {
  const own: readonly string[] = openidScopes
  const resources = new Map<string, Set<string>>()
  for (const { token } of routes) {
    if (token === undefined) continue
    const scopes = resources.get(token.resource) ?? new Set()
    for (const name of `${scope} ${token.scope ?? ''}`.split(' ')) if (name !== '' && !own.includes(name)) scopes.add(name)
    resources.set(token.resource, scopes)
  }
  return [...resources].map(([uri, scopes]) => ({ uri, scopes: [...scopes] }))
}

function withToken(route: unknown, origin: string): unknown {
  if (!isTree(route) || route['upstream'] === undefined || route['token'] !== undefined || route['auth'] === 'none') return route
  return { ...route, token: { resource: `${origin}${String(route['path'])}` } }
}

function scopeOf(provider: unknown): unknown {
  return (isTree(provider) ? provider['scope'] : undefined) ?? devScope
}

function without(tree: Tree, name: string): Tree {
  return Object.fromEntries(Object.entries(tree).filter(([key]) => key !== name))
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
