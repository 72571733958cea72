import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Bff } from '../bff.ts'
import { attachWebSockets } from './node.ts'

/** What is needed of a Fastify instance. Its own types let `server` and `raw` be of any kind; here they are HTTP/1.1's. */
export interface FastifyHost {
  readonly server: object
  addHook(name: 'onRequest', hook: OnRequest): unknown
}

type OnRequest = (request: { readonly raw: object }, reply: { readonly raw: object; hijack(): unknown }, done: () => void) => void

/** Options of the plugin. */
export interface CoatcheckOptions {
  readonly bff: Bff
}

/** A plugin in the form with a callback. */
export type CoatcheckPlugin = (app: FastifyHost, options: CoatcheckOptions, done: (error?: Error) => void) => void

const plugin: CoatcheckPlugin = (app, { bff }, done) => {
  app.addHook('onRequest', (request, reply, next) => {
    let isOurs = true
    bff.handle(request.raw as IncomingMessage, reply.raw as ServerResponse, () => {
      isOurs = false
      next()
    })
    if (isOurs) reply.hijack()
  })
  attachWebSockets(bff, app.server as Server)
  done()
}

/**
 * A plugin for Fastify 5, for the whole instance: `app.register(coatcheck, { bff })`. It stands ahead of body parsing. Requests
 * for paths of no route go on to Fastify's own routes. WebSockets of proxied routes pass.
 */
export const coatcheck: CoatcheckPlugin = Object.assign(plugin, {
  // What fastify-plugin does: the hook is for routes outside of the plugin too.
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'coatcheck',
})
