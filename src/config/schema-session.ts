import { z } from 'zod'
import { cookieName, seconds, secret, storeUrl, text } from './fields.ts'

/** 400 days, the longest that a browser keeps a cookie (RFC 6265bis section 5.5). */
const longestSession = 34_560_000

/** The options under `session`. */
export const session = z.strictObject({
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
