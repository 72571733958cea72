// Express with express-openid-connect and http-proxy-middleware. With REDIS_URL the session is in Redis, else in the cookie.
import { Agent } from 'node:http'
import express from 'express'
import openid from 'express-openid-connect'
import { createProxyMiddleware } from 'http-proxy-middleware'
import { client, ISSUER, PORT, scope, UPSTREAM } from './provider.mjs'

const session = { rollingDuration: 86_400, absoluteDuration: 86_400 }
if (process.env.REDIS_URL) {
  const { createClient } = await import('redis')
  const { RedisStore } = await import('connect-redis')
  const redis = createClient({ url: process.env.REDIS_URL })
  await redis.connect()
  session.store = new RedisStore({ client: redis, prefix: `express:${PORT}:` })
}
const app = express().disable('x-powered-by')
app.use(
  openid.auth({
    issuerBaseURL: ISSUER,
    baseURL: `http://127.0.0.1:${PORT}`,
    clientID: client.id,
    clientSecret: client.secret,
    clientAuthMethod: 'client_secret_basic',
    secret: 'a-long-enough-secret-for-the-session-cookie',
    authRequired: false,
    idpLogout: false,
    session,
    authorizationParams: { response_type: 'code', response_mode: 'query', scope, prompt: 'consent' },
  }),
)
// The documented way, setHeader in on.proxyReq, ends the process with ERR_HTTP_HEADERS_SENT when the agent has to queue.
function bearer(req, _res, next) {
  req.headers.authorization = `Bearer ${req.oidc.accessToken.access_token}`
  delete req.headers.cookie
  next()
}
const agent = new Agent({ keepAlive: true })
app.use('/api', openid.requiresAuth(), bearer, createProxyMiddleware({ target: `${UPSTREAM}/api`, agent }))
app.get('/', (_req, res) => res.send('ok'))
app.listen(Number(PORT), '127.0.0.1', 4096)
