import { z } from 'zod'
import { headerValue, listener, origin, path, seconds, secret, text } from './fields.ts'
import { provider } from './schema-provider.ts'
import { route } from './schema-route.ts'
import { session } from './schema-session.ts'

/**
 * The one table of options, in this file and its parts `schema-*.ts`. Types, validation, the JSON Schema and the options
 * page in docs/ are all made from it, so an option's meaning and default stand here and nowhere else. Rules over several
 * options are in `rules.ts`.
 */
export const configSchema = z.strictObject({
  origin: origin().describe('The one public origin of the app, as in https://app.example.com. http only for loopback hosts.'),
  listen: listener(8080).prefault({}).describe('Where the gateway listens.'),
  admin: listener(9090)
    .optional()
    .describe('A second listener with /live, /ready and /metrics. Off where absent; keep it private.'),
  tls: z
    .strictObject({
      cert: text().describe(
        'The certificate with its chain: a file, which is read again when it changes, or PEM, as ${file:...} gives it once.',
      ),
      key: secret().describe('Its private key, likewise.'),
    })
    .optional()
    .describe('TLS 1.2 or newer, and with it HTTP/2, on `listen`. Absent: plain HTTP/1.1, for a front server that ends TLS.'),
  workers: z
    .union([z.literal('auto'), z.int().min(1).max(256)], 'write a whole number from 1 to 256, or auto')
    .optional()
    .describe(
      'How many processes serve, under a supervisor that restarts them and reloads the config on SIGHUP; `auto` is one per core. Absent: one process and no supervisor. `coatcheck serve --workers` stands over it.',
    ),
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
  routes: z.array(route).min(1, 'is an empty list; it needs at least one route').describe('What stands behind Coatcheck.'),
  login: z
    .strictObject({
      parameters: z
        .array(z.enum(['prompt', 'loginHint', 'acrValues', 'maxAge', 'uiLocales']))
        .default(['prompt', 'loginHint'])
        .describe('What a link to /bff/login may set; everything else in it is ignored.'),
      rateLimit: z
        .strictObject({
          requests: z
            .int()
            .min(0)
            .max(1_000_000_000)
            .default(6000)
            .describe('So many requests to the login and the callback from one address (IPv6: one /64); 0 for no limit.'),
          perSeconds: seconds(86_400).default(60).describe('In so many seconds, at most a day.'),
        })
        .prefault({})
        .describe('Who is over it gets 429 with Retry-After. Each process counts by itself, unless the session store is Redis.'),
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
      frontChannel: z
        .boolean()
        .default(false)
        .describe(
          "Answer `/bff/frontchannel-logout`, which the provider's logout page loads in a frame. The call is not signed; back-channel logout is better where the provider has it.",
        ),
      clearSiteData: z.boolean().default(true).describe("Have the browser drop the origin's cache and storage at logout."),
    })
    .prefault({})
    .describe('Logging out.'),
  trustedProxies: z
    .array(z.string())
    .default([])
    .describe("Addresses or CIDRs whose Forwarded and X-Forwarded-For are believed for the client's address. Empty: nobody."),
  serviceWorkers: z
    .array(path())
    .default([])
    .describe(
      'Scripts that browsers may install as service workers, by their whole paths. Empty: none, so that injected script cannot install one that stays and sees every login.',
    ),
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
