import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { handlers, once } from '../../src/adapters/next.ts'
import { adapterSuite } from './adapter-suite.ts'

// The handlers as Next.js calls them: a web Request in, by method, and a Response out. Next.js itself runs in examples/next.
adapterSuite({
  name: 'Next.js route handlers',
  mount: (bff) => {
    Reflect.deleteProperty(globalThis, Symbol.for('coatcheck.next'))
    const routes = handlers(once(() => bff))
    const listener = getRequestListener(async (request) => {
      const { pathname } = new URL(request.url)
      if (/^\/(bff|api|optional|gone)(\/|$)/.test(pathname)) return routes[request.method as keyof typeof routes](request)
      if (pathname === '/own/echo') return Response.json({ echo: await request.json() })
      return pathname === '/' || pathname === '/own' ? new Response('own page') : new Response('not here', { status: 404 })
    })
    return createServer((req, res) => void listener(req, res))
  },
  webSockets: false,
  decodes: true,
})
