import type { ConfigProblem } from '../errors.ts'
import { parseAddressRange } from './address-range.ts'
import type { Config } from './schema.ts'
import { isLoopbackHost } from './values.ts'

/** What works, but is probably not what the operator wants. Told by `coatcheck check`; nothing is refused for it. */
export function findWarnings(config: Config): ConfigProblem[] {
  const warnings: ConfigProblem[] = []
  const warn = (path: string, message: string) => warnings.push({ path, message })
  const { origin, provider, session, csrf, admin } = config
  const isHttp = origin.startsWith('http:')

  if (isHttp) warn('origin', 'is plain http on loopback; cookies go without Secure and prefix, so this is for development only')
  if (isHttp && provider.responseMode === 'form_post') {
    warn(
      'provider.responseMode',
      'is form_post, whose login cookie some browsers drop over plain http; use query where logins fail',
    )
  }
  if (provider.dangerouslyAllowPlainHttp) {
    warn(
      'provider.dangerouslyAllowPlainHttp',
      'is on; tokens and the client secret are readable on the way, remove it in production',
    )
  }
  if (session.idleTimeoutSeconds > session.lifetimeSeconds) {
    warn(
      'session.idleTimeoutSeconds',
      'is longer than session.lifetimeSeconds, so it never takes effect; lower it, or raise the lifetime',
    )
  }
  if (session.store.type === 'memory' && !isHttp) {
    warn(
      'session.store.type',
      'is memory; everyone is logged out at a restart, and a second process is a second app; use embedded',
    )
  }
  if (csrf.cookie && csrf.mode !== 'token') {
    warn('csrf.cookie', `is on, but csrf.mode ${csrf.mode} asks for no token; set csrf.mode to token, or remove it`)
  }
  if (admin !== undefined && !isLoopbackHost(admin.host)) {
    warn('admin.host', `is ${admin.host}; health and metrics answer without a login, so keep this port away from the internet`)
  }
  for (const [index, text] of config.trustedProxies.entries()) {
    if (parseAddressRange(text)?.prefix === 0) {
      warn(
        `trustedProxies[${index}]`,
        'trusts every address, so that anybody can claim to be anybody; name the proxies in front of Coatcheck',
      )
    }
  }
  for (const [index, route] of config.routes.entries()) {
    if (route.cookies.some((name) => isOwnCookie(name, session.cookie.name))) {
      warn(`routes[${index}].cookies`, 'names a cookie of Coatcheck, which no upstream ever sees; remove it')
    }
  }
  return warnings
}

function isOwnCookie(name: string, own: string | undefined): boolean {
  const base = own ?? '__Host-Http-coatcheck'
  return name === base || name.startsWith(`${base}-login-`) || (own === undefined && /^coatcheck(-login-\d+)?$/.test(name))
}
