import type { Config, RouteConfig } from './config/schema.ts'
import type { JudgedPath } from './proxy/target.ts'
import type { Requirement } from './session/policy.ts'
import type { TokenRecipe } from './session/session.ts'

/** Coatcheck's own endpoints, by the last segment of their path. */
const endpointNames = [
  'login',
  'callback',
  'landing',
  'popup-done',
  'error',
  'session',
  'logout',
  'backchannel-logout',
  'frontchannel-logout',
  'sessions',
  'events',
] as const

export type EndpointName = (typeof endpointNames)[number]

const endpointsByName: ReadonlyMap<string, EndpointName> = new Map(endpointNames.map((name) => [name, name]))

interface CommonRoute {
  readonly path: string
  readonly auth: 'required' | 'optional' | 'none'
  readonly methods: ReadonlySet<string>
  /** For the Allow header of 405. */
  readonly allow: readonly string[]
  readonly require: Requirement | undefined
}

/** A route to an upstream. */
export interface ProxyRoute extends CommonRoute {
  readonly kind: 'proxy'
  readonly upstreamOrigin: string
  /** The path of the upstream that takes the place of the route's. */
  readonly upstreamBase: string
  readonly token: TokenRecipe | undefined
  readonly timeoutMs: number
  readonly idleTimeoutMs: number
  readonly maxBodyBytes: number | undefined
  readonly cookies: ReadonlySet<string>
  /** Whether the route has rate limits. */
  readonly isLimited: boolean
  readonly cacheControl: 'private' | 'upstream'
}

/** A route to files. */
export interface StaticRoute extends CommonRoute {
  readonly kind: 'static'
  readonly directory: string
  readonly contentSecurityPolicy: string
}

export type Route = ProxyRoute | StaticRoute

export interface RouteTable {
  readonly routes: readonly Route[]
  readonly upstreamOrigins: readonly string[]
  /** The route of a path, `ambiguous` where a lenient reader would take another one, or `undefined`. */
  match(judged: JudgedPath): Route | 'ambiguous' | undefined
}

/** Builds the table of routes, once. A look-up costs no more with many routes than with few. */
export function compileRoutes(config: Pick<Config, 'routes'>): RouteTable {
  const routes = config.routes.map(compileRoute).sort((a, b) => b.path.length - a.path.length)
  const byPath = new Map(routes.map((route) => [bareOf(route.path), route]))
  const prefixOf = prefixFinder(new Set(byPath.keys()))
  // Two routes that differ in case alone were told apart on purpose.
  const readPrefixOf = prefixFinder(new Set([...byPath.keys()].map((path) => path.toLowerCase())))
  const guardedFiles = new Set(
    routes.filter((route) => route.kind === 'static' && route.auth !== 'none').map((route) => bareOf(route.path).toLowerCase()),
  )
  return {
    routes,
    upstreamOrigins: [...new Set(routes.flatMap((route) => (route.kind === 'proxy' ? [route.upstreamOrigin] : [])))],
    match: ({ path, reading }) => {
      const prefix = prefixOf(path)
      const found = prefix === undefined ? undefined : byPath.get(prefix)
      if (found === undefined) return undefined
      const readPrefix = readPrefixOf(reading)
      if (readPrefix === prefix?.toLowerCase()) return found
      // An upstream reads the path in its own way, and a disk may find a guarded file under another spelling of its name.
      return found.kind === 'proxy' || guardedFiles.has(readPrefix ?? '') ? 'ambiguous' : found
    },
  }
}

/** Finds the longest of the prefixes that covers a path: the whole of it, or what stands before one of its slashes. */
function prefixFinder(prefixes: ReadonlySet<string>): (path: string) => string | undefined {
  const longest = Math.max(...[...prefixes].map((prefix) => prefix.length))
  return (path) => {
    let end = path.length <= longest ? path.length : path.lastIndexOf('/', longest)
    for (; end > 0; end = path.lastIndexOf('/', end - 1)) {
      const prefix = path.slice(0, end)
      if (prefixes.has(prefix)) return prefix
    }
    return prefixes.has('') ? '' : undefined
  }
}

/** `/api` and `/api/` both cover `/api` and what lies under `/api/`, and never `/apix`. */
function bareOf(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}

/** Which of Coatcheck's endpoints a path names; `unknown` for the rest of its prefix, which is never a route. */
export function endpointOf(path: string, basePath: string): EndpointName | 'unknown' | undefined {
  if (!path.startsWith(basePath)) return undefined
  if (path.length > basePath.length && path.charCodeAt(basePath.length) !== 0x2f) return undefined
  const name = path.slice(basePath.length + 1)
  // The one endpoint with something below it: `sessions/{id}`.
  return /^sessions\/[\w-]{1,64}$/.test(name) ? 'sessions' : (endpointsByName.get(name) ?? 'unknown')
}

const everyMethod = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const

function compileRoute(config: RouteConfig): Route {
  const isStatic = config.static !== undefined
  const chosen: readonly string[] = isStatic ? ['GET', 'HEAD'] : (config.methods ?? everyMethod)
  const allow = chosen.includes('GET') && !chosen.includes('HEAD') ? ['HEAD', ...chosen] : [...chosen]
  const common = {
    path: config.path,
    auth: config.auth ?? (isStatic ? 'none' : 'required'),
    methods: new Set(allow),
    allow,
    require: config.require,
  } as const
  if (config.upstream === undefined) {
    return { ...common, kind: 'static', directory: config.static ?? '', contentSecurityPolicy: config.contentSecurityPolicy }
  }
  return {
    ...common,
    kind: 'proxy',
    upstreamOrigin: config.upstream.origin,
    upstreamBase: config.upstream.pathname,
    token: config.token,
    timeoutMs: config.timeoutSeconds * 1000,
    idleTimeoutMs: config.idleTimeoutSeconds * 1000,
    maxBodyBytes: config.maxBodyBytes,
    cookies: new Set(config.cookies),
    isLimited: (config.rateLimits ?? []).length > 0,
    cacheControl: config.cacheControl,
  }
}
