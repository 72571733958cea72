import type { BffClient, Session } from '../browser/types.ts'
import { keepState, refuseLoop, takeState } from './breaker.ts'
import { NotSupportedInBffError } from './errors.ts'
import { complain } from './loudness.ts'
import { UserManagerEvents } from './oidc-events.ts'
import { ErrorResponse } from './oidc-rest.ts'
import { User } from './oidc-user.ts'
import type { SessionStatus, SigninPopupArgs, SigninRedirectArgs, SigninSilentArgs } from './oidc-types.ts'
import type {
  SignoutPopupArgs,
  SignoutRedirectArgs,
  SignoutResponse,
  SignoutSilentArgs,
  UserManagerSettings,
} from './oidc-types.ts'
import { compatClient, loginOptions, returnPath, shownAgain } from './page.ts'

/** `UserManager` of oidc-client-ts on the session of the gateway. What asks the gateway rejects where it cannot answer. */
export class UserManager {
  readonly settings: UserManagerSettings
  readonly events: UserManagerEvents
  /** The provider's metadata is the gateway's business. */
  declare readonly metadataService: never
  readonly #client: BffClient
  #user: { session: Session; user: User } | undefined

  constructor(settings: UserManagerSettings) {
    this.settings = settings
    this.#client = compatClient()
    this.events = new UserManagerEvents(this.#client, (session) => this.#userOf(session))
  }

  /** Who is logged in, or `null`. Rejects in an outage: that is no logout. */
  async getUser(raiseEvent = false): Promise<User | null> {
    const known = this.#client.snapshot()
    const session = known === undefined ? await this.#client.session() : known
    if (!session) return null
    const user = this.#userOf(session)
    if (raiseEvent) this.events.raiseLoaded(user)
    return user
  }

  /** Ends the session, since there is no token to forget alone. */
  async removeUser(): Promise<void> {
    if (await this.#client.session()) return this.#leave()
    this.events.raiseUnloaded()
  }

  /** Leaves the page. @throws {LoginLoopError} */
  async signinRedirect(args: SigninRedirectArgs = {}): Promise<void> {
    await Promise.resolve()
    refuseLoop()
    const { state, url_state, redirect_uri } = args
    keepState({ state, url_state })
    this.#client.login({ ...returnPath(redirect_uri ?? this.settings.redirect_uri), ...this.#parameters(args) })
    await shownAgain()
  }

  /** Reads nothing from the address: the gateway has done it. Gives the user, and the state that the login began with. */
  async signinRedirectCallback(_url?: string): Promise<User> {
    const session = await this.#client.session()
    const kept = takeState()
    if (!session) throw loginRequired(kept.state)
    const user = new User(session, kept)
    this.#user = { session, user }
    this.events.raiseLoaded(user)
    return user
  }

  signinCallback(url?: string): Promise<User | undefined> {
    return this.signinRedirectCallback(url)
  }

  /** @throws {LoginLoopError} */
  async signinPopup(args: SigninPopupArgs = {}): Promise<User> {
    refuseLoop()
    if (!(await this.#client.loginPopup(this.#parameters(args)))) throw new Error('Popup closed by user')
    const session = await this.#client.session()
    if (!session) throw loginRequired()
    return this.#userOf(session)
  }

  /** The popup ends on a page of the gateway. */
  async signinPopupCallback(_url?: string, _keepOpen?: boolean): Promise<void> {
    await this.#client.session()
  }

  /** Asks whether the session is alive, and raises `userLoaded`. Rejects with `login_required` only if it has ended. */
  async signinSilent(_args: SigninSilentArgs = {}): Promise<User | null> {
    let isTold = false
    // Where somebody else has logged in meanwhile, the events have said so.
    const stopListening = this.events.addUserLoaded(() => void (isTold = true))
    const session = await this.#client.session().finally(stopListening)
    if (!session) throw loginRequired()
    const user = this.#userOf(session)
    if (!isTold) this.events.raiseLoaded(user)
    return user
  }

  async signinSilentCallback(_url?: string): Promise<void> {
    await this.#client.session()
  }

  /** Leaves the page by a form post. Where it ends is the gateway's to say. */
  signoutRedirect(_args?: SignoutRedirectArgs): Promise<void> {
    return this.#leave()
  }

  /** As `signoutRedirect`: the session ends for the whole browser. */
  signoutPopup(_args?: SignoutPopupArgs): Promise<void> {
    return this.#leave()
  }

  /** As `signoutRedirect`: the session ends for the whole browser. */
  signoutSilent(_args?: SignoutSilentArgs): Promise<void> {
    return this.#leave()
  }

  signoutRedirectCallback(_url?: string): Promise<SignoutResponse> {
    this.events.raiseUnloaded()
    return Promise.resolve({ state: null, error: null, error_description: null, error_uri: null, userState: undefined })
  }

  signoutCallback(url?: string, _keepOpen?: boolean): Promise<SignoutResponse | undefined> {
    return this.signoutRedirectCallback(url)
  }

  async signoutPopupCallback(url?: string, _keepOpen?: boolean): Promise<void> {
    await this.signoutRedirectCallback(url)
  }

  async signoutSilentCallback(url?: string): Promise<void> {
    await this.signoutRedirectCallback(url)
  }

  async querySessionStatus(): Promise<SessionStatus | null> {
    const session = await this.#client.session()
    return session && { session_state: '', sub: session.user.sub }
  }

  /** The gateway refreshes the tokens. This asks once whether the session is alive. */
  startSilentRenew(): void {
    this.#client.session().catch((error: unknown) => {
      this.events.raiseRenewError(error instanceof Error ? error : new Error(String(error)))
    })
  }

  /** There is nothing to stop. */
  stopSilentRenew(): void {
    // The gateway goes on: tokens are its own.
  }

  /** There are no tokens here to revoke. The gateway does it at logout. */
  readonly revokeTokens = (_types?: ('access_token' | 'refresh_token')[] | null): Promise<void> => {
    complain('revokeTokens was called', 'The gateway revokes the tokens at logout: call signoutRedirect.', this.revokeTokens)
    return Promise.resolve()
  }

  /** There is no state of a login here that could grow stale. */
  clearStaleState(): Promise<void> {
    return Promise.resolve()
  }

  /** Passwords are for the provider alone. @throws {NotSupportedInBffError} */
  signinResourceOwnerCredentials(_args: object): Promise<never> {
    return notSupported('signinResourceOwnerCredentials')
  }

  /** Nobody but the gateway makes a session. @throws {NotSupportedInBffError} */
  storeUser(_user: User | null): Promise<never> {
    return notSupported('storeUser')
  }

  /** @throws {NotSupportedInBffError} */
  dpopProof(..._args: unknown[]): Promise<never> {
    return notSupported('dpopProof')
  }

  /** @throws {NotSupportedInBffError} */
  generateDPoPJkt(..._args: unknown[]): Promise<never> {
    return notSupported('generateDPoPJkt')
  }

  async #leave(): Promise<void> {
    await this.#client.logout()
    await shownAgain()
  }

  /** The same object as long as the session says the same. */
  #userOf(session: Session): User {
    if (this.#user?.session === session) return this.#user.user
    const { state, url_state } = this.#user?.user ?? {}
    const user = new User(session, { state, url_state })
    this.#user = { session, user }
    return user
  }

  #parameters(args: SigninRedirectArgs): ReturnType<typeof loginOptions> {
    return { ...loginOptions(this.settings), ...loginOptions(args) }
  }
}

function loginRequired(userState?: unknown): ErrorResponse {
  return new ErrorResponse({ error: 'login_required', error_description: 'There is no session', userState })
}

function notSupported(name: string): Promise<never> {
  return Promise.reject(new NotSupportedInBffError(`${name} needs a token in the browser, and there is none.`))
}
