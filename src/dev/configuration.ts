import type { ClientMetadata, Configuration, JWK, interactionPolicy } from 'oidc-provider'
import type { DevClient, DevResource } from './clients.ts'
import { createMemoryAdapter } from './memory-adapter.ts'
import { problemPage, signedOutPage, signOutPage } from './pages.ts'
import type { DevUser } from './users.ts'

/** What the rules of the local provider are made from. */
export interface DevProviderRules {
  readonly issuer: string
  readonly clients: readonly DevClient[]
  readonly users: readonly DevUser[]
  readonly resources: readonly DevResource[]
  readonly accessTokenTtlSeconds: number
  readonly signingKey: JWK
  readonly cookieKey: string
  readonly promptPolicy: interactionPolicy.DefaultPolicy
  /** For the pages made here. */
  readonly contentSecurityPolicy: string
}

/** Scopes that OpenID Connect itself knows; everything else belongs to an API. */
export const openidScopes = ['openid', 'offline_access', 'profile', 'email', 'roles'] as const

const dayInSeconds = 24 * 60 * 60

/** oidc-provider's configuration: code flow with PKCE, rotating refresh tokens, a JWT per API, and no consent page. */
export function providerConfiguration(rules: DevProviderRules): Configuration {
  const { issuer, users, resources, accessTokenTtlSeconds } = rules
  const findUser = (sub: string | undefined) => users.find((user) => user.sub === sub)
  const findResource = (uri: string) => resources.find((resource) => resource.uri === uri)
  return {
    adapter: createMemoryAdapter(),
    clients: rules.clients.map(clientMetadata),
    jwks: { keys: [rules.signingKey] },
    cookies: { keys: [rules.cookieKey] },
    responseTypes: ['code'],
    pkce: { required: () => true },
    scopes: openidScopes,
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username', 'roles'],
      email: ['email', 'email_verified'],
      roles: ['roles'],
    },
    // Claims in the ID token as well as at the userinfo endpoint, as most providers do.
    conformIdTokenClaims: false,
    interactions: { policy: rules.promptPolicy, url: (_ctx, interaction) => `/sign-in/${interaction.uid}` },

    findAccount(_ctx, sub) {
      const user = findUser(sub)
      return user && { accountId: user.sub, claims: () => userClaims(user) }
    },
    extraTokenClaims(_ctx, token) {
      const user = 'accountId' in token ? findUser(token.accountId) : undefined
      return user && { roles: user.roles }
    },

    // Each login gets a grant of its own, so that the reuse of one refresh token ends one login and not all of them.
    async loadExistingGrant(ctx) {
      const { client, session, provider } = ctx.oidc
      const user = findUser(session?.accountId)
      if (client === undefined || user === undefined) return undefined
      const grant = new provider.Grant({ accountId: user.sub, clientId: client.clientId })
      grant.addOIDCScope(openidScopes.join(' '))
      for (const { uri, scopes } of resources) {
        const granted = scopes.filter((scope) => user.scopes?.includes(scope) ?? true)
        const refused = scopes.filter((scope) => !granted.includes(scope))
        if (granted.length > 0) grant.addResourceScope(uri, granted.join(' '))
        if (refused.length > 0) grant.rejectResourceScope(uri, refused.join(' '))
      }
      await grant.save()
      return grant
    },

    // offline_access alone would need prompt=consent (OpenID Connect Core section 11), which nobody here is asked for.
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    // Offline access outlives the provider's own session: a BFF that forgets to revoke at logout can be caught here.
    expiresWithSession: () => false,
    rotateRefreshToken: true,
    ttl: {
      AccessToken: accessTokenTtlSeconds,
      AuthorizationCode: 60,
      IdToken: 3600,
      Interaction: 3600,
      RefreshToken: 14 * dayInSeconds,
      Grant: 14 * dayInSeconds,
      Session: 14 * dayInSeconds,
    },

    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      userinfo: { enabled: true },
      backchannelLogout: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_ctx, _client, oneOf) => oneOf ?? [],
        useGrantedResource: () => false,
        getResourceServerInfo(_ctx, uri) {
          const resource = findResource(uri)
          // An API nobody configured has no scopes: the request goes on, and its tokens allow nothing.
          return {
            audience: uri,
            scope: resource?.scopes.join(' ') ?? '',
            accessTokenTTL: accessTokenTtlSeconds,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'RS256' } },
          }
        },
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource(ctx, form) {
          const xsrf = /name="xsrf" value="([^"]*)"/.exec(form)?.[1] ?? ''
          const confirmed = ctx.oidc.client !== undefined && typeof ctx.oidc.params?.['post_logout_redirect_uri'] === 'string'
          ctx.set('Content-Security-Policy', rules.contentSecurityPolicy)
          ctx.body = signOutPage(issuer, new URL(ctx.oidc.urlFor('end_session_confirm')).pathname, xsrf, confirmed)
        },
        postLogoutSuccessSource(ctx) {
          ctx.set('Content-Security-Policy', rules.contentSecurityPolicy)
          ctx.body = signedOutPage(issuer)
        },
      },
    },
    renderError(ctx, out) {
      ctx.type = 'html'
      ctx.set('Content-Security-Policy', rules.contentSecurityPolicy)
      ctx.body = problemPage(issuer, out.error, out.error_description)
    },
    clientBasedCORS: () => false,
    // oidc-provider's own dispatcher refuses loopback addresses, and everything here is on loopback.
    fetch(url, init) {
      const { dispatcher: _dispatcher, ...rest }: RequestInit & { dispatcher?: unknown } = init ?? {}
      return fetch(url, rest)
    },
  }
}

function clientMetadata(client: DevClient): ClientMetadata {
  return {
    client_id: client.clientId,
    client_secret: client.clientSecret,
    client_name: client.name ?? client.clientId,
    token_endpoint_auth_method: 'client_secret_basic',
    application_type: 'web',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    redirect_uris: client.redirectUris,
    post_logout_redirect_uris: client.postLogoutRedirectUris ?? [],
    ...(client.backchannelLogoutUri !== undefined && {
      backchannel_logout_uri: client.backchannelLogoutUri,
      backchannel_logout_session_required: true,
    }),
  }
}

function userClaims(user: DevUser) {
  return {
    sub: user.sub,
    name: user.name,
    preferred_username: user.sub,
    email: user.email,
    email_verified: true,
    roles: [...user.roles],
  }
}
