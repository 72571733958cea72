import type { Bff } from '../bff.ts'

/** The engine as an app in Next.js uses it. */
export type NextBff = Pick<Bff, 'fetch' | 'session' | 'guard' | 'requireSession'>

const key = Symbol.for('coatcheck.next')

/**
 * Makes the engine at its first use, and once in a process: Next.js puts a module into several bundles and loads it anew while
 * you develop, but sessions and refreshes must be held in one place. `next build` makes none, so it needs no secrets.
 */
export function once(make: () => Bff): NextBff {
  const kept = globalThis as { [key]?: Bff }
  const engine = (): Bff => (kept[key] ??= make())
  return {
    fetch: ((...words: Parameters<Bff['fetch']>) => engine().fetch(...words)) as Bff['fetch'],
    session: (request) => engine().session(request),
    guard: (request, proof) => engine().guard(request, proof),
    requireSession: (request) => engine().requireSession(request),
  }
}

type Handler = (request: Request) => Promise<Response>

/**
 * The handlers of a catch-all route (`app/bff/[...path]/route.ts`, and one for each proxied path):
 * `export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = handlers(bff)`.
 */
export function handlers(
  bff: Pick<Bff, 'fetch'>,
): Record<'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS', Handler> {
  // Next.js drops Content-Encoding from every answer of a handler.
  const handle: Handler = (request) => bff.fetch(request, { decode: true })
  return { GET: handle, HEAD: handle, POST: handle, PUT: handle, PATCH: handle, DELETE: handle, OPTIONS: handle }
}

/**
 * For `proxy.ts` (Node.js `middleware.ts` before Next.js 16): pages that need a session. A page load without one goes to the
 * login and comes back, everything else gets 401, and an outage is 503. `config.matcher` says which pages.
 */
export function requireSession(bff: Pick<Bff, 'requireSession'>): (request: Request) => Promise<Response | undefined> {
  return (request) => bff.requireSession(request)
}
