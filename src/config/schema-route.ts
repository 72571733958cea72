import { z } from 'zod'
import { cookieName, headerValue, httpUrl, path, resource, scope, seconds, text } from './fields.ts'

/** The options of one entry of `routes`: to an upstream or to files; `rules.ts` sees to it that it is one of the two. */
export const route = z.strictObject({
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
  rateLimits: z
    .array(
      z.strictObject({
        requests: z.int().min(1).max(1_000_000_000).describe('So many calls; those beyond answer 429 with Retry-After.'),
        perSeconds: seconds(86_400).default(60).describe('In so many seconds, at most a day.'),
        by: z
          .enum(['address', 'session', 'route'])
          .default('session')
          .describe(
            "What is counted by itself: `address` (the client's; IPv6 by its /64), `session` (without one, the address), or the whole `route`.",
          ),
      }),
    )
    .optional()
    .describe('Limits that all have to hold. Each process counts by itself, unless the session store is Redis. Default: none.'),
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
