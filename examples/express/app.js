import { createServer } from 'node:http'
import { coatcheck } from 'coatcheck/express'
import { attachWebSockets } from 'coatcheck/node'
import { createBff } from 'coatcheck'
import express from 'express'

const bff = createBff({
  origin: '${env:ORIGIN}',
  provider: { issuer: '${env:ISSUER}', clientId: 'web-bff', clientSecret: '${env:CLIENT_SECRET}' },
  session: { secrets: ['${env:COATCHECK_SECRET}'], store: { type: 'memory' } },
  routes: [{ path: '/api/', upstream: '${env:API_URL}', token: { resource: 'https://orders.example.com' } }],
})

const app = express()
// Ahead of body parsers: the bodies of proxied calls are streamed.
app.use(coatcheck(bff))
app.use(express.json())
app.get('/hello', async (req, res) => {
  const session = await bff.session(req)
  res.json({ hello: session?.user.name ?? 'stranger' })
})
app.use(express.static('../page'))

const server = createServer(app)
attachWebSockets(bff, server)
server.listen(Number(process.env.PORT), '127.0.0.1')

process.once('SIGTERM', () => {
  bff.drain()
  server.close(() => bff.close())
  server.closeAllConnections()
})
