import { stat } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { lookup } from 'mime-types'
import send from 'send'
import type { Route, RouteTable, StaticRoute } from '../routes.ts'

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

/** What a bundler names after a file's content: it never changes, so it may be kept for ever. */
const contentHash = /[.-](?=[\w-]*\d|[A-Z0-9_-]*[A-Z]{2})[\w-]{8,64}\.(js|mjs|css|map|woff2?|ttf|png|jpe?g|svg|webp|avif|gif|ico|wasm|json)$/

/**
 * A built SPA, by `send`: an unknown path without an extension answers index.html, dot files do not exist, and files
 * are looked at anew each time, so that a new build needs no restart.
 */
export function createStatic(route: Pick<StaticRoute, 'path' | 'directory' | 'contentSecurityPolicy'>, strictTransportSecurity: string): StaticFiles {
  const prefix = route.path.replace(/\/$/, '')
  const common: Readonly<Record<string, string>> = {
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'strict-origin-when-cross-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    ...(strictTransportSecurity === '' ? {} : { 'Strict-Transport-Security': strictTransportSecurity }),
  }
  const forPages: Readonly<Record<string, string>> = {
    'Content-Security-Policy': route.contentSecurityPolicy,
    'Cross-Origin-Opener-Policy': 'same-origin-allow-popups',
  }

  const deliver = (req: IncomingMessage, res: ServerResponse, path: string, coding: Precompressed | undefined, missing: () => void): void => {
    const type = lookup(path) || 'application/octet-stream'
    send(req, path + (coding?.suffix ?? ''), { root: route.directory, dotfiles: 'ignore', index: false, cacheControl: false })
      .on('headers', () => {
        for (const name of Object.keys(common)) res.setHeader(name, common[name] ?? '')
        if (type === 'text/html') for (const name of Object.keys(forPages)) res.setHeader(name, forPages[name] ?? '')
        res.setHeader('Content-Type', /^text\/|javascript|json|xml/.test(type) ? `${type}; charset=utf-8` : type)
        res.setHeader('Cache-Control', contentHash.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache')
        res.setHeader('Vary', 'Accept-Encoding')
        if (coding !== undefined) res.setHeader('Content-Encoding', coding.coding)
      })
      .on('directory', missing)
      .on('error', (error: NodeJS.ErrnoException & { status?: number }) => {
        if (res.headersSent) res.destroy()
        else if (error.status === 416) res.writeHead(416, { ...common, 'Content-Length': 0 }).end()
        else missing()
      })
      .pipe(res)
  }

  return (req, res, path, missing) => {
    const file = path.slice(prefix.length) || '/'
    void bestCoding(req, route.directory, file).then((coding) =>
      deliver(req, res, file === '/' ? '/index.html' : file, coding, () => {
        // A path with an extension names a file that is not there; any other is a page of the SPA's own router.
        if (/\.[^/]+$/.test(file) || file.startsWith('/.well-known/')) missing()
        else deliver(req, res, '/index.html', undefined, missing)
      }),
    )
  }
}

type Precompressed = (typeof precompressed)[number]

/** The best coding the client takes and the build brought. Ranges are of the plain file only. */
async function bestCoding(req: IncomingMessage, directory: string, file: string): Promise<Precompressed | undefined> {
  const accepted = req.headers['accept-encoding'] ?? ''
  if (req.headers.range !== undefined || accepted === '' || !/\.(html|js|mjs|css|json|svg|wasm|map|txt|xml)$/.test(file)) return undefined
  for (const candidate of precompressed) {
    if (!new RegExp(`(^|[\\s,])${candidate.coding}\\s*(,|$|;(?!\\s*q=0(\\.0*)?\\s*(,|$)))`).test(accepted)) continue
    try {
      if ((await stat(join(directory, `${file}${candidate.suffix}`))).isFile()) return candidate
    } catch {
      // Not there: the next one, or the plain file.
    }
  }
  return undefined
}
