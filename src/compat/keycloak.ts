import type { BffClient, Session, User } from '../browser/types.ts'
import { refuseLoop } from './breaker.ts'
import { NotSupportedInBffError } from './errors.ts'
import type { KeycloakConfig, KeycloakError, KeycloakInitOptions, KeycloakLoginOptions } from './keycloak-types.ts'
import type { KeycloakLogoutOptions, KeycloakProfile, KeycloakTokenParsed, KeycloakUserInfo } from './keycloak-types.ts'
import { claimsOf, complain, hideTokens } from './loudness.ts'
import { compatClient, loginOptions, returnPath, shownAgain } from './page.ts'

const roleHint = 'Let the provider put it into the ID token or userinfo. It is a hint for the page alone: the APIs decide.'

/** `Keycloak` of keycloak-js on the session of the gateway. What asks the gateway rejects where it cannot answer. */
export class Keycloak {
  /** Stays on the server: reads `undefined`, and the console says where it was read by a page that has a session. */
  declare readonly token: never
  /** Stays on the server, as `token` does. */
  declare readonly idToken: never
  /** Stays on the server, as `token` does. */
  declare readonly refreshToken: never
  /** Stays on the server, as `token` does. */
  declare readonly refreshTokenParsed: never
  /** Belongs to the ID token, which stays on the server. */
  declare readonly sessionId: never
  onReady?(authenticated?: boolean): void
  onAuthSuccess?(): void
  onAuthError?(error?: KeycloakError): void
  onAuthRefreshSuccess?(): void
  onAuthRefreshError?(): void
  onAuthLogout?(): void
  /** Called within a minute of the end of the session. */
  onTokenExpired?(): void
  didInitialize = false
  loginRequired = false
  readonly timeSkew: number | null = 0
  readonly authServerUrl?: string
  readonly realm?: string
  readonly clientId?: string
  redirectUri?: string
  profile?: KeycloakProfile
  userInfo?: KeycloakUserInfo
  readonly #client: BffClient

  constructor(config: KeycloakConfig | string) {
    this.#client = compatClient()
    if (typeof config === 'string') return
    this.clientId = config.clientId
    if ('realm' in config) {
      this.authServerUrl = config.url
      this.realm = config.realm
    }
  }

  get authenticated(): boolean {
    return this.#user !== undefined
  }

  get subject(): string | undefined {
    return this.#user?.sub
  }

  get tokenParsed(): KeycloakTokenParsed | undefined {
    const user = this.#user
    return user && (claimsOf(user) as KeycloakTokenParsed)
  }

  get idTokenParsed(): KeycloakTokenParsed | undefined {
    return this.tokenParsed
  }

  /** Asks who is logged in. Rejects in an outage: that is not `false`. */
  async init({ onLoad, redirectUri }: KeycloakInitOptions = {}): Promise<boolean> {
    if (this.didInitialize) throw new Error("A 'Keycloak' instance can only be initialized once.")
    this.didInitialize = true
    this.loginRequired = onLoad === 'login-required'
    if (redirectUri !== undefined) this.redirectUri = redirectUri
    let session: Session | null
    try {
      session = await this.#client.session()
    } catch (error) {
      this.onAuthError?.({ error: 'session_unknown', error_description: String(error) })
      throw error
    }
    this.#listen()
    if (!session && this.loginRequired) await this.login()
    if (session) this.onAuthSuccess?.()
    this.onReady?.(session !== null)
    return session !== null
  }

  /** Leaves the page. @throws {LoginLoopError} */
  async login(options: KeycloakLoginOptions = {}): Promise<void> {
    await Promise.resolve()
    refuseLoop()
    const { redirectUri = this.redirectUri, prompt, loginHint, acrValues, maxAge, locale } = options
    const parameters = { prompt, login_hint: loginHint, acr_values: acrValues, max_age: maxAge, ui_locales: locale }
    this.#client.login({ ...returnPath(redirectUri), ...loginOptions(parameters) })
    await shownAgain()
  }

  /** A login with `prompt=create`, which the gateway's `login.parameters` has to list. */
  register(options: KeycloakLoginOptions = {}): Promise<void> {
    return this.login({ ...options, prompt: 'create' })
  }

  /** Leaves the page by a form post. Where it ends is the gateway's to say. */
  async logout(_options?: KeycloakLogoutOptions): Promise<void> {
    await this.#client.logout()
    await shownAgain()
  }

  async accountManagement(): Promise<void> {
    location.assign(this.createAccountUrl())
    await shownAgain()
  }

  createAccountUrl(): string {
    if (this.authServerUrl === undefined || this.realm === undefined)
      throw new NotSupportedInBffError('The account pages need `url` and `realm` in the configuration.')
    return `${this.authServerUrl.replace(/\/$/, '')}/realms/${encodeURIComponent(this.realm)}/account`
  }

  /** Asks whether the session is alive; the gateway refreshes the tokens. Gives `false`: nothing changed for the page. */
  async updateToken(_minValidity?: number): Promise<boolean> {
    if (await this.#client.session()) return false
    this.onAuthRefreshError?.()
    throw new Error('There is no session')
  }

  /** Whether the session ends within so many seconds. */
  isTokenExpired(minValidity = 0): boolean {
    const session = this.#client.snapshot()
    if (!session) throw new Error('Not authenticated')
    const endsMs = Math.min(Date.parse(session.idleExpiresAt), Date.parse(session.expiresAt))
    return endsMs - Date.now() < minValidity * 1000
  }

  /** There is no token to forget. */
  readonly clearToken = (): void =>
    complain('clearToken was called', 'The session lives on: call logout to end it.', this.clearToken)

  /** For what a page shows: the APIs decide. */
  readonly hasRealmRole = (role: string): boolean => {
    const claims = this.#rolesIn('realm_access', this.hasRealmRole)
    return claims?.realm_access?.roles.includes(role) ?? false
  }

  /** For what a page shows: the APIs decide. */
  readonly hasResourceRole = (role: string, resource = this.clientId): boolean => {
    const claims = this.#rolesIn('resource_access', this.hasResourceRole)
    return claims?.resource_access?.[resource ?? '']?.roles.includes(role) ?? false
  }

  async loadUserProfile(): Promise<KeycloakProfile> {
    const claims = await this.loadUserInfo()
    const text = (name: string) => (typeof claims[name] === 'string' ? claims[name] : undefined)
    const entries = Object.entries({
      id: claims.sub,
      username: text('preferred_username'),
      email: text('email'),
      firstName: text('given_name'),
      lastName: text('family_name'),
      emailVerified: claims['email_verified'] === true,
    })
    this.profile = Object.fromEntries(entries.filter(([, value]) => value !== undefined))
    return this.profile
  }

  async loadUserInfo(): Promise<KeycloakUserInfo> {
    const user = await this.#client.user()
    if (!user) throw new Error('There is no session')
    this.userInfo = { ...user }
    return this.userInfo
  }

  /** A login begins with a call. @throws {NotSupportedInBffError} */
  createLoginUrl(_options?: KeycloakLoginOptions): Promise<never> {
    return Promise.reject(new NotSupportedInBffError('There is no address of a login to be had: call login().'))
  }

  /** A logout is a form post. @throws {NotSupportedInBffError} */
  createLogoutUrl(_options?: KeycloakLogoutOptions): never {
    throw new NotSupportedInBffError('A logout is no address, since a link could forge it: call logout().')
  }

  get #user(): User | undefined {
    return this.#client.snapshot()?.user
  }

  #rolesIn(claim: 'realm_access' | 'resource_access', below: (role: string) => boolean): KeycloakTokenParsed | undefined {
    const user = this.#user
    if (!user) return undefined
    if (Object.hasOwn(user, claim)) return user
    complain(`A role was asked for, and the gateway does not show ${claim}`, roleHint, below, 4)
    return undefined
  }

  #listen(): void {
    this.#client.on('login', () => this.onAuthSuccess?.())
    this.#client.on('expiring', () => this.onTokenExpired?.())
    this.#client.on('expired', () => this.onAuthLogout?.())
    this.#client.on('logout', () => this.onAuthLogout?.())
  }
}

hideTokens(
  Keycloak.prototype,
  'Keycloak',
  ['token', 'idToken', 'refreshToken', 'refreshTokenParsed'],
  (keycloak) => (keycloak as Keycloak).authenticated,
)
