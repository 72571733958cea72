import { z } from 'zod'
import {
  headerValue,
  httpUrl,
  issuer,
  listener,
  origin,
  path,
  resource,
  scope,
  seconds,
  secret,
  storeUrl,
  text,
} from './fields.ts'
import { isTokenName } from './values.ts'

/**
 * The one table of options. Types, validation, the JSON Schema and the options page in docs/ are all made from it, so
 * an option's meaning and default stand here and nowhere else. Rules over several options are in `rules.ts`.
 */

/** 400 days, the longest that a browser keeps a cookie (RFC 6265bis section 5.5). */
const longestSession = 34_560_000

const cookieName = () =>
  text().refine((name) => name === '' || isTokenName(name), 'is not a cookie name; use letters, digits, "-" and "_"')

const provider = z.strictObject({
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

const session = z.strictObject({
  secrets: z
    .array(secret())
    .min(1, 'is an empty list; it needs at least one secret, made with: coatcheck secret')
    .describe('Server secrets: the first seals, all open. Each has at least 32 bytes of entropy; `coatcheck secret` makes one.'),
  idleTimeoutSeconds: seconds(longestSession).default(1800).describe('A session without a proxied call for this long ends.'),
  lifetimeSeconds: seconds(longestSession)
    .default(28800)
    .describe('A session ends after this time whatever is done with it. At most 400 days, the longest a cookie may live.'),
  cookie: z
    .strictObject({
      sameSite: z
        .enum(['strict', 'lax'])
        .default('strict')
        .describe('`lax` lets a link from another site open a proxied page logged in.'),
      name: cookieName()
        .optional()
        .describe(
          'Default: `__Host-Http-coatcheck`, and `coatcheck` on a loopback http origin. The login cookies are named after it.',
        ),
    })
    .prefault({})
    .describe('The session cookie. It is always HttpOnly, Secure and for Path=/ of this one host.'),
  store: z
    .discriminatedUnion('type', [
      z.strictObject({
        type: z.literal('embedded').describe('The kind of store.'),
        path: text().default('./coatcheck-data').describe('A folder on a local disk, shared by all processes of this machine.'),
      }),
      z.strictObject({ type: z.literal('memory') }),
      z.strictObject({
        type: z.literal('redis'),
        url: storeUrl(/^(redis|rediss|valkey|valkeys)(\+(sentinel|cluster))?:\/\//, 'redis://127.0.0.1:6379').describe(
          'Redis 6.2 or newer, or Valkey: `redis://`, `rediss://` for TLS, `+cluster://a,b` and `+sentinel://a,b/NAME`.',
        ),
        keyPrefix: text().default('coatcheck:').describe('What every key begins with, so that several apps can share a server.'),
        tls: z
          .strictObject({
            ca: text().optional().describe("Certificate authorities (PEM) instead of the system's."),
            cert: text().optional().describe('Client certificate (PEM).'),
            key: secret().optional().describe('Its private key (PEM).'),
            serverName: text().optional().describe('The name that the certificate must carry, where it is not the host.'),
          })
          .optional()
          .describe('TLS towards the server. Certificates are always verified.'),
        sentinelUsername: text().optional().describe('User at the sentinels, where they ask for one.'),
        sentinelPassword: secret().optional().describe('Password at the sentinels.'),
      }),
      z.strictObject({
        type: z.literal('postgres'),
        url: storeUrl(/^postgres(ql)?:\/\//, 'postgres://user:password@db.internal:5432/app').describe(
          "PostgreSQL. The server's certificate is verified unless the host is loopback or `sslmode=disable` is written.",
        ),
        listenUrl: storeUrl(/^postgres(ql)?:\/\//, 'postgres://user:password@db.internal:5432/app')
          .optional()
          .describe(
            'The server itself, where `url` leads to a pooler in transaction mode: notifications need a connection of their own.',
          ),
        schema: z
          .string()
          .regex(/^[a-z_][a-z0-9_]{0,49}$/, 'is lower-case letters, digits and "_"')
          .default('coatcheck')
          .describe('Schema of the tables, made where it is missing.'),
        poolSize: z.int().min(1).max(1000).default(10).describe('Most connections at once, without the one that listens.'),
        ca: text().optional().describe("Certificate authorities (PEM) instead of the system's."),
      }),
    ])
    .prefault({ type: 'embedded' })
    .describe(
      'Where sessions are kept: `embedded` for the processes of one machine, `redis` and `postgres` for several machines, `memory` until the process ends.',
    ),
})

const staticOrProxied = z.strictObject({
  path: path().describe('Where the route begins. The longest match wins; a path ends on a segment boundary.'),
  upstream: httpUrl().optional().describe('What stands behind: `/api/a?b=c` on path `/api/` goes to `upstream` + `a?b=c`.'),
  static: text()
    .optional()
    .describe('A folder to serve instead: an SPA, whose unknown paths without an extension answer index.html.'),
  auth: z
    .enum(['required', 'optional', 'none'])
    .optional()
    .describe(
      '`required` (default where there is an upstream), `optional`: with the token if there is a session, `none`: never (default for static).',
    ),
  methods: z
    .array(z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']))
    .min(1, 'is an empty list; name at least one, or remove the line for all methods')
    .optional()
    .describe('Allowed methods; others answer 405. GET brings HEAD. Default: all of them.'),
  require: z
    .strictObject({
      scope: z.array(scope()).default([]).describe('Scopes the session must have been granted, all of them.'),
      claims: z
        .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
        .default({})
        .describe('Claims the user must have: the same value, or a list that has it. `email` counts only when verified.'),
    })
    .optional()
    .describe('What the session must bring; else 403 `forbidden`.'),
  token: z
    .strictObject({
      resource: resource().describe("The API this route's own access token is for (RFC 8707)."),
      scope: scope().optional().describe('A narrower scope for that token.'),
    })
    .optional()
    .describe("Gives the route its own access token instead of the session's."),
  timeoutSeconds: seconds().default(30).describe("Until the upstream's response headers; then 504."),
  idleTimeoutSeconds: seconds()
    .default(900)
    .describe('A stream, upload or WebSocket in which nothing moves for this long is ended.'),
  maxBodyBytes: z.int().positive().optional().describe('Larger request bodies answer 413. Default: no limit; they are streamed.'),
  cookies: z.array(cookieName()).default([]).describe("Names of the browser's cookies that the upstream may see. Default: none."),
  cacheControl: z
    .enum(['private', 'upstream'])
    .default('private')
    .describe(
      '`private`: answers gain `private, no-store` unless the upstream says no-store itself. `upstream`: its own headers stand.',
    ),
  contentSecurityPolicy: headerValue()
    .default("base-uri 'self'; object-src 'none'; frame-ancestors 'none'")
    .describe(
      "Content-Security-Policy of a static route's pages. Make it stricter: `script-src 'self'` is what limits injected script.",
    ),
})

export const configSchema = z.strictObject({
  origin: origin().describe('The one public origin of the app, as in https://app.example.com. http only for loopback hosts.'),
  listen: listener(8080).prefault({}).describe('Where the gateway listens.'),
  admin: listener(9090)
    .optional()
    .describe('A second listener with /live, /ready and /metrics. Off where absent; keep it private.'),
  basePath: path()
    .refine((p) => !p.endsWith('/'), 'ends with "/"; write it without, as in /bff')
    .default('/bff')
    .describe("The prefix of Coatcheck's own endpoints."),
  provider: provider.describe('The OpenID provider.'),
  session: session.describe('Sessions and their cookie.'),
  csrf: z
    .strictObject({
      mode: z
        .enum(['token', 'header', 'origin'])
        .default('token')
        .describe(
          "On top of the Fetch Metadata and Origin check. `token`: unsafe methods carry the session's csrfToken; `header`: every API request carries X-CSRF: 1; `origin`: that check alone.",
        ),
      cookie: z
        .boolean()
        .default(false)
        .describe('Also give the token in an XSRF-TOKEN cookie, which Angular and axios send back by themselves.'),
    })
    .prefault({})
    .describe('Defence against cross-site request forgery.'),
  routes: z
    .array(staticOrProxied)
    .min(1, 'is an empty list; it needs at least one route')
    .describe('What stands behind Coatcheck.'),
  login: z
    .strictObject({
      parameters: z
        .array(z.enum(['prompt', 'loginHint', 'acrValues', 'maxAge', 'uiLocales']))
        .default(['prompt', 'loginHint'])
        .describe('What a link to /bff/login may set; everything else in it is ignored.'),
    })
    .prefault({})
    .describe('Logging in.'),
  logout: z
    .strictObject({
      postLogoutPath: path()
        .default('/')
        .describe('Where the provider sends the browser after logout. Register origin + this path there.'),
      idTokenHint: z
        .boolean()
        .default(false)
        .describe('Put the ID token into the logout URL. It is then readable in the browser; only for providers that insist.'),
      clearSiteData: z.boolean().default(true).describe("Have the browser drop the origin's cache and storage at logout."),
    })
    .prefault({})
    .describe('Logging out.'),
  trustedProxies: z
    .array(z.string())
    .default([])
    .describe("Addresses or CIDRs whose Forwarded and X-Forwarded-For are believed for the client's address. Empty: nobody."),
  strictTransportSecurity: headerValue()
    .default('max-age=31536000; includeSubDomains')
    .describe('Strict-Transport-Security of every answer on an https origin; empty to send none.'),
  limits: z
    .strictObject({
      headerBytes: z.int().min(4096).max(131072).default(32768).describe('Request line and headers together; more answers 431.'),
      headersTimeoutSeconds: seconds().default(20).describe('Until a client has sent its request headers.'),
      keepAliveSeconds: seconds().default(75).describe('An idle connection is kept this long: longer than common balancers do.'),
      shutdownSeconds: seconds().default(20).describe('Calls in flight may take this long after SIGTERM.'),
    })
    .prefault({})
    .describe("Limits of the gateway's listener."),
  log: z
    .strictObject({
      level: z
        .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
        .default('info')
        .describe('pino level. Nothing secret is logged at any level.'),
    })
    .prefault({})
    .describe('Logging: JSON lines on standard output.'),
})

/** The config as it is written: everything with a default may be left out. */
export type ConfigInput = z.input<typeof configSchema>
/** The config as the engine uses it: complete. */
export type Config = z.output<typeof configSchema>
export type ProviderConfig = Config['provider']
export type RouteConfig = Config['routes'][number]
