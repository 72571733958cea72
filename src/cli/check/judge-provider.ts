import { printable } from '../../config/option-path.ts'
import type { ProviderConfig } from '../../config/schema.ts'
import { isLoopbackHost } from '../../config/values.ts'
import type { Answer } from './ask.ts'
import { wordFailure } from './failure-words.ts'
import { collectFindings } from './finding.ts'
import type { Finding, Report } from './finding.ts'
import { parseUrl } from '../../config/url-reading.ts'

/** A provider's metadata as it came: nothing about it is known (OpenID Connect Discovery 1.0 section 3). */
export type Metadata = Readonly<Record<string, unknown>>

/** Where the metadata of an issuer stands (OpenID Connect Discovery 1.0 section 4). */
export function discoveryUrl(issuer: string): URL {
  return new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
}

/** Judges what the provider answered to discovery. Gives the metadata where they can be used at all. */
export function judgeDiscovery(
  provider: ProviderConfig,
  answer: Answer,
  nowMs: number,
): { findings: Finding[]; metadata?: Metadata } {
  const { findings, report } = collectFindings('provider', 'provider.issuer')
  const url = discoveryUrl(provider.issuer)
  const metadata = readJson(url, answer, report)
  if (metadata === undefined) return { findings }
  if (metadata['issuer'] !== provider.issuer) {
    const named = typeof metadata['issuer'] === 'string' ? printable(metadata['issuer']) : 'none'
    report(
      'problem',
      `the metadata name the issuer ${named}, the config ${printable(provider.issuer)}; they have to be the same, character by character`,
      named === 'none' ? 'check that this is an OpenID provider' : `write issuer: ${named}, if that is the provider you mean`,
    )
  }
  judgeEndpoints(provider, metadata, report)
  judgeFlow(provider, metadata, report)
  judgeExtras(provider, metadata, report)
  judgeClock('date' in answer ? answer.date : undefined, nowMs, report)
  if (!findings.some(({ level }) => level === 'problem'))
    findings.unshift({ step: 'provider', level: 'ok', path: 'provider.issuer', message: `discovery works at ${url.href}` })
  return { findings, metadata }
}

/** The JSON object in an answer, or a report of what stands in its way. */
function readJson(url: URL, answer: Answer, report: Report): Metadata | undefined {
  if ('failure' in answer) {
    const { message, remedy } = wordFailure(answer.failure, url)
    report('problem', `cannot be reached: ${message}`, remedy)
    return undefined
  }
  if (answer.status !== 200) {
    const isRedirect = answer.status >= 300 && answer.status < 400
    report(
      'problem',
      `${url.href} answers ${answer.status}${isRedirect ? `, a redirect to ${printable(answer.location ?? '')}, which is not followed` : ''}`,
      answer.status >= 500
        ? 'look into the log of the provider'
        : 'check the issuer: host, path (realm or tenant), and no more than that',
    )
    return undefined
  }
  try {
    const json: unknown = JSON.parse(answer.body)
    if (isObject(json)) return json
  } catch {
    // Told below, together with JSON that is no object.
  }
  const isPage = /html/i.test(answer.contentType) || /^\s*</.test(answer.body)
  report(
    'problem',
    `${url.href} answers with ${isPage ? 'an HTML page' : 'something'} that is not JSON metadata`,
    'check the issuer; a login page or a web app answers there',
  )
  return undefined
}

function judgeEndpoints(provider: ProviderConfig, metadata: Metadata, report: Report): void {
  for (const name of [
    'authorization_endpoint',
    'token_endpoint',
    'jwks_uri',
    'userinfo_endpoint',
    'end_session_endpoint',
    'revocation_endpoint',
  ]) {
    const isNeeded = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'].includes(name)
    const value = metadata[name]
    if (value === undefined) {
      if (isNeeded)
        report(
          'problem',
          `the metadata have no ${name}, without which there is no login`,
          'check that this is an OpenID provider with the code flow',
        )
      continue
    }
    const url = typeof value === 'string' ? parseUrl(value) : undefined
    if (url === undefined) report('problem', `the metadata have a ${name} that is not a URL`, 'correct it at the provider')
    else if (url.protocol !== 'https:' && !isLoopbackHost(url.hostname) && !provider.dangerouslyAllowPlainHttp) {
      report(
        'problem',
        `the ${name} is not https: ${printable(url.href)}`,
        'have the provider publish https addresses; behind a proxy, set its public URL',
      )
    }
  }
  if (metadata['end_session_endpoint'] === undefined) {
    report(
      'warning',
      'the provider has no end_session_endpoint; a logout ends the session here, but not at the provider',
      'turn on RP-initiated logout there, if it can',
    )
  }
  if (metadata['revocation_endpoint'] === undefined) {
    report(
      'warning',
      'the provider has no revocation_endpoint; refresh tokens stay valid there after a logout',
      'keep their lifetime short at the provider',
    )
  }
}

function judgeFlow(provider: ProviderConfig, metadata: Metadata, report: Report): void {
  const needs = (name: string, value: string, words: string, remedy: string, path?: string) => {
    const list = listOf(metadata[name])
    if (list !== undefined && !list.includes(value)) report('problem', `${words} (${name})`, remedy, path)
  }
  needs('response_types_supported', 'code', 'the provider does not support the code flow', 'turn it on for this client')
  needs(
    'grant_types_supported',
    'authorization_code',
    'the provider does not support the authorization_code grant',
    'turn it on for this client',
  )
  needs(
    'response_modes_supported',
    provider.responseMode,
    `the provider does not support responseMode ${provider.responseMode}`,
    'choose another',
    'provider.responseMode',
  )
  needs(
    'code_challenge_methods_supported',
    'S256',
    'the provider does not support PKCE with S256, which every login uses',
    'turn it on there',
  )
  if (metadata['code_challenge_methods_supported'] === undefined) {
    report('warning', 'the provider does not say that it supports PKCE with S256; every login uses it', 'check its documentation')
  }
  // Where the metadata name no methods, client_secret_basic is what counts (OpenID Connect Discovery 1.0 section 3).
  const methods = listOf(metadata['token_endpoint_auth_methods_supported']) ?? ['client_secret_basic']
  if (!methods.includes(provider.clientAuth)) {
    report(
      'problem',
      `the provider does not take clientAuth ${provider.clientAuth}`,
      `set it to one that it takes: ${printableList(methods)}`,
      'provider.clientAuth',
    )
  }
  const algorithms = listOf(metadata['id_token_signing_alg_values_supported'])
  if (algorithms !== undefined && !provider.idTokenAlgorithms.some((name) => algorithms.includes(name))) {
    report(
      'problem',
      `the provider signs ID tokens with ${printableList(algorithms)}, none of which is accepted`,
      'add one of them to provider.idTokenAlgorithms, or change the algorithm at the provider',
      'provider.idTokenAlgorithms',
    )
  }
}

function judgeExtras(provider: ProviderConfig, metadata: Metadata, report: Report): void {
  const scopes = listOf(metadata['scopes_supported'])
  const unknown = provider.scope.split(' ').filter((name) => scopes !== undefined && !scopes.includes(name))
  if (unknown.includes('offline_access')) {
    report(
      'warning',
      'the provider does not list the scope offline_access; without a refresh token, a session lasts as long as its first access token',
      'allow refresh tokens for this client; where the provider gives them unasked, take the scope out',
      'provider.scope',
    )
  }
  const others = unknown.filter((name) => name !== 'offline_access')
  if (others.length > 0)
    report(
      'warning',
      `the provider does not list the scope ${others.join(', ')}`,
      'check the spelling; it may be fine',
      'provider.scope',
    )
}

/** Tokens carry times; a machine whose clock is off refuses good ones. */
function judgeClock(date: string | undefined, nowMs: number, report: Report): void {
  const skewSeconds = Math.round((nowMs - Date.parse(date ?? '')) / 1000)
  if (Number.isNaN(skewSeconds) || Math.abs(skewSeconds) <= 30) return
  report(
    'warning',
    `the clock of this machine is ${Math.abs(skewSeconds)} s ${skewSeconds > 0 ? 'ahead of' : 'behind'} the provider's`,
    'synchronise both (NTP)',
  )
}

/** Judges the provider's key set (RFC 7517 section 5). */
export function judgeKeys(provider: ProviderConfig, url: URL, answer: Answer): Finding[] {
  const { findings, report } = collectFindings('provider', 'provider.issuer')
  const json = readJson(url, answer, report)
  if (json === undefined) return findings
  const keys: unknown[] = Array.isArray(json['keys']) ? json['keys'] : []
  if (keys.some((key) => isObject(key) && (key['d'] !== undefined || key['k'] !== undefined))) {
    report('problem', `the key set ${url.href} shows private keys to everybody`, 'replace all keys of the provider at once')
  }
  const usable = keys.filter((key) => isObject(key) && isUsable(key, provider.idTokenAlgorithms)).length
  if (usable === 0) {
    report(
      'problem',
      `the key set ${url.href} has no key for the accepted algorithms (${provider.idTokenAlgorithms.join(', ')})`,
      'add the algorithm of its keys to provider.idTokenAlgorithms, or add a key at the provider',
    )
  } else {
    report('ok', `the key set has ${usable} usable ${usable === 1 ? 'key' : 'keys'}`)
  }
  return findings
}

function isUsable({ kty, use, alg }: Metadata, algorithms: readonly string[]): boolean {
  if (use !== undefined && use !== 'sig') return false
  if (typeof alg === 'string') return algorithms.includes(alg)
  const family = kty === 'RSA' ? /^[RP]S/ : kty === 'EC' ? /^ES/ : kty === 'OKP' ? /^Ed/ : /$^/
  return algorithms.some((name) => family.test(name))
}

function listOf(value: unknown): string[] | undefined {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : undefined
}

function printableList(items: readonly string[]): string {
  return items.length === 0
    ? 'none'
    : items
        .slice(0, 12)
        .map((item) => printable(item).slice(1, -1))
        .join(', ')
}

function isObject(value: unknown): value is Metadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
