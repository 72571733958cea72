// Hono on @hono/node-server with iron-session (tokens in a sealed cookie) and hono/proxy.
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { proxy } from 'hono/proxy'
import { getIronSession } from 'iron-session'
import { authorizeUrl, exchange, PORT, UPSTREAM } from './provider.mjs'

const options = {
  password: 'a-long-enough-secret-for-the-session-cookie',
  cookieName: 'session',
  cookieOptions: { secure: false },
}
const app = new Hono()
app.get('/login', (c) => c.redirect(authorizeUrl()))
app.get('/callback', async (c) => {
  const tokens = await exchange(c.req.query('code'))
  const response = new Response(null, { status: 302, headers: { location: '/' } })
  const session = await getIronSession(c.req.raw, response, options)
  session.tokens = { access_token: tokens.access_token, refresh_token: tokens.refresh_token }
  await session.save()
  return response
})
app.get('/', (c) => c.text('ok'))
app.all('/api/*', async (c) => {
  const { tokens } = await getIronSession(c.req.raw, new Response(), options)
  if (!tokens) return c.body(null, 401)
  const headers = { ...c.req.header(), cookie: undefined, authorization: `Bearer ${tokens.access_token}` }
  return proxy(UPSTREAM + c.req.path, { ...c.req, headers })
})
serve({ fetch: app.fetch, port: Number(PORT), hostname: '127.0.0.1' })
