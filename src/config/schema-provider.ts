import { z } from 'zod'
import { issuer, scope, seconds, secret, text } from './fields.ts'

/** The options under `provider`. */
export const provider = z.strictObject({
  issuer: issuer().describe(
    'The issuer of the OpenID provider, exactly as its metadata names it. Discovered at first use; the process starts without it.',
  ),
  clientId: text().describe('The client id registered at the provider.'),
  clientSecret: secret().optional().describe('The client secret, for the client_secret_* methods.'),
  clientKey: secret().optional().describe('A private key (PEM in PKCS#8, or a JWK as JSON), for private_key_jwt.'),
  clientKeyId: text().optional().describe('The `kid` of clientKey, where the provider needs it.'),
  clientAuth: z
    .enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'])
    .default('client_secret_basic')
    .describe('How Coatcheck, a confidential client, authenticates at the provider.'),
  tls: z
    .strictObject({
      cert: secret().optional().describe('Client certificate (PEM), for tls_client_auth.'),
      key: secret().optional().describe('Its private key (PEM).'),
      ca: text()
        .optional()
        .describe("Certificate authorities (PEM) that the provider's certificate is checked against instead of the system's."),
    })
    .optional()
    .describe('TLS towards the provider. Certificates are always verified.'),
  scope: scope()
    .refine((scopes) => scopes.split(' ').includes('openid'), 'lacks "openid", without which there is no login; add it')
    .default('openid profile offline_access')
    .describe('Scopes to ask for. `offline_access` is what most providers give a refresh token for.'),
  authorizationParameters: z
    .record(z.string(), z.string())
    .default({})
    .describe("Fixed extra parameters of the authorization request, such as Auth0's `audience`."),
  responseMode: z
    .enum(['query', 'form_post'])
    .default('query')
    .describe('How the provider sends its answer. form_post needs SameSite=None on the login cookie, which is set so then.'),
  userInfo: z
    .boolean()
    .default(true)
    .describe("Ask the userinfo endpoint once at login, where the provider has one, and add its claims to the user's."),
  idTokenAlgorithms: z
    .array(z.enum(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']))
    .min(1, 'is an empty list; name at least one, or remove the line for the default')
    .default(['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'])
    .describe('Signature algorithms accepted on ID tokens and logout tokens. `none` and HMAC cannot be chosen.'),
  acceptUntypedLogoutTokens: z
    .boolean()
    .default(false)
    .describe('Accept back-channel logout tokens whose `typ` is not `logout+jwt`, as older providers send them.'),
  timeoutSeconds: seconds().default(10).describe('For each call to the provider.'),
  dangerouslyAllowPlainHttp: z
    .boolean()
    .default(false)
    .describe(
      'Talk to a provider over plain http on a host that is not loopback. Tokens and the client secret are readable on the way.',
    ),
})
