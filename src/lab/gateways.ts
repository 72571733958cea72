import { randomBytes } from 'node:crypto'
import { resolveConfig } from '../config/resolve.ts'
import { startGateway, type Gateway } from '../gateway/gateway.ts'
import { apiResource, gatewayNames, originOf, scope, type GatewayName, type Places } from './places.ts'
import { fetchOnLoopback } from './wire.ts'

/** A script that the lab's bank serves, and that the attacker could fill: think of an upload that is served again. */
export const workerPath = '/worker.js'
export const stepUpClass = 'step-up'

/** What sets the three apart from the defaults: documented options, and nothing else. */
const optionsOf: Readonly<Record<GatewayName, object>> = {
  bff: {},
  loose: { csrf: { mode: 'origin' }, serviceWorkers: [workerPath] },
  'step-up': { login: { parameters: ['prompt', 'loginHint', 'acrValues'] } },
}

/** Starts the three Coatchecks of the lab. */
export async function startGateways(
  places: Places,
  issuer: string,
  secrets: Readonly<Record<string, string>>,
): Promise<readonly Gateway[]> {
  const upstream = `http://127.0.0.1:${places.port}`
  const token = { resource: apiResource }
  const start = (name: GatewayName) => {
    const isStepUp = name === 'step-up'
    const transfers = { path: '/api/transfers', upstream: `${upstream}/api/transfers`, token }
    const config = resolveConfig(
      {
        origin: originOf(places, name),
        listen: { host: '127.0.0.1', port: places.gatewayPorts[name] },
        provider: { issuer, clientId: name, clientSecret: secrets[name] ?? '', scope },
        session: {
          secrets: [randomBytes(32).toString('base64url')],
          store: { type: 'memory' },
          cookie: { sameSite: name === 'loose' ? 'lax' : 'strict' },
        },
        log: { level: 'silent' },
        routes: [
          { path: '/api/', upstream: `${upstream}/api/`, token },
          ...(isStepUp ? [{ ...transfers, require: { claims: { acr: stepUpClass } } }] : []),
          { path: '/', upstream: `${upstream}/at/${name}/`, auth: 'none' },
        ],
        ...optionsOf[name],
      },
      { env: {} },
    )
    return startGateway(config, { fetch: fetchOnLoopback })
  }
  const started = await Promise.allSettled(gatewayNames.map(start))
  const gateways = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  const failed = started.find((result) => result.status === 'rejected')
  if (failed === undefined) return gateways
  await Promise.all(gateways.map((gateway) => gateway.close()))
  throw failed.reason
}
