import { parseAddressRange } from './address-range.ts'
import { belongTogether, certificateProblem, privateKeyProblem, signingKeyProblem } from './keys.ts'
import type { Known } from './known.ts'
import type { OptionPath } from './option-path.ts'
import type { Config } from './schema.ts'
import type { Secret } from './secret.ts'
import { hasEntropy, isLoopbackHost } from './values.ts'

/** A breach of a rule. */
export interface RuleBreach {
  readonly path: OptionPath
  /** What is wrong and what to do. Quotes no value. */
  readonly message: string
  /** The options the judgement rests on. Where one of them is itself in trouble, the breach may be an echo of that. */
  readonly restsOn: readonly OptionPath[]
}

type KnownConfig = Known<Config>
type KnownRoute = NonNullable<NonNullable<KnownConfig['routes']>[number]>
type Report = (path: OptionPath, message: string, ...restsOn: readonly OptionPath[]) => void

/** The rules that concern more than one option, or more than the form of one. */
export function findBreaches(config: KnownConfig): RuleBreach[] {
  const breaches: RuleBreach[] = []
  const report: Report = (path, message, ...restsOn) => breaches.push({ path, message, restsOn: [path, ...restsOn] })
  checkProvider(config, report)
  checkSession(config, report)
  checkListeners(config, report)
  checkRoutes(config, report)
  for (const [index, text] of (config.trustedProxies ?? []).entries()) {
    if (text !== undefined && parseAddressRange(text) === undefined) {
      report(['trustedProxies', index], 'is neither an IP address nor a CIDR range; write it as in 10.0.0.0/8')
    }
  }
  return breaches
}

function checkProvider({ provider }: KnownConfig, report: Report): void {
  if (provider === undefined) return
  const { issuer, clientAuth } = provider
  const issuerUrl = issuer === undefined ? undefined : new URL(issuer)
  if (issuerUrl?.protocol === 'http:' && !isLoopbackHost(issuerUrl.hostname) && provider.dangerouslyAllowPlainHttp === false) {
    report(
      ['provider', 'issuer'],
      'is plain http on a host that is not loopback; use https, or set provider.dangerouslyAllowPlainHttp',
    )
  }
  if ((clientAuth === 'client_secret_basic' || clientAuth === 'client_secret_post') && provider.clientSecret === undefined) {
    report(
      ['provider', 'clientSecret'],
      `is missing; clientAuth ${clientAuth} needs it (a BFF is a confidential client), as in clientSecret: \${env:CLIENT_SECRET}`,
    )
  }
  if (clientAuth === 'private_key_jwt' && provider.clientKey === undefined) {
    report(
      ['provider', 'clientKey'],
      'is missing; clientAuth private_key_jwt needs a private key, as in clientKey: ${file:/run/secrets/key.pem}',
    )
  }
  judgeSecret(provider.clientKey, signingKeyProblem, ['provider', 'clientKey'], report)
  checkTls(provider, report)
  for (const name of Object.keys(provider.authorizationParameters ?? {})) {
    if (ownParameters.has(name)) report(['provider', 'authorizationParameters', name], 'is set by Coatcheck itself; remove it')
  }
}

/** What Coatcheck puts into every authorization request itself. */
const ownParameters = new Set(
  (
    'client_id client_secret code_challenge code_challenge_method nonce redirect_uri request request_uri ' +
    'response_mode response_type scope state resource'
  ).split(' '),
)

function checkTls({ clientAuth, tls }: NonNullable<KnownConfig['provider']>, report: Report): void {
  for (const name of ['cert', 'key'] as const) {
    const path = ['provider', 'tls', name]
    if (tls?.[name] !== undefined) continue
    if (clientAuth?.includes('tls_client_auth') === true) {
      report(path, `is missing; clientAuth ${clientAuth} authenticates with tls.cert and tls.key`, ['provider', 'tls'])
    } else if (tls?.cert !== undefined || tls?.key !== undefined) {
      report(path, 'is missing; tls.cert and tls.key belong together')
    }
  }
  const sound =
    judgeSecret(tls?.cert, certificateProblem, ['provider', 'tls', 'cert'], report) &&
    judgeSecret(tls?.key, privateKeyProblem, ['provider', 'tls', 'key'], report)
  if (sound && tls?.cert !== undefined && tls.key !== undefined && !belongTogether(tls.cert.reveal(), tls.key.reveal())) {
    report(['provider', 'tls', 'key'], 'is not the key of tls.cert; use the two that were made together', [
      'provider',
      'tls',
      'cert',
    ])
  }
  const caProblem = tls?.ca === undefined ? undefined : certificateProblem(tls.ca)
  if (caProblem !== undefined) report(['provider', 'tls', 'ca'], caProblem)
}

function judgeSecret(
  secret: Secret | undefined,
  judge: (text: string) => string | undefined,
  path: OptionPath,
  report: Report,
): boolean {
  const problem = secret === undefined ? undefined : judge(secret.reveal())
  if (problem !== undefined) report(path, problem)
  return problem === undefined
}

function checkSession({ session, origin, workers }: KnownConfig, report: Report): void {
  if (session?.store?.type === 'memory' && workers !== undefined && workers !== 1) {
    report(
      ['workers'],
      'does not go with session.store.type memory: each worker would know other sessions; use the embedded store, or 1 worker',
      ['session', 'store', 'type'],
    )
  }
  for (const [index, secret] of (session?.secrets ?? []).entries()) {
    if (secret !== undefined && !hasEntropy(secret.reveal())) {
      report(['session', 'secrets', index], 'has less than 32 bytes of entropy; make one with: coatcheck secret')
    }
  }
  const name = session?.cookie?.name
  const path = ['session', 'cookie', 'name']
  if (name === undefined || origin === undefined) return
  if (origin.startsWith('http:') && /^__(host|secure|http)-/i.test(name)) {
    report(path, 'has a prefix that browsers accept over https only; on an http origin, write it without', ['origin'])
  }
  if (origin.startsWith('https:') && !name.startsWith('__Host-')) {
    report(path, 'lacks the __Host- prefix, which keeps sibling hosts from planting the cookie; write it in front', ['origin'])
  }
}

/** Addresses on which a listener answers calls to any other address of the machine. */
const anyAddress = new Set(['0.0.0.0', '::'])

function checkListeners({ listen, admin, tls, origin }: KnownConfig, report: Report): void {
  if (tls !== undefined && origin?.startsWith('http:') === true)
    report(['tls'], 'does not go with an http origin; write https in origin, or remove tls', ['origin'])
  if (listen?.port === undefined || listen.host === undefined || admin?.port === undefined || admin.host === undefined) return
  const meet = listen.host === admin.host || anyAddress.has(listen.host) || anyAddress.has(admin.host)
  if (meet && listen.port === admin.port && listen.port !== 0) {
    report(
      ['admin', 'port'],
      `is that of listen.port too (${listen.port}); give the two listeners different ports`,
      ['listen'],
      ['admin', 'host'],
    )
  }
}

function checkRoutes(config: KnownConfig, report: Report): void {
  const seen = new Map<string, number>()
  for (const [index, route] of (config.routes ?? []).entries()) {
    if (route === undefined) continue
    if (route.path !== undefined) {
      const bare = route.path.replace(/\/$/, '')
      const earlier = seen.get(bare)
      if (earlier !== undefined)
        report(['routes', index, 'path'], `is the same as that of routes[${earlier}]; a path has one route, remove one`)
      else seen.set(bare, index)
      const { basePath } = config
      if (basePath !== undefined && (bare === basePath || bare.startsWith(`${basePath}/`))) {
        report(
          ['routes', index, 'path'],
          `lies under basePath ${basePath}, which is Coatcheck's own; move the route or the basePath`,
          ['basePath'],
        )
      }
    }
    checkRoute(route, (path, message, ...restsOn) =>
      report(['routes', index, ...path], message, ...restsOn.map((p) => ['routes', index, ...p])),
    )
    if (route.upstream !== undefined && comesBack(config, route.upstream)) {
      report(
        ['routes', index, 'upstream'],
        'is Coatcheck itself; the call would come back for ever, write the address of the service behind it',
        ['origin'],
        ['listen'],
      )
    }
  }
}

/** Paths are given from the route on. */
function checkRoute(route: KnownRoute, report: Report): void {
  const { upstream, auth } = route
  if (upstream === undefined && route.static === undefined) {
    report(['upstream'], 'is missing; a route has either upstream, to proxy, or static, to serve a folder', ['static'])
  }
  if (upstream !== undefined && route.static !== undefined)
    report(['static'], 'stands beside upstream; a route has one of the two, remove the other')
  if (upstream === undefined && route.static !== undefined) {
    for (const key of ['methods', 'require', 'token', 'maxBodyBytes', 'rateLimits'] as const) {
      if (route[key] !== undefined)
        report([key], 'concerns proxied calls only; a static route cannot have it, remove it', ['static'], ['upstream'])
    }
  }
  if (auth === 'none' && (route.require !== undefined || route.token !== undefined)) {
    report(['auth'], 'is none, but require or token needs a session; use required')
  }
  if (auth === 'optional' && route.require !== undefined)
    report(['auth'], 'is optional, but require needs a session; use required')
}

function comesBack({ origin, listen }: KnownConfig, upstream: URL): boolean {
  if (upstream.origin === origin) return true
  const port = upstream.port === '' ? (upstream.protocol === 'https:' ? 443 : 80) : Number(upstream.port)
  const ownHost =
    listen?.host !== undefined &&
    (upstream.hostname === listen.host || anyAddress.has(listen.host) || isLoopbackHost(listen.host))
  return ownHost && isLoopbackHost(upstream.hostname) && listen?.port === port
}
