import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Bff } from '../bff.ts'

/** What is needed of a Hono context. On `@hono/node-server`, `env` has Node's own objects. */
export interface HonoContext {
  readonly req: { readonly raw: Request }
  readonly env: unknown
}

/**
 * Middleware for Hono 4. On `@hono/node-server` requests take the node lane: mount it ahead of whatever reads bodies. On every
 * other runtime they take the web lane. Paths of no route go on to the next handler.
 */
export function coatcheck(bff: Bff): (c: HonoContext, next: () => Promise<void>) => Promise<Response | void> {
  return (c, next) => {
    const { incoming, outgoing } = onNode(c.env) ?? {}
    if (incoming === undefined || outgoing === undefined) return bff.fetch(c.req.raw, { next })
    let others: Promise<void> | undefined
    bff.handle(incoming, outgoing, () => {
      others = next()
    })
    return others ?? Promise.resolve(alreadySent())
  }
}

/** Tells the server that Node's own response is being written. It looks for that on real Responses only, as clones are. */
function alreadySent(): Response {
  return new Response(null, { headers: { 'x-hono-already-sent': 'true' } }).clone()
}

function onNode(env: unknown): { incoming: IncomingMessage; outgoing: ServerResponse } | undefined {
  const bindings = env as { incoming?: IncomingMessage; outgoing?: ServerResponse } | undefined
  const { incoming, outgoing } = bindings ?? {}
  return incoming?.rawHeaders === undefined || outgoing === undefined ? undefined : { incoming, outgoing }
}
