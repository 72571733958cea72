/** The claims of the user that the gateway shows: never a token. */
export interface User {
  readonly sub: string
  readonly name?: string
  readonly email?: string
  readonly [claim: string]: unknown
}

/** What `GET /bff/session` tells of a session. */
export interface Session {
  readonly user: User
  /** Goes with unsafe requests in `X-CSRF-Token`; `fetch` and `logout` of the client add it by themselves. */
  readonly csrfToken: string
  /** ISO 8601: when the session ends if nothing is done with it. */
  readonly idleExpiresAt: string
  /** ISO 8601: when it ends in any case. */
  readonly expiresAt: string
}

/** `undefined`: not known yet. `null`: nobody is logged in. */
export type Snapshot = Session | null | undefined

/**
 * - `login`: a session is there where none was, or another user took the place of the former one.
 * - `logout`: the user logged out, in another tab.
 * - `expired`: the session ended in any other way.
 * - `expiring`: it ends within a minute unless something is done with it.
 * - `change`: the snapshot changed, for whatever reason.
 */
export type BffEventName = 'login' | 'logout' | 'expired' | 'expiring' | 'change'

export interface BffEvent {
  readonly type: BffEventName
  readonly session: Snapshot
  /** Another user than the last one that this page knew: whatever it has cached belongs to somebody else. */
  readonly userChanged: boolean
}

/** Parameters of a login. All but `returnTo` reach the provider only if the gateway's `login.parameters` lists them. */
export interface LoginOptions {
  /** A path of this origin. Default: where the page is now, with query and fragment. */
  readonly returnTo?: string
  readonly prompt?: string
  readonly loginHint?: string
  readonly acrValues?: string
  /** Seconds. */
  readonly maxAge?: number
  readonly uiLocales?: string
}

export interface BffClientOptions {
  /** The gateway's `basePath`. Default: `/bff`. */
  readonly base?: string
  /** The gateway's `csrf.mode`. Default: `token`. */
  readonly csrf?: 'token' | 'header' | 'origin'
  /**
   * What `fetch` does when the gateway answers that there is no session. `event` (the default) tells the listeners and
   * gives the answer to the caller. `popup` asks for a login, and then repeats the call once. So does a function, which
   * resolves to whether the user is logged in again.
   */
  readonly onUnauthorized?: 'event' | 'popup' | (() => boolean | Promise<boolean>)
}

/** Its functions may be passed on as they are: `{ fetch: bff.fetch }`. */
export interface BffClient {
  /** Who is logged in, or `null`. Rejects where that cannot be told now; then it is neither. */
  readonly user: () => Promise<User | null>
  /** Asks the gateway; one request for all who ask at the same time. Rejects as `user` does, and `snapshot` stays as it was. */
  readonly session: () => Promise<Session | null>
  /** What is known without asking. The same object until something changes. */
  readonly snapshot: () => Snapshot
  /** Leaves the page for the login and comes back to `returnTo`. */
  readonly login: (options?: LoginOptions) => void
  /**
   * Logs in in a window of its own, so that the page keeps its state. Call it in a click. `false` where the browser
   * blocked the window, or after five minutes. A further call while one is running opens the window again.
   */
  readonly loginPopup: (options?: Omit<LoginOptions, 'returnTo'>) => Promise<boolean>
  /** Leaves the page by a form post: closes the session here and at the provider. Rejects where the gateway cannot be asked. */
  readonly logout: () => Promise<void>
  /**
   * `fetch` for paths of this origin, with the proof against CSRF. A 401 of the API passes through untouched.
   *
   * @throws {TypeError} for another origin: the gateway is not there, so the call could carry no token.
   */
  readonly fetch: (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>
  /** Gives the function that ends it. */
  readonly on: (type: BffEventName, listener: (event: BffEvent) => void) => () => void
}
