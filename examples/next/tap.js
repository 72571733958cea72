import { createServer, request as httpRequest } from 'node:http'
import { gzipSync } from 'node:zlib'

/** Stands before the API, notes the tokens that come by, and plays some APIs that stream. */
export async function startTap(apiPort) {
  const tokens = []
  let onGone = () => undefined
  let onBytes = () => undefined
  const server = createServer((request, response) => {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]
    if (token !== undefined) tokens.push(token)
    if (request.url === '/tap/stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: one\n\n')
      response.once('close', () => onGone())
    } else if (request.url === '/tap/upload') {
      request.once('data', (chunk) => onBytes(String(chunk)))
      request.pipe(response)
    } else if (request.url === '/tap/odd') {
      const headers = { 'content-encoding': 'gzip', 'set-cookie': ['theme=dark; Path=/', 'lang=de; Path=/'] }
      response.writeHead(202, headers).end(gzipSync('compressed'))
    } else {
      const { method, url, headers } = request
      const passed = httpRequest({ host: '127.0.0.1', port: apiPort(), method, path: url, headers, agent: false }, (answer) => {
        response.writeHead(answer.statusCode, answer.headers)
        answer.pipe(response)
      })
      passed.on('error', () => response.destroy())
      request.pipe(passed)
    }
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    tokens,
    gone: () => new Promise((resolve) => (onGone = resolve)),
    nextBytes: () => new Promise((resolve) => (onBytes = resolve)),
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
