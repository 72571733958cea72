import { serve } from '@hono/node-server'
import { serveStatic } from '@hono/node-server/serve-static'
import { createBff } from 'coatcheck'
import { coatcheck } from 'coatcheck/hono'
import { attachWebSockets } from 'coatcheck/node'
import { Hono } from 'hono'

const bff = createBff({
  origin: '${env:ORIGIN}',
  provider: { issuer: '${env:ISSUER}', clientId: 'web-bff', clientSecret: '${env:CLIENT_SECRET}' },
  session: { secrets: ['${env:COATCHECK_SECRET}'], store: { type: 'memory' } },
  routes: [{ path: '/api/', upstream: '${env:API_URL}', token: { resource: 'https://orders.example.com' } }],
})

const app = new Hono()
app.use(coatcheck(bff)) // ahead of whatever reads bodies
app.get('/hello', async (c) => {
  const session = await bff.session(c.req.raw)
  return c.json({ hello: session?.user.name ?? 'stranger' })
})
app.use('/*', serveStatic({ root: '../page' }))

const server = serve({ fetch: app.fetch, port: Number(process.env.PORT), hostname: '127.0.0.1' })
attachWebSockets(bff, server)

process.once('SIGTERM', () => {
  bff.drain()
  server.close(() => bff.close())
  server.closeAllConnections()
})
