import type { Config } from '../../config/schema.ts'
import { ask } from './ask.ts'
import type { Question } from './ask.ts'
import { collectFindings } from './finding.ts'
import type { Finding } from './finding.ts'
import { discoveryUrl, judgeDiscovery, judgeKeys } from './judge-provider.ts'
import { parseUrl } from '../../config/url-reading.ts'

/** Asks the provider for its metadata and keys, and judges them. */
export async function checkProvider(config: Config, signal: AbortSignal): Promise<Finding[]> {
  const { provider } = config
  const tls = { ca: provider.tls?.ca, cert: provider.tls?.cert?.reveal(), key: provider.tls?.key?.reveal() }
  const get = (url: URL): Question => ({ url, method: 'GET', signal, ...(provider.tls === undefined ? {} : { tls }) })
  const url = discoveryUrl(provider.issuer)
  const { findings, metadata } = judgeDiscovery(provider, await ask(get(url)), Date.now())
  const keys = metadata?.['jwks_uri']
  const keysUrl = typeof keys === 'string' ? parseUrl(keys) : undefined
  const judged =
    keysUrl !== undefined && /^https?:$/.test(keysUrl.protocol) ? judgeKeys(provider, keysUrl, await ask(get(keysUrl))) : []
  return [...findings, ...judged, ...tellRegistration(config)]
}

/** What the client's registration at the provider has to say: nothing can ask for that without a login. */
function tellRegistration({ origin, basePath, logout, provider }: Config): Finding[] {
  const { findings, report } = collectFindings('provider', 'provider.clientId')
  const frontChannel = logout.frontChannel ? `, front-channel logout URI ${origin}${basePath}/frontchannel-logout` : ''
  report('ok', `register at the provider for ${provider.clientId}: redirect URI ${origin}${basePath}/callback`)
  report(
    'ok',
    `register there too: post-logout redirect URI ${origin}${logout.postLogoutPath}, back-channel logout URI ${origin}${basePath}/backchannel-logout${frontChannel}`,
  )
  return findings
}
