import { randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createTestClock, type TestClock } from './clock.ts'
import { deferred } from './deferred.ts'
import { listenOnLoopback } from './loopback.ts'
import { defaultAnswers } from './provider-answers.ts'
import { endpoints, perform, readCall, type Endpoint, type ProviderCall, type Script } from './provider-call.ts'
import { Grants, type ProviderUser } from './provider-grants.ts'
import { signCompact, signingKey, type Claims, type SigningKey, type SignOptions } from './signing.ts'

/** What a test may turn at any time. */
export interface ProviderSettings {
  accessTokenLifetimeSeconds: number
  /** Leave `expires_in` out of token answers (RFC 6749 section 5.1 only recommends it). */
  omitExpiresIn: boolean
  rotateRefreshTokens: boolean
  issueRefreshTokens: boolean
  /** Say in the metadata that `iss` comes with authorization responses (RFC 9207 section 3). */
  advertiseIss: boolean
  sendIss: boolean
  /** Answer /authorize with a page whose form leads back, as a provider with a login page does. */
  interactive: boolean
  /** Clients may also show an assertion, which the test itself has to judge. */
  acceptAssertions: boolean
  /** Laid over the discovery document. */
  metadata: Claims
}

export interface ProviderState {
  readonly clock: TestClock
  readonly issuer: string
  readonly client: { readonly id: string; readonly secret: string }
  readonly settings: ProviderSettings
  readonly grants: Grants
  readonly redirectUris: Set<string>
  readonly postLogoutRedirectUris: Set<string>
  /** Pushed requests (RFC 9126) by their request_uri. */
  readonly pushed: Map<string, URLSearchParams>
  readonly denials: { error: string; description: string | undefined }[]
  readonly users: Map<string, ProviderUser>
  /** What the JWKS endpoint publishes; the last one signs. */
  jwksKeys: SigningKey[]
  currentUser: { readonly user: ProviderUser; readonly sid: string; authTimeSeconds: number } | undefined
  /** Makes the ID token from its claims; replace it to make bad ones. */
  makeIdToken: (claims: Claims) => string
  editAuthorizationResponse: ((parameters: URLSearchParams) => void) | undefined
  sign(claims: Claims, options?: SignOptions): string
}

/** Calls that wait until the test lets them go on. */
export interface Hold {
  /** Resolves when the first call waits. */
  readonly arrived: Promise<ProviderCall>
  /** How many wait or have waited. */
  readonly count: () => number
  release(): void
}

export interface ScriptedProvider extends ProviderState {
  readonly port: number
  /** Every request, by endpoint. */
  readonly calls: Record<Endpoint, ProviderCall[]>
  readonly issued: ReadonlyMap<string, string>
  readonly reuseDetected: number
  connections(): number
  /** Calls of the token endpoint with this grant type. */
  tokenCalls(
    grantType: 'authorization_code' | 'refresh_token' | 'urn:ietf:params:oauth:grant-type:token-exchange',
  ): ProviderCall[]
  /** From now on; `undefined` brings the default answer back. */
  override(endpoint: Endpoint, script: Script | undefined): void
  /** For the next call only; several queue up. */
  once(endpoint: Endpoint, script: Script): void
  /** Takes back what `override`, `once` and `hold` said. */
  forgetScripts(): void
  /** Calls wait before they are worked on, or, with `after`, when they are done but not answered. */
  hold(endpoint: Endpoint, when?: 'before' | 'after'): Hold
  /** Who is logged in at the provider from now on. */
  loginAs(name: string): ProviderUser
  /** The next authorization ends with this error. */
  denyNext(error: string, description?: string): void
  /** A new signing key; the old one stays published unless told. */
  rotateKeys(options?: { readonly keepOld?: boolean }): SigningKey
  signIdToken(claims: Claims, options?: SignOptions): string
  /** A logout token (OpenID Connect Back-Channel Logout 1.0 section 2.4); `undefined` claims are left out. */
  signLogoutToken(claims?: Claims, options?: SignOptions): string
  /** Stops listening and cuts all connections; `start` brings it back on the same port. */
  stop(): Promise<void>
  start(): Promise<void>
  close(): Promise<void>
}

/** An OpenID provider on a loopback port: correct and strict by default, scriptable in everything. */
export async function startScriptedProvider(options: { readonly clock?: TestClock } = {}): Promise<ScriptedProvider> {
  const clock = options.clock ?? createTestClock()
  const grants = new Grants(clock)
  const overrides = new Map<Endpoint, Script>()
  const queued = new Map<Endpoint, Script[]>()
  const calls: Record<Endpoint, ProviderCall[]> = {
    authorize: [],
    token: [],
    userinfo: [],
    jwks: [],
    discovery: [],
    revoke: [],
    end_session: [],
    par: [],
  }
  let nextKey = 1

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const endpoint = endpointOf(request.url ?? '/')
    if (endpoint === undefined) return void response.writeHead(404).end()
    const call = await readCall(endpoint, request, provider.issuer, clock.now())
    calls[endpoint].push(call)
    const script = queued.get(endpoint)?.shift() ?? overrides.get(endpoint)
    await perform(script, call, response, () => Promise.resolve(defaultAnswers[endpoint](provider, call)))
  }
  const createListening = (port: number) => {
    const server = createServer(
      (request, response) => void answer(request, response).catch((error: unknown) => response.destroy(toError(error))),
    )
    return listenOnLoopback(server, port)
  }
  let listener = await createListening(0)
  const { port } = listener
  const issuer = `http://127.0.0.1:${port}`
  const client = { id: 'web-bff', secret: `cs-${randomBytes(24).toString('base64url')}` }
  grants.remember(client.secret, 'client_secret')

  const provider: ScriptedProvider = {
    clock,
    issuer,
    port,
    client,
    grants,
    calls,
    issued: grants.issued,
    settings: {
      accessTokenLifetimeSeconds: 300,
      omitExpiresIn: false,
      rotateRefreshTokens: true,
      issueRefreshTokens: true,
      advertiseIss: true,
      sendIss: true,
      interactive: false,
      acceptAssertions: false,
      metadata: {},
    },
    redirectUris: new Set(),
    postLogoutRedirectUris: new Set(),
    denials: [],
    pushed: new Map(),
    users: new Map(usersByDefault.map((user) => [user.preferred_username, user])),
    jwksKeys: [signingKey(0)],
    currentUser: undefined,
    editAuthorizationResponse: undefined,
    get reuseDetected() {
      return grants.reuseDetected
    },
    connections: () => listener.connections(),
    tokenCalls: (grantType) => calls.token.filter((call) => call.form.get('grant_type') === grantType),
    override(endpoint, script) {
      if (script === undefined) overrides.delete(endpoint)
      else overrides.set(endpoint, script)
    },
    once(endpoint, script) {
      queued.set(endpoint, [...(queued.get(endpoint) ?? []), script])
    },
    forgetScripts() {
      overrides.clear()
      queued.clear()
    },
    hold(endpoint, when = 'before') {
      const gate = deferred()
      const arrival = deferred<ProviderCall>()
      let count = 0
      const script: Script = async (call, work) => {
        const done = when === 'after' ? await work() : undefined
        count += 1
        arrival.resolve(call)
        await gate.promise
        return done ?? (await work())
      }
      overrides.set(endpoint, script)
      const release = () => {
        if (overrides.get(endpoint) === script) overrides.delete(endpoint)
        gate.resolve()
      }
      return { arrived: arrival.promise, count: () => count, release }
    },
    loginAs(name) {
      const user = provider.users.get(name)
      if (user === undefined) throw new Error(`the provider knows nobody called ${name}`)
      provider.currentUser = { user, sid: randomUUID(), authTimeSeconds: Math.floor(clock.now() / 1000) }
      return user
    },
    denyNext(error, description) {
      provider.denials.push({ error, description })
    },
    rotateKeys({ keepOld = true } = {}) {
      const key = signingKey(nextKey++)
      provider.jwksKeys = keepOld ? [...provider.jwksKeys, key] : [key]
      return key
    },
    sign: (claims, signing = {}) => signCompact(claims, provider.jwksKeys.at(-1) ?? signingKey(0), signing),
    makeIdToken: (claims) => provider.signIdToken(claims),
    signIdToken: (claims, signing = {}) => grants.remember(provider.sign(claims, { typ: 'JWT', ...signing }), 'id_token'),
    signLogoutToken(claims = {}, signing = {}) {
      const iat = Math.floor(clock.now() / 1000)
      const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
      return provider.sign(
        { iss: issuer, aud: client.id, iat, exp: iat + 120, jti: randomUUID(), events, ...claims },
        { typ: 'logout+jwt', ...signing },
      )
    },
    stop: () => listener.close(),
    async start() {
      listener = await createListening(port)
    },
    close: () => listener.close(),
  }
  provider.loginAs('ada')
  return provider
}

const usersByDefault = [
  {
    sub: 'user-ada',
    preferred_username: 'ada',
    name: 'Ada Lovelace',
    email: 'ada@example.com',
    email_verified: true,
    role: 'admin',
  },
  {
    sub: 'user-grace',
    preferred_username: 'grace',
    name: 'Grace Hopper',
    email: 'grace@example.com',
    email_verified: true,
    role: 'member',
  },
  {
    sub: 'user-mallory',
    preferred_username: 'mallory',
    name: 'Mallory',
    email: 'mallory@evil.test',
    email_verified: false,
    role: 'member',
  },
]

function endpointOf(target: string): Endpoint | undefined {
  const path = target.split('?')[0]
  if (path === '/.well-known/openid-configuration') return 'discovery'
  return endpoints.find((endpoint) => endpoint !== 'discovery' && path === `/${endpoint}`)
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
