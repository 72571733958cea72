import { createServer, type Server } from 'node:http'
import type { Express, RequestHandler } from 'express'
import { coatcheck } from '../../src/adapters/express.ts'
import { attachWebSockets } from '../../src/adapters/node.ts'
import type { Bff } from '../../src/bff.ts'
import type { Host } from './host-app.ts'

/** The host's app in Express; which Express, and whether Coatcheck stands in the routers of some paths, is the caller's choice. */
export function expressHost(
  name: string,
  express: { (): Express; json(): RequestHandler },
  inRouters: readonly string[] = [],
): Host {
  const serve = (bff: Bff, isParserFirst: boolean): Server => {
    const app = express()
    if (isParserFirst) app.use(express.json())
    if (inRouters.length === 0) app.use(coatcheck(bff))
    else app.use([...inRouters], coatcheck(bff))
    app.use(express.json())
    app.get(['/', '/own'], (_req, res) => void res.type('text').send('own page'))
    app.post('/own/echo', (req, res) => void res.json({ echo: req.body as unknown }))
    const server = createServer(app)
    attachWebSockets(bff, server)
    return server
  }
  return { name, mount: (bff) => serve(bff, false), mountBehindParser: (bff) => serve(bff, true), webSockets: true }
}
