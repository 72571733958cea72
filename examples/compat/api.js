import { createServer } from 'node:http'
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'

/** An API that takes access tokens. It does not know which form of the app asks. */
export async function startApi({ port, issuer, jwksUrl, audience }) {
  const keys = createRemoteJWKSet(new URL(jwksUrl))
  const server = createServer((request, response) => {
    const send = (status, body) => response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
    const answer = async () => {
      const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1]
      if (token === undefined) return send(401, { error: 'no token' })
      const { payload } = await jwtVerify(token, keys, { issuer, audience, typ: 'at+jwt', algorithms: ['RS256'] })
      return send(200, [{ id: 1, item: `espresso for ${payload.sub}` }])
    }
    answer().catch((error) => send(error instanceof errors.JOSEError ? 401 : 500, { error: 'refused' }))
  })
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  return server
}
