import { stat } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { lookup } from 'mime-types'
import send from 'send'
import type { Route, RouteTable, StaticRoute } from '../routes.ts'
import { isHashedName } from './hashed-name.ts'

/** Answers with a file, or calls `missing`. `path` was judged: it has no empty, dot or encoded-slash segments. */
export type StaticFiles = (req: IncomingMessage, res: ServerResponse, path: string, missing: () => void) => void

/** The files of each static route, made once. */
export function staticFilesOf(routes: RouteTable, strictTransportSecurity: string): (route: Route) => StaticFiles {
  const files = new Map<Route, StaticFiles>()
  for (const route of routes.routes) {
    if (route.kind === 'static') files.set(route, createStatic(route, strictTransportSecurity))
  }
  return (route) => files.get(route) ?? ((_req, _res, _path, missing) => missing())
}

/** Codings a build may have left beside a file, the smallest first. */
const precompressed = [
  { coding: 'br', suffix: '.br' },
  { coding: 'gzip', suffix: '.gz' },
] as const

/** Documents, in which the browser runs scripts when it opens them. */
const documentTypes: ReadonlySet<string> = new Set([
  'text/html',
  'application/xhtml+xml',
  'image/svg+xml',
  'text/xml',
  'application/xml',
])

const saidOfFiles: readonly string[] = [
  'Accept-Ranges',
  'Cache-Control',
  'Content-Encoding',
  'Content-Length',
  'Content-Range',
  'Content-Security-Policy',
  'Content-Type',
  'Cross-Origin-Opener-Policy',
  'Cross-Origin-Resource-Policy',
  'ETag',
  'Last-Modified',
  'Referrer-Policy',
  'Strict-Transport-Security',
  'Vary',
  'X-Content-Type-Options',
]

const wellKnown = '/.well-known/'
const indexPage = '/index.html'

/**
 * A built SPA, by `send`: an unknown path without an extension answers index.html, dot files do not exist, but for
 * what lies in /.well-known/ (RFC 8615), and files are looked at anew each time, so that a new build needs no restart.
 */
export function createStatic(
  route: Pick<StaticRoute, 'path' | 'directory' | 'contentSecurityPolicy'>,
  strictTransportSecurity: string,
): StaticFiles {
  const prefix = route.path.replace(/\/$/, '')
  const common: Readonly<Record<string, string>> = {
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'strict-origin-when-cross-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    ...(strictTransportSecurity === '' ? {} : { 'Strict-Transport-Security': strictTransportSecurity }),
  }
  const forPages: Readonly<Record<string, string>> = {
    // Written over several lines in YAML it is still one header.
    'Content-Security-Policy': route.contentSecurityPolicy.replace(/\s+/g, ' ').trim(),
    'Cross-Origin-Opener-Policy': 'same-origin-allow-popups',
  }

  const deliver = (
    req: IncomingMessage,
    res: ServerResponse,
    path: string,
    coding: Precompressed | undefined,
    missing: () => void,
  ): void => {
    const type = contentTypeOf(path)
    // As the root, the folder is no dot file; whatever starts with a dot inside of it still is one.
    const isWellKnown = path.startsWith(wellKnown)
    const root = isWellKnown ? join(route.directory, wellKnown) : route.directory
    const name = (isWellKnown ? path.slice(wellKnown.length - 1) : path) + (coding?.suffix ?? '')
    send(req, name, { root, dotfiles: 'ignore', index: false, cacheControl: false })
      .on('headers', () => {
        for (const name of Object.keys(common)) res.setHeader(name, common[name] ?? '')
        if (documentTypes.has(type)) for (const name of Object.keys(forPages)) res.setHeader(name, forPages[name] ?? '')
        res.setHeader('Content-Type', /^text\/|javascript|json|xml/.test(type) ? `${type}; charset=utf-8` : type)
        res.setHeader('Cache-Control', isHashedName(path) ? 'public, max-age=31536000, immutable' : 'no-cache')
        res.setHeader('Vary', 'Accept-Encoding')
        if (coding !== undefined) res.setHeader('Content-Encoding', coding.coding)
      })
      .on('directory', missing)
      .on('error', (error: NodeJS.ErrnoException & { status?: number }) => {
        if (res.headersSent) {
          res.destroy()
          return
        }
        const range = res.getHeader('Content-Range')
        takeBack(res)
        if (error.status !== 412 && error.status !== 416) missing()
        else {
          if (error.status === 416 && range !== undefined) res.setHeader('Content-Range', range)
          res.writeHead(error.status, { ...common, 'Cache-Control': 'no-store', 'Content-Length': 0 }).end()
        }
      })
      .pipe(res)
  }

  const answer = async (req: IncomingMessage, res: ServerResponse, file: string, missing: () => void): Promise<void> =>
    deliver(req, res, file, await bestCoding(req, route.directory, file), missing)

  return (req, res, path, missing) => {
    const file = path.slice(prefix.length)
    void answer(req, res, file === '' || file === '/' ? indexPage : file, () => {
      // A path with an extension names a file that is not there, and one with a dot file in it nothing; any other is a
      // page of the SPA's own router.
      if (/\.[^/]+$|\/(\.|%2e)/i.test(file)) missing()
      else void answer(req, res, indexPage, missing)
    })
  }
}

/** What was said of a file before it turned out that it cannot be sent: another answer must not inherit it. */
function takeBack(res: ServerResponse): void {
  for (const name of saidOfFiles) res.removeHeader(name)
  res.statusCode = 200
}

function contentTypeOf(path: string): string {
  // Apple asks for this name, and for JSON.
  if (path === '/.well-known/apple-app-site-association') return 'application/json'
  return lookup(path) || 'application/octet-stream'
}

type Precompressed = (typeof precompressed)[number]

/** The best coding the client takes and the build brought. Ranges are of the plain file only. */
async function bestCoding(req: IncomingMessage, directory: string, file: string): Promise<Precompressed | undefined> {
  const accepted = req.headers['accept-encoding'] ?? ''
  if (req.headers.range !== undefined || accepted === '' || !/\.(html|js|mjs|css|json|svg|wasm|map|txt|xml)$/.test(file))
    return undefined
  for (const candidate of precompressed) {
    if (!new RegExp(`(^|[\\s,])${candidate.coding}\\s*(,|$|;(?!\\s*q=0(\\.0*)?\\s*(,|$)))`).test(accepted)) continue
    try {
      if ((await stat(join(directory, decodeURIComponent(file) + candidate.suffix))).isFile()) return candidate
    } catch {
      // Not there, or no name of a file: the next one, or the plain file.
    }
  }
  return undefined
}
