import fastify from 'fastify'
import { coatcheck } from '../../src/adapters/fastify.ts'
import { adapterSuite } from './adapter-suite.ts'

adapterSuite({
  name: 'Fastify',
  mount: async (bff) => {
    const app = fastify()
    app.register(coatcheck, { bff })
    for (const path of ['/', '/own']) app.get(path, (_request, reply) => reply.type('text/plain').send('own page'))
    app.post('/own/echo', (request) => ({ echo: request.body }))
    await app.ready()
    return app.server
  },
  webSockets: true,
})
