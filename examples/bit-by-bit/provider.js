import { createServer } from 'node:http'
import { Provider } from 'oidc-provider'

/**
 * The team's provider, with both clients of the app: the public one of the page, as it always was, and the confidential
 * one of Coatcheck, which is new. Any name logs in, with any password.
 */
export async function startProvider({ port, origin, clientSecret }) {
  const issuer = `http://127.0.0.1:${port}`
  const audience = 'https://api.example.com'
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'orders-spa',
        token_endpoint_auth_method: 'none',
        redirect_uris: [`${origin}/`],
        post_logout_redirect_uris: [`${origin}/`],
      },
      {
        client_id: 'orders-bff',
        client_secret: clientSecret,
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: [`${origin}/bff/callback`],
        post_logout_redirect_uris: [`${origin}/`],
      },
    ],
    claims: { openid: ['sub'], profile: ['name'], email: ['email'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    findAccount: (_ctx, sub) => ({
      accountId: sub,
      claims: () => ({ sub, name: `${sub[0].toUpperCase()}${sub.slice(1)}`, email: `${sub}@example.com` }),
    }),
    // Nobody is asked for consent: it is the team's own app.
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({
        accountId: ctx.oidc.session.accountId,
        clientId: ctx.oidc.client.clientId,
      })
      grant.addOIDCScope('openid profile email offline_access')
      grant.addResourceScope(audience, 'api')
      await grant.save()
      return grant
    },
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    // Only the page of the app may fetch tokens from another origin.
    clientBasedCORS: (_ctx, from) => from === origin,
    features: {
      devInteractions: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      resourceIndicators: {
        enabled: true,
        // The page's old client gets tokens for the API without asking; Coatcheck asks for them by name (RFC 8707).
        defaultResource: (_ctx, client) => (client.clientId === 'orders-spa' ? audience : undefined),
        useGrantedResource: (ctx) => ctx.oidc.client.clientId === 'orders-spa',
        getResourceServerInfo: () => ({ scope: 'api', audience, accessTokenFormat: 'jwt', accessTokenTTL: 300 }),
      },
    },
  })
  const server = createServer(provider.callback())
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  return { issuer, audience, server }
}
