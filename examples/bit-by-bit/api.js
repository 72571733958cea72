import { createServer } from 'node:http'
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'

/** The team's API: orders are new, reports are old, both take access tokens, and pages of the app's origin may call it. */
export async function startApi({ port, issuer, audience, origin }) {
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`))
  const orders = new Map()
  const reports = [
    { id: 1, title: 'Sales' },
    { id: 2, title: 'Returns' },
  ]

  const answer = async (request, send) => {
    const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1]
    if (token === undefined) return send(401, { error: 'no token' })
    const { payload } = await jwtVerify(token, keys, { issuer, audience, typ: 'at+jwt', algorithms: ['RS256'] })
    const own = orders.get(payload.sub) ?? []
    switch (`${request.method} ${request.url}`) {
      case 'GET /new/orders':
        return send(200, own)
      case 'POST /new/orders': {
        const order = { id: own.length + 1, item: String(JSON.parse(await textOf(request)).item) }
        orders.set(payload.sub, [...own, order])
        return send(201, order)
      }
      case 'GET /old/reports':
        return send(200, reports)
      case 'GET /old/reports/1.csv':
        return send(200, `month,sold to ${payload.sub}\nMay,17\n`)
      default:
        return send(404, { error: 'not found' })
    }
  }

  const server = createServer((request, response) => {
    response.setHeader('Access-Control-Allow-Origin', origin)
    response.setHeader('Access-Control-Allow-Headers', 'authorization, content-type')
    if (request.method === 'OPTIONS') return response.writeHead(204).end()
    const send = (status, body) =>
      response
        .writeHead(status, { 'Content-Type': typeof body === 'string' ? 'text/csv' : 'application/json' })
        .end(typeof body === 'string' ? body : JSON.stringify(body))
    return answer(request, send).catch((error) => send(error instanceof errors.JOSEError ? 401 : 500, { error: 'refused' }))
  })
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  return server
}

async function textOf(request) {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  return text
}
