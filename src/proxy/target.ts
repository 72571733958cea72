import type { ErrorCode } from '../errors.ts'
import { readPath } from '../config/path-reading.ts'

/** A request target that has one reading. */
export interface JudgedPath {
  /** The path exactly as it was received, and as it is forwarded. */
  readonly path: string
  /** Empty, or with its leading `?`, exactly as it was received. */
  readonly query: string
  /** How a lenient reader takes the path: decoded, without `;parameters`, in lower case. */
  readonly reading: string
}

export interface RefusedPath {
  readonly code: Extract<ErrorCode, 'bad_request' | 'uri_too_long'>
  readonly refused: string
}

const longestTarget = 8192

/**
 * Judges a request target. What two servers could read differently is refused, so that the path that was judged and
 * the path that is forwarded are the same bytes with the same meaning.
 */
export function judgePath(requestTarget: string, origin: string): JudgedPath | RefusedPath {
  if (requestTarget.length > longestTarget) return { code: 'uri_too_long', refused: 'a request target over 8 KB' }
  const target = requestTarget.startsWith('/') ? requestTarget : pathOfAbsolute(requestTarget, origin)
  if (target === undefined) return bad('a request target that is not a path of ours')
  if (/[^\x21-\x7e]|#/.test(target)) return bad('a raw #, space, control or non-ASCII character')
  const mark = target.indexOf('?')
  const path = mark === -1 ? target : target.slice(0, mark)
  const query = mark === -1 ? '' : target.slice(mark)
  const reading = readPath(path)
  return typeof reading === 'string' ? { path, query, reading } : bad(reading.refused)
}

function bad(refused: string): RefusedPath {
  return { code: 'bad_request', refused }
}

/** The path of an absolute-form target (RFC 9112 section 3.2.2), which must be of our origin. */
function pathOfAbsolute(target: string, origin: string): string | undefined {
  if (target.slice(0, origin.length).toLowerCase() !== origin) return undefined
  const rest = target.slice(origin.length)
  if (rest === '' || rest.startsWith('?')) return `/${rest}`
  return rest.startsWith('/') ? rest : undefined
}

/**
 * The upstream's path and query for a call: the upstream's base stands for the route's path, the rest stays as it is.
 * Slashes at the end of either do not matter, except that the route's path without one becomes the base as written.
 */
export function targetOf(route: { path: string; upstreamBase: string }, { path, query }: JudgedPath): string {
  const { path: routePath, upstreamBase } = route
  const rest = path.slice(routePath.endsWith('/') ? routePath.length - 1 : routePath.length)
  if (rest === '') return upstreamBase + query
  return bare(upstreamBase) + rest + query
}

/** The path of ours by which a route reaches an address of its upstream; `undefined` where it lies outside. */
export function pathTo(route: { path: string; upstreamOrigin: string; upstreamBase: string }, url: URL): string | undefined {
  const base = bare(route.upstreamBase)
  if (url.origin !== route.upstreamOrigin || !`${url.pathname}/`.startsWith(`${base}/`)) return undefined
  return bare(route.path) + url.pathname.slice(base.length) + url.search
}

function bare(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}
