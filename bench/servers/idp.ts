import { generateKeyPairSync } from 'node:crypto'
import { Provider } from 'oidc-provider'

/**
 * The provider that every target logs in at: `oidc-provider` with its development pages, JWT access tokens of about 800
 * bytes and refresh tokens, as a real deployment would have. PORT, REDIRECT_URIS as a JSON list, and CLAIM_BYTES, by which a
 * claim makes ID tokens larger, come from the environment.
 */
const port = Number(process.env['PORT'])
const issuer = `http://127.0.0.1:${port}`
const day = 86_400
const claimBytes = Number(process.env['CLAIM_BYTES'] ?? 0)
const api = 'https://api.example.test'

const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'bench',
      client_secret: 'bench-secret-bench-secret-bench-secret',
      redirect_uris: JSON.parse(process.env['REDIRECT_URIS'] ?? '[]') as string[],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
    },
  ],
  jwks: { keys: [{ ...key, use: 'sig', alg: 'RS256', kid: 'bench' }] },
  cookies: { keys: ['bench'] },
  scopes: ['openid', 'offline_access', 'profile', 'email', 'api:read', 'api:write'],
  claims: {
    openid: ['sub'],
    profile: ['name', 'given_name', 'family_name', 'preferred_username', 'picture', 'locale'],
    email: ['email', 'email_verified'],
  },
  // There is no userinfo endpoint here: the ID token has all claims.
  conformIdTokenClaims: false,
  pkce: { required: () => false },
  ttl: { AccessToken: day, IdToken: day, Session: day, Grant: day, RefreshToken: day, Interaction: 3600 },
  features: {
    devInteractions: { enabled: true },
    userinfo: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => api,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'api:read api:write',
        audience: api,
        accessTokenFormat: 'jwt',
        accessTokenTTL: day,
      }),
    },
  },
  extraTokenClaims: () => ({
    tenant: 'acme-corporation',
    roles: ['reader', 'editor', 'billing-admin'],
    email: 'ada@example.test',
  }),
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      name: 'Ada Lovelace',
      given_name: 'Ada',
      family_name: 'Lovelace',
      preferred_username: 'ada',
      picture: 'https://img.example.test/ada.png',
      locale: 'en',
      email: 'ada@example.test',
      email_verified: true,
      ...(claimBytes > 0 ? { picture: `https://img.example.test/${'a'.repeat(claimBytes)}` } : {}),
    }),
  }),
})
provider.listen(port, '127.0.0.1')
