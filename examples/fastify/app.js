import fastifyStatic from '@fastify/static'
import { createBff } from 'coatcheck'
import { coatcheck } from 'coatcheck/fastify'
import fastify from 'fastify'
import { resolve } from 'node:path'

const bff = createBff({
  origin: '${env:ORIGIN}',
  provider: { issuer: '${env:ISSUER}', clientId: 'web-bff', clientSecret: '${env:CLIENT_SECRET}' },
  session: { secrets: ['${env:COATCHECK_SECRET}'], store: { type: 'memory' } },
  routes: [{ path: '/api/', upstream: '${env:API_URL}', token: { resource: 'https://orders.example.com' } }],
})

const app = fastify({ forceCloseConnections: true })
app.register(coatcheck, { bff })
app.get('/hello', async (request) => {
  const session = await bff.session(request.raw)
  return { hello: session?.user.name ?? 'stranger' }
})
app.register(fastifyStatic, { root: resolve('../page') })
app.addHook('preClose', async () => bff.drain())
app.addHook('onClose', () => bff.close())

await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
process.once('SIGTERM', () => app.close())
