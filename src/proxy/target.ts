import type { ErrorCode } from '../errors.ts'

/** A request target that has one reading. */
export interface JudgedPath {
  /** The path exactly as it was received, and as it is forwarded. */
  readonly path: string
  /** Empty, or with its leading `?`. */
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
 * the path that is forwarded are the same bytes with the same meaning (CVE-2026-33494, GHSA-3q34-rx83-r6mq).
 */
export function judgePath(requestTarget: string, origin: string): JudgedPath | RefusedPath {
  if (requestTarget.length > longestTarget) return { code: 'uri_too_long', refused: 'a request target over 8 KB' }
  const target = requestTarget.startsWith(`${origin}/`) ? requestTarget.slice(origin.length) : requestTarget
  if (!target.startsWith('/')) return bad('a request target that is not a path of ours')
  for (let i = 0; i < target.length; i += 1) {
    const c = target.charCodeAt(i)
    if (c <= 0x20 || c >= 0x7f) return bad('a raw control, space or non-ASCII character')
    if (c === 0x23) return bad('a raw #')
  }
  const mark = target.indexOf('?')
  const path = mark === -1 ? target : target.slice(0, mark)
  const query = mark === -1 ? '' : target.slice(mark)
  const refused = pathProblem(path)
  return refused === undefined ? { path, query, reading: lenientReading(path) } : bad(refused)
}

function bad(refused: string): RefusedPath {
  return { code: 'bad_request', refused }
}

function pathProblem(path: string): string | undefined {
  if (path.includes('//')) return 'an empty segment'
  if (path.includes('\\')) return 'a backslash'
  if (path.includes('%')) {
    if (/%(?![0-9a-f]{2})/i.test(path)) return 'a malformed percent-encoding'
    if (/%(25)*(2f|5c)/i.test(path)) return 'an encoded slash or backslash'
    if (/%(25)*([01][0-9a-f]|7f)/i.test(path)) return 'an encoded control character'
  }
  if (path.includes('/.') || path.includes('/%')) {
    for (const segment of path.split('/')) {
      if (/^(\.|%(25)*2e){1,2}(;|%(25)*3b|$)/i.test(segment)) return 'a dot segment'
    }
  }
  return undefined
}

function lenientReading(path: string): string {
  if (!path.includes('%') && !path.includes(';')) return path.toLowerCase()
  const decoded = path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return decoded.replace(/;[^/]*/g, '').toLowerCase()
}

/** The upstream's path and query for a call: the route's path is replaced by the upstream's, the rest stays as it is. */
export function targetOf(route: { path: string; upstreamBase: string }, { path, query }: JudgedPath): string {
  const rest = path.slice(route.path.length)
  const { upstreamBase } = route
  const joint = rest === '' || rest.startsWith('/') || upstreamBase.endsWith('/') ? '' : '/'
  const base = rest.startsWith('/') && upstreamBase.endsWith('/') ? upstreamBase.slice(0, -1) : upstreamBase
  return `${base}${joint}${rest}${query}`
}
