import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { resolveConfig } from './config/resolve.ts'
import type { Config, ConfigInput } from './config/schema.ts'
import type { GuardRules } from './guard.ts'
import { auditTo, createLog, describeError, type Logger } from './log.ts'
import { Provider } from './login/provider.ts'
import type { ProviderFetch } from './login/provider-fetch.ts'
import { Revocations } from './login/revocation.ts'
import { mostTransactions, transactionSeconds } from './login/transaction.ts'
import { noMetrics, type Metrics } from './metrics.ts'
import { FetchLane } from './fetch-lane.ts'
import { NodeLane } from './node-lane.ts'
import { clientAddressReader } from './proxy/client-address.ts'
import { Live } from './proxy/live.ts'
import { Proxy } from './proxy/proxy.ts'
import { headerOf } from './proxy/request-header.ts'
import { staticFilesOf } from './proxy/static.ts'
import { createFetch, createUpstreams } from './proxy/upstream.ts'
import { WebSockets } from './proxy/web-sockets.ts'
import { RateLimits } from './rate-limits.ts'
import { compileRoutes } from './routes.ts'
import { LoginCookies, SessionCookie } from './session/cookies.ts'
import { csrfTokenOf, isCsrfTokenOf } from './session/csrf-token.ts'
import { withOutageErrors } from './session/outage.ts'
import { Keyring } from './session/seal.ts'
import type { SessionView } from './session/session-view.ts'
import { Sessions } from './session/sessions.ts'
import { ServerSide, type RequestLike } from './server-side.ts'
import { Tokens } from './session/tokens.ts'
import { createSharedCounters, createStore } from './stores/create.ts'
import type { SessionStore } from './stores/store.ts'
import { webLane } from './web-lane.ts'

/** What can be passed instead of the built-in parts: for tests, and for hosts that bring their own. */
export interface BffParts {
  /** Epoch milliseconds. Default: `Date.now`. */
  readonly clock?: (() => number) | undefined
  /** Unpredictable bytes. Default: `crypto.randomBytes`. */
  readonly random?: ((bytes: number) => Uint8Array) | undefined
  /** For calls to the provider. Default: undici's, with verified TLS, a deadline and bounded answers. */
  readonly fetch?: typeof fetch | undefined
  /** Default: the one that `session.store` describes. */
  readonly store?: SessionStore | undefined
  /** Any pino logger. Default: JSON lines on standard output at `log.level`. */
  readonly logger?: Logger | undefined
  /** What is counted goes here. Default: nowhere; the gateway gives it to its admin listener. */
  readonly metrics?: Metrics | undefined
}

/** The options of `createBff`: the config tree, and parts. */
export type BffOptions = ConfigInput & BffParts

/** What a host knows of a web request that is not in it. */
export interface FetchAbout {
  /** Where the request comes from: the peer's address. Default: unknown. */
  readonly clientAddress?: string
  /** Gives bodies in plain, without Content-Encoding, for hosts that drop that header. Default: false, as the API coded them. */
  readonly decode?: boolean
}

/** The engine: everything is built once, at construction. */
export interface Bff {
  /**
   * The web lane, for hosts that speak `Request` and `Response`: own endpoints, proxied calls and files, by the same rules as
   * `handle`. With `next`, other paths give what that gives. Never rejects by itself.
   */
  fetch(request: Request, about?: FetchAbout): Promise<Response>
  fetch<Other>(request: Request, about: FetchAbout & { readonly next: () => Other | Promise<Other> }): Promise<Response | Other>
  /**
   * Calls an API for the session of a request, from code of the server: a path of a proxied route, or an address of its
   * upstream, with the route's token, renewed where it is due, and all its rules. Answers what the page would get, 401 and 503
   * included. CSRF is not checked again: call `guard` first where the page asked for something. Rejects with `BffError`
   * `not_found` for an address that no route leads to, and where `init.signal` aborts.
   */
  fetch(request: RequestLike, routeOrUrl: string | URL, init?: RequestInit): Promise<Response>
  /** Whose request it is; `undefined` without a session. Does not slide the idle timeout. Rejects with `store_unavailable`. */
  session(request: RequestLike): Promise<SessionView | undefined>
  /**
   * For pages of the host that need a session: `undefined` where the request has one, else the answer to give. A page load goes
   * to the login and comes back, everything else gets 401; trouble is 503. Does not slide the idle timeout. Never rejects.
   */
  requireSession(request: Request): Promise<Response | undefined>
  /**
   * CSRF, for handlers of the host: throws `BffError` `csrf_failed` where a request comes with a session cookie and does not
   * prove that the app made it. The proof is that of `csrf.mode`; a form's field `_csrf` is passed as `csrfToken`.
   */
  guard(request: RequestLike, proof?: { readonly csrfToken?: string | undefined }): void
  /**
   * The node lane: own endpoints, proxied calls and static files. With `next`, other paths are left to the host: it is called
   * before `handle` returns, or never.
   */
  handle(req: IncomingMessage, res: ServerResponse, next?: () => void): void
  /** WebSocket handshakes: pass it the server's `upgrade` event. With `next`, those of other paths are left to the host. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer, next?: () => void): void
  /** Resolves when sessions can be read and written; rejects with the reason otherwise. For readiness checks. */
  ready(): Promise<void>
  /** Tries to discover the provider ahead of the first login. Rejects where it cannot be reached. */
  discover(): Promise<void>
  /**
   * The host is about to stop: WebSockets are closed with 1001, so that their clients connect to another node, and answers that
   * have not begun close their connection.
   */
  drain(): void
  /** Ends calls in flight, timers and connections. */
  close(): Promise<void>
  readonly config: Config
  readonly log: Logger
}

/** So long a host that closes the engine waits for refreshed tokens to be stored. */
const settleMs = 5_000

/** Builds the engine. Throws `ConfigError` with every problem of the config. */
export function createBff(options: BffOptions): Bff {
  const { clock, random, fetch, store, logger, metrics, ...input } = options
  return assemble(resolveConfig(input), { clock, random, fetch, store, logger, metrics })
}

/** `createBff` for a config that is resolved already. */
export function assemble(config: Config, parts: BffParts = {}): Bff {
  const clock = parts.clock ?? Date.now
  const random = parts.random ?? randomBytes
  const log = parts.logger ?? createLog(config.log.level)
  const metrics = parts.metrics ?? noMetrics
  const audit = auditTo(log, (event) => metrics.audited(event))
  const { origin, basePath, strictTransportSecurity } = secureOrigin(config)

  const rawStore = parts.store ?? createStore(config, clock)
  const store = withOutageErrors(rawStore, {
    onDown: (error) => log.error({ event: 'store_down', error: describeError(error.cause) }, 'the session store is down'),
    onUp: () => log.info({ event: 'store_up' }, 'the session store is back'),
  })
  const keyring = new Keyring(config.session.secrets, random)
  const sessions = new Sessions({
    store,
    keyring,
    clock,
    random,
    idleTimeoutMs: config.session.idleTimeoutSeconds * 1000,
    lifetimeMs: config.session.lifetimeSeconds * 1000,
  })
  const sessionCookie = new SessionCookie(config, (id) => csrfTokenOf(keyring, id))
  const loginCookies = new LoginCookies(config, { most: mostTransactions, lifeSeconds: transactionSeconds }, random)
  const isCsrfToken = (id: string, presented: string): boolean => isCsrfTokenOf(keyring, id, presented)
  const guardRules: GuardRules = { origin, mode: config.csrf.mode, sameSite: config.session.cookie.sameSite }

  const routes = compileRoutes(config)
  const provider = new Provider({
    config: config.provider,
    redirectUri: `${origin}${basePath}/callback`,
    postLogoutRedirectUri: `${origin}${config.logout.postLogoutPath}`,
    idTokenHint: config.logout.idTokenHint,
    resources: [...new Set(config.routes.flatMap((route) => route.token?.resource ?? []))],
    fetch: parts.fetch === undefined ? providerFetch(config) : givenFetch(parts.fetch),
    clock,
  })
  const revocations = new Revocations((refreshToken) => provider.revoke(refreshToken), audit)
  const discard = (refreshToken: string): void => void revocations.start(refreshToken)
  const tokens = new Tokens({
    sessions,
    store,
    clock,
    refresh: (refreshToken, recipe) => provider.refresh(refreshToken, recipe),
    discard,
    onEvent: (session, { event, ...fields }) => {
      const error = 'cause' in fields && fields.cause !== undefined ? { cause: describeError(fields.cause) } : {}
      audit(event, { subject: session.meta.subject, ...fields, ...error })
    },
  })

  const live = new Live(sessions)
  const sharedCounters = parts.store === undefined ? createSharedCounters(config) : undefined
  const rateLimits = new RateLimits({
    login: config.login.rateLimit,
    routes: config.routes,
    hash: (text) => keyring.mac('rate-limit', text),
    shared: sharedCounters,
  })
  const endpoints = webLane({
    config,
    strictTransportSecurity,
    guardRules,
    provider,
    sessions,
    sessionCookie,
    loginCookies,
    keyring,
    store,
    live,
    rateLimits,
    revocations,
    clock,
    random,
    audit,
    metrics,
  })

  const upstreams = createUpstreams({ origins: routes.upstreamOrigins })
  const isOwnCookie = (name: string): boolean => name === sessionCookie.name || name.startsWith(loginCookies.prefix)
  const responseRules = { origin, sessionCookieName: sessionCookie.name, csrfCookie: config.csrf.cookie, strictTransportSecurity }
  const via = `1.1 coatcheck-${createHash('sha256').update(`${origin} ${config.provider.clientId}`).digest('hex').slice(0, 12)}`
  const proxy = new Proxy({
    origin,
    guardRules,
    sessionCookie,
    isOwnCookie,
    isCsrfToken,
    sessions,
    tokens,
    upstreams,
    live,
    rateLimits,
    via,
    responseRules,
    audit,
    metrics,
    log,
  })
  const webSockets = new WebSockets({ live, responseRules, log })
  const addressOf = clientAddressReader(config.trustedProxies)
  const clientAddress = (req: IncomingMessage): string => addressOf(req.socket.remoteAddress, (name) => headerOf(req, name))
  const nodeLane = new NodeLane({
    origin,
    basePath,
    strictTransportSecurity,
    routes,
    endpoints,
    proxy,
    webSockets,
    staticFiles: staticFilesOf(routes, strictTransportSecurity),
    serviceWorkers: new Set(config.serviceWorkers),
    clientAddress,
    sessionCookie,
    metrics,
    audit,
    log,
  })
  const serverSide = new ServerSide({
    origin,
    guardRules,
    routes,
    sessions,
    sessionCookie,
    csrfTokenOf: (id) => csrfTokenOf(keyring, id),
    isCsrfToken,
    audit,
  })
  const fetchLane = new FetchLane({ config, nodeLane, endpoints, serverSide, clientAddress, log })

  return {
    config,
    log,
    fetch: fetchLane.fetch,
    session: (request) => serverSide.session(request),
    requireSession: fetchLane.requireSession,
    guard: (request, proof) => serverSide.guard(request, proof?.csrfToken),
    handle: (req, res, next) => nodeLane.handle(req, res, next),
    upgrade: (req, socket, head, next) => nodeLane.upgrade(req, socket, head, next),
    ready: async () => {
      await store.check()
    },
    drain: () => {
      webSockets.close()
      upstreams.drain()
    },
    discover: () => provider.discover(),
    close: async () => {
      live.close()
      revocations.close()
      webSockets.close()
      await upstreams.destroy()
      await tokens.settle(settleMs)
      sharedCounters?.close()
      await rawStore.close()
    },
  }
}

/** Strict-Transport-Security means nothing on a loopback http origin. */
function secureOrigin({ origin, basePath, strictTransportSecurity }: Config) {
  return { origin, basePath, strictTransportSecurity: origin.startsWith('https:') ? strictTransportSecurity : '' }
}

function providerFetch({ provider }: Config): ProviderFetch {
  const { tls, timeoutSeconds } = provider
  return createFetch({ ca: tls?.ca, cert: tls?.cert?.reveal(), key: tls?.key?.reveal(), timeoutMs: timeoutSeconds * 1000 })
}

/** A host's own fetch never follows redirects of the provider either. */
function givenFetch(given: typeof fetch): ProviderFetch {
  return (url, { method = 'GET', headers = {}, body = null, signal = null } = {}) =>
    given(url, { method, headers, body, signal, redirect: 'manual' })
}
