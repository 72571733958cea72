import type { Config } from './config/schema.ts'
import { Endpoints } from './endpoints.ts'
import type { GuardRules } from './guard.ts'
import type { Audit } from './log.ts'
import { backchannelLogout } from './login/backchannel-logout.ts'
import { frontchannelLogout } from './login/frontchannel-logout.ts'
import { Callback } from './login/callback.ts'
import { landing, loginError, popupDone } from './login/pages.ts'
import type { Provider } from './login/provider.ts'
import type { Revocations } from './login/revocation.ts'
import { loginStart } from './login/start.ts'
import { Transactions } from './login/transaction.ts'
import type { Metrics } from './metrics.ts'
import type { Live } from './proxy/live.ts'
import type { RateLimits } from './rate-limits.ts'
import type { LoginCookies, SessionCookie } from './session/cookies.ts'
import { csrfTokenOf, isCsrfTokenOf } from './session/csrf-token.ts'
import { EndedAtProvider } from './session/ended-at-provider.ts'
import { sessionEvents } from './session/events.ts'
import { sessionEndpoint } from './session/endpoint.ts'
import { logout } from './session/logout.ts'
import { ownSessions } from './session/own-sessions.ts'
import { sessionKey } from './session/record.ts'
import type { Keyring } from './session/seal.ts'
import type { Session } from './session/session.ts'
import type { Sessions } from './session/sessions.ts'
import type { MaybePromise, SessionStore } from './stores/store.ts'

/** The parts that `bff.ts` built and the endpoints work with. */
export interface WebLaneParts {
  readonly config: Config
  readonly strictTransportSecurity: string
  readonly guardRules: GuardRules
  readonly provider: Provider
  readonly sessions: Sessions
  readonly sessionCookie: SessionCookie
  readonly loginCookies: LoginCookies
  readonly keyring: Keyring
  readonly store: SessionStore
  readonly live: Live
  readonly rateLimits: RateLimits
  readonly revocations: Revocations
  readonly clock: () => number
  readonly random: (bytes: number) => Uint8Array
  readonly audit: Audit
  readonly metrics: Metrics
}

/** Builds the web lane: each of Coatcheck's own endpoints with what it needs. */
export function webLane(parts: WebLaneParts): Endpoints {
  const { config, provider, sessions, sessionCookie, loginCookies, keyring, store, live, revocations, clock, random, audit } =
    parts
  const { basePath } = config
  const sessionOf = (request: Request): MaybePromise<Session | undefined> => {
    const presented = sessionCookie.read(request.headers.get('cookie') ?? undefined)
    return presented.kind === 'one' ? sessions.find(presented.id) : undefined
  }
  const endedAtProvider = new EndedAtProvider(store, config.provider.issuer, clock)
  const transactions = new Transactions(keyring, clock, random)
  const limit = (clientAddress: string): Promise<void> => parts.rateLimits.login(clientAddress)
  const callback = new Callback({
    basePath,
    provider,
    transactions,
    loginCookies,
    sessionCookie,
    sessions,
    endedAtProvider,
    store,
    clock,
    audit,
    sessionOf,
    limit,
    discard: (refreshToken) => void revocations.start(refreshToken),
  })
  return new Endpoints({
    basePath,
    strictTransportSecurity: parts.strictTransportSecurity,
    guardRules: parts.guardRules,
    sessionCookie,
    isCsrfToken: (id, presented) => isCsrfTokenOf(keyring, id, presented),
    audit,
    metrics: parts.metrics,
    endpoints: {
      login: loginStart({
        provider,
        transactions,
        cookies: loginCookies,
        parameters: config.login.parameters,
        limit,
        sessionKeyOf: (request) => {
          const presented = sessionCookie.read(request.headers.get('cookie') ?? undefined)
          return presented.kind === 'one' ? sessionKey(presented.id) : undefined
        },
      }),
      callback: callback.endpoint,
      'backchannel-logout': backchannelLogout({
        issuer: config.provider.issuer,
        verify: (logoutToken) => provider.verifyLogoutToken(logoutToken),
        sessions,
        store,
        endedAtProvider,
        clock,
        audit,
      }),
      ...(config.logout.frontChannel
        ? { 'frontchannel-logout': frontchannelLogout({ issuer: config.provider.issuer, sessions, audit }) }
        : {}),
      landing,
      'popup-done': popupDone,
      error: loginError(basePath, sessionOf),
      sessions: ownSessions({
        store,
        keyring,
        sessions,
        sessionOf,
        idleTimeoutMs: config.session.idleTimeoutSeconds * 1000,
        path: `${basePath}/sessions`,
        audit,
      }),
      events: sessionEvents({
        sessionOf,
        open: (session, open) => live.add(session, open),
        done: (session, open) => live.remove(session, open),
        latest: (session) => sessions.find(session.id),
        clock,
      }),
      session: sessionEndpoint({ sessionOf, csrfTokenOf: (session) => csrfTokenOf(keyring, session.id), sessionCookie }),
      logout: logout({
        sessions,
        sessionOf,
        sessionCookie,
        postLogoutPath: config.logout.postLogoutPath,
        clearSiteData: config.logout.clearSiteData,
        logoutUrl: (held) => provider.logoutUrl(held),
        revoke: (refreshToken) => revocations.start(refreshToken),
        audit,
      }),
    },
  })
}
