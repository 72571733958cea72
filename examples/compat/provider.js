import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { Provider } from 'oidc-provider'

/**
 * A provider with the public client of the original page and the confidential one of Coatcheck, and with the paths that the
 * library of the app goes to. Any name logs in, with any password.
 */
export async function startProvider({ port, issuerPath = '', routes = {}, original, moved, clientSecret }) {
  const issuer = `http://127.0.0.1:${port}${issuerPath}`
  const mount = issuerPath.replace(/\/$/, '')
  const audience = 'https://api.example.com'
  const roles = { realm_access: { roles: ['clerk'] }, resource_access: { 'orders-spa': { roles: [] } } }
  const nameOf = (sub) => `${sub[0].toUpperCase()}${sub.slice(1)}`
  const provider = new Provider(issuer, {
    routes,
    clients: [
      {
        client_id: 'orders-spa',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: [`${original}/`, `${original}/orders`, `${original}/callback`],
        post_logout_redirect_uris: [`${original}/`],
      },
      {
        client_id: 'orders-bff',
        client_secret: clientSecret,
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: [`${moved}/bff/callback`],
        post_logout_redirect_uris: [`${moved}/`],
      },
    ],
    claims: { openid: ['sub', 'realm_access', 'resource_access'], profile: ['name'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub, name: nameOf(sub), ...roles }) }),
    // As Keycloak does: roles and name are also in the access token, where keycloak-js reads them.
    extraTokenClaims: (_ctx, token) => ({ name: nameOf(token.accountId), ...roles }),
    // Nobody is asked for consent: it is the team's own app.
    async loadExistingGrant(ctx) {
      const { session, client } = ctx.oidc
      const grant = new ctx.oidc.provider.Grant({ accountId: session.accountId, clientId: client.clientId })
      grant.addOIDCScope('openid profile offline_access')
      grant.addResourceScope(audience, 'api')
      await grant.save()
      return grant
    },
    issueRefreshToken: () => true,
    // Only the original page fetches tokens from another origin.
    clientBasedCORS: (_ctx, from) => from === original,
    features: {
      devInteractions: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      resourceIndicators: {
        enabled: true,
        // The page's client gets tokens for the API without asking; Coatcheck asks for them by name (RFC 8707).
        defaultResource: (_ctx, client) => (client.clientId === 'orders-spa' ? audience : undefined),
        useGrantedResource: (ctx) => ctx.oidc.client.clientId === 'orders-spa',
        getResourceServerInfo: () => ({ scope: 'api', audience, accessTokenFormat: 'jwt', accessTokenTTL: 300 }),
      },
    },
  })
  // As Keycloak's are: keycloak-js reads its refresh token.
  const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  provider.RefreshToken.prototype.generateTokenId = () =>
    `${encoded({ alg: 'HS512', typ: 'JWT' })}.${encoded({ typ: 'Refresh', iss: issuer })}.${randomBytes(64).toString('base64url')}`
  // As Keycloak does: keycloak-js fetches tokens with cookies.
  provider.use(async (ctx, next) => {
    await next()
    if (ctx.get('Origin') === original) ctx.set('Access-Control-Allow-Credentials', 'true')
  })
  const answer = provider.callback()
  const server = createServer((request, response) => {
    // Auth0 has another name for it.
    if (request.url.startsWith('/v2/logout')) request.url = request.url.replace('returnTo=', 'post_logout_redirect_uri=')
    request.originalUrl = request.url
    request.url = request.url.slice(request.url.startsWith(mount) ? mount.length : 0)
    return answer(request, response)
  })
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  return { issuer, audience, server, jwksUrl: `http://127.0.0.1:${port}${mount}/jwks` }
}
