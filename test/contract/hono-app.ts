import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { coatcheck } from '../../src/adapters/hono.ts'
import { attachWebSockets } from '../../src/adapters/node.ts'
import type { Bff } from '../../src/bff.ts'
import type { Host } from './host-app.ts'

/** The host's app in Hono, on Node's objects or, without them, as on any other runtime. */
export function honoHost(name: string, lane: 'node' | 'web'): Host {
  const serve = (bff: Bff, isParserFirst: boolean) => {
    const app = new Hono()
    if (isParserFirst)
      app.use(async (c, next) => {
        if (c.req.header('content-type') === 'application/json') await c.req.text()
        await next()
      })
    app.use(coatcheck(bff))
    for (const path of ['/', '/own']) app.get(path, (c) => c.text('own page'))
    app.post('/own/echo', async (c) => c.json({ echo: await c.req.json<unknown>() }))
    const listener = getRequestListener(lane === 'node' ? app.fetch : (request) => app.fetch(request))
    const server = createServer((req, res) => void listener(req, res))
    if (lane === 'node') attachWebSockets(bff, server)
    return server
  }
  return {
    name,
    mount: (bff) => serve(bff, false),
    mountBehindParser: (bff) => serve(bff, true),
    webSockets: lane === 'node',
  }
}
