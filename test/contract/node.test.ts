import { createServer, type IncomingMessage } from 'node:http'
import { attachWebSockets } from '../../src/adapters/node.ts'
import { adapterSuite } from './adapter-suite.ts'

const textOf = async (req: IncomingMessage): Promise<string> => {
  let text = ''
  for await (const chunk of req) text += String(chunk)
  return text
}

adapterSuite({
  name: 'plain Node',
  mount: (bff) => {
    const server = createServer((req, res) =>
      bff.handle(req, res, () => {
        const path = (req.url ?? '').split('?')[0]
        if (req.method === 'POST' && path === '/own/echo')
          void textOf(req).then((text) => res.end(JSON.stringify({ echo: JSON.parse(text) as unknown })))
        else res.writeHead(path === '/' || path === '/own' ? 200 : 404).end('own page')
      }),
    )
    attachWebSockets(bff, server)
    return server
  },
  webSockets: true,
})
