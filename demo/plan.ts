import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parse } from 'yaml'

/** What the parts of the demo have to agree on. It is read from coatcheck.yaml, so that the file is the one truth. */
export interface DemoPlan {
  /** The config as written, with the ports moved where another port was asked for. Its paths are absolute then. */
  readonly config: DemoConfig
  /** Whether `config` differs from the file. */
  readonly moved: boolean
  readonly appPort: number
  readonly providerPort: number
  readonly apiPort: number
  /** The API's name: the audience of its tokens. */
  readonly resource: string
  /** The environment that the config's placeholders are filled from. */
  readonly env: Readonly<Record<'DEMO_CLIENT_SECRET' | 'DEMO_SESSION_SECRET', string>>
}

interface DemoConfig {
  origin: string
  listen: { port: number }
  provider: { issuer: string; clientId: string }
  routes: [DemoApiRoute, { path: string; static: string; contentSecurityPolicy: string }]
}

interface DemoApiRoute {
  path: string
  upstream: string
  token: { resource: string }
}

/** Reads the plan from a config file. With `appPort`, provider and API take the two ports after it. */
export function readDemoPlan(file: string, appPort?: number): DemoPlan {
  const config = parse(readFileSync(file, 'utf8')) as DemoConfig
  const [api, page] = config.routes
  if (appPort !== undefined) {
    config.origin = `http://localhost:${appPort}`
    config.listen.port = appPort
    const { issuer } = config.provider
    config.provider.issuer = `http://127.0.0.1:${appPort + 1}`
    page.contentSecurityPolicy = page.contentSecurityPolicy.replace(issuer, config.provider.issuer)
    api.upstream = `http://127.0.0.1:${appPort + 2}/`
    page.static = resolve(dirname(file), page.static)
  }
  return {
    config,
    moved: appPort !== undefined,
    appPort: config.listen.port,
    providerPort: Number(new URL(config.provider.issuer).port),
    apiPort: Number(new URL(api.upstream).port),
    resource: api.token.resource,
    env: { DEMO_CLIENT_SECRET: makeSecret(), DEMO_SESSION_SECRET: makeSecret() },
  }
}

const makeSecret = () => randomBytes(32).toString('base64url')
