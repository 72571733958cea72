import type { Bff } from '../bff.ts'

const key = Symbol.for('coatcheck.next')

/**
 * Makes the engine at first use, and once in a process: Next.js puts a module into several bundles and loads it anew while you
 * develop, but sessions and refreshes must be held in one place. `next build` makes none, so it needs no secrets.
 */
export function once(make: () => Bff): () => Bff {
  const kept = globalThis as { [key]?: Bff }
  return () => (kept[key] ??= make())
}

type Handler = (request: Request) => Promise<Response>

/**
 * The handlers of a catch-all route (`app/bff/[...path]/route.ts`, and one for each proxied path):
 * `export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = handlers(bff)`.
 */
export function handlers(bff: () => Bff): Record<'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS', Handler> {
  const handle: Handler = (request) => bff().fetch(request)
  return { GET: handle, HEAD: handle, POST: handle, PUT: handle, PATCH: handle, DELETE: handle, OPTIONS: handle }
}

/**
 * For `proxy.ts` (Node.js `middleware.ts` before Next.js 16): pages that need a session. A page load without one goes to the
 * login and comes back, everything else gets 401, and an outage is 503. `config.matcher` says which pages.
 */
export function requireSession(bff: () => Bff): (request: Request) => Promise<Response | undefined> {
  return (request) => bff().requireSession(request)
}
