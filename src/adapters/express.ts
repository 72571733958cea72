import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Bff } from '../bff.ts'

/** An Express request, as far as it matters here: `url` lacks the path of the router that it is in. */
export interface ExpressRequest extends IncomingMessage {
  originalUrl?: string
}

/**
 * Middleware for Express 5 and 4. Mount it ahead of body parsers: a proxied body is streamed, and one that was read before
 * is answered with an error. Paths of no route go on to the next handler. Wherever it is mounted, routes are matched
 * against the whole path.
 */
export function coatcheck(bff: Bff): (req: ExpressRequest, res: ServerResponse, next: () => void) => void {
  return (req, res, next) => {
    const inRouter = req.url ?? '/'
    req.url = req.originalUrl ?? inRouter
    bff.handle(req, res, () => {
      req.url = inRouter
      next()
    })
  }
}
