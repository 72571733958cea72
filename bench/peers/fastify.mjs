// Fastify with @fastify/secure-session (tokens in a sealed cookie) and @fastify/reply-from.
import replyFrom from '@fastify/reply-from'
import secureSession from '@fastify/secure-session'
import fastify from 'fastify'
import { authorizeUrl, exchange, PORT, UPSTREAM } from './provider.mjs'

const app = fastify({ keepAliveTimeout: 600_000, bodyLimit: 1 << 30 })
app.removeAllContentTypeParsers()
app.addContentTypeParser('*', (_req, payload, done) => done(null, payload))
const cookie = { path: '/', httpOnly: true, secure: false, sameSite: 'lax' }
await app.register(secureSession, { key: Buffer.alloc(32, 7), cookie, expiry: 86_400 })
await app.register(replyFrom, { base: UPSTREAM, undici: { connections: 64, pipelining: 1 } })
app.get('/login', (_req, reply) => reply.redirect(authorizeUrl()))
app.get('/callback', async (req, reply) => {
  const tokens = await exchange(req.query.code)
  // A cookie holds 4 KB: it keeps only what the proxy needs.
  req.session.set('tokens', { access_token: tokens.access_token, refresh_token: tokens.refresh_token })
  return reply.redirect('/')
})
app.get('/', () => 'ok')
app.all('/api/*', (req, reply) => {
  const tokens = req.session.get('tokens')
  if (!tokens) return reply.code(401).send()
  return reply.from(req.raw.url, {
    rewriteRequestHeaders: (_req, { cookie: _cookie, ...headers }) => ({
      ...headers,
      authorization: `Bearer ${tokens.access_token}`,
    }),
  })
})
await app.listen({ port: Number(PORT), host: '127.0.0.1', backlog: 4096 })
