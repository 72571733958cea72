import { randomBytes } from 'node:crypto'
import { basename, dirname, resolve } from 'node:path'
import { fileTrouble } from '../config/interpolate.ts'
import { printPath } from '../config/option-path.ts'
import { parseConfig } from '../config/parse.ts'
import { readTextFile, resolveConfig } from '../config/resolve.ts'
import type { Config } from '../config/schema.ts'
import {
  configFromFlags,
  devOrigin,
  devScope,
  moveToThisMachine,
  resourcesOf,
  tokenRoutes,
  writtenPort,
} from '../dev/dev-config.ts'
import type { DevPlace } from '../dev/dev-config.ts'
import { freePort } from '../dev/listen.ts'
import { startDevProvider } from '../dev/provider.ts'
import { defaultDevUsers, readDevUsers } from '../dev/users.ts'
import type { DevUser } from '../dev/users.ts'
import { ConfigError } from '../errors.ts'
import { startGateway } from '../gateway/gateway.ts'

export interface DevOptions {
  /** A config file, whose provider, origin, store and secrets are replaced by local ones. */
  readonly config?: string
  /** Without a config file: a folder to serve at `/`. */
  readonly static?: string
  /** Without a config file: what stands behind, each as `/api/=http://127.0.0.1:3000/`. */
  readonly upstream?: readonly string[]
  /** Without a config file: scopes to ask for. */
  readonly scope?: string
  /** A YAML or JSON file with the users to pick from. Default: Ada and Ben. */
  readonly users?: string
  /** Port of the gateway; 0 picks a free one. Default: that of the config, or 8080. */
  readonly port?: number
  /** Port of the local provider; 0 picks a free one. Default: 4000. */
  readonly providerPort?: number
  /** Takes what is printed, in whole lines without the line end. Default: standard output. */
  readonly print?: (line: string) => void
}

/**
 * Starts the gateway together with a local OpenID provider, for development: both on loopback, everything in memory.
 *
 * @throws ConfigError where the config cannot be used; Error where a port is taken or oidc-provider is not installed.
 */
export async function runDev(options: DevOptions): Promise<{ url: string; issuer: string; close(): Promise<void> }> {
  const { print = console.log } = options
  const { written, baseDir } = readWritten(options)
  const users = options.users === undefined ? defaultDevUsers : readDevUsers(readNamed(resolve(options.users), 'file of users'))
  const place: DevPlace = {
    port: (options.port ?? writtenPort(written) ?? 8080) || (await freePort()),
    issuer: `http://127.0.0.1:${(options.providerPort ?? 4000) || (await freePort())}`,
    clientId: 'coatcheck-dev',
    clientSecret: randomBytes(32).toString('base64url'),
    sessionSecret: randomBytes(32).toString('base64url'),
  }
  const config = resolveConfig(moveToThisMachine(written, place), { baseDir })
  const provider = await startDevProvider({
    port: Number(new URL(place.issuer).port),
    users,
    resources: resourcesOf(config.routes, config.provider.scope),
    clients: [
      {
        clientId: place.clientId,
        clientSecret: place.clientSecret,
        name: 'Your app',
        redirectUris: [`${config.origin}${config.basePath}/callback`],
        postLogoutRedirectUris: [`${config.origin}${config.logout.postLogoutPath}`],
        backchannelLogoutUri: `${config.origin}${config.basePath}/backchannel-logout`,
      },
    ],
    onProblem: print,
  })
  const gateway = await startGateway(config).catch(async (error: unknown) => {
    await provider.close()
    throw error
  })
  print(welcome(config, users))
  return {
    url: devOrigin(place.port),
    issuer: provider.issuer,
    async close() {
      try {
        await gateway.close()
      } finally {
        await provider.close()
      }
    },
  }
}

function readWritten(options: DevOptions): { written: unknown; baseDir: string } {
  const { config: file, upstream: upstreams = [] } = options
  const hasFlags = options.static !== undefined || options.scope !== undefined || upstreams.length > 0
  if (file !== undefined) {
    if (hasFlags) throw new Error('static, upstream and scope stand in for a config file; with one, write them there')
    const path = resolve(file)
    const { value, problems } = parseConfig(readNamed(path, 'config file'))
    if (problems.length > 0) {
      throw new ConfigError(
        problems.map(({ message, line, column, path: at }) => ({
          path: printPath(at),
          message,
          place: `${basename(path)}:${line}:${column}`,
        })),
      )
    }
    return { written: value, baseDir: dirname(path) }
  }
  if (options.static === undefined && upstreams.length === 0) {
    throw new Error(
      'Say what stands behind: a config file (-c coatcheck.yaml), or --static ./dist and --upstream /api/=http://127.0.0.1:3000/',
    )
  }
  const flags = {
    upstreams,
    ...(options.static !== undefined && { static: options.static }),
    ...(options.scope !== undefined && { scope: options.scope }),
  }
  return { written: configFromFlags(flags), baseDir: process.cwd() }
}

function readNamed(path: string, what: string): string {
  try {
    return readTextFile(path)
  } catch (error) {
    throw new ConfigError([{ path: '', message: `needs the ${what} ${JSON.stringify(path)}, ${fileTrouble(error)}` }])
  }
}

/** Where to look, whom to log in as, and what the API has to be told. */
function welcome(config: Config, users: readonly DevUser[]): string {
  const { issuer } = config.provider
  const apis = tokenRoutes(config.routes).flatMap(({ path, upstream, resource }) => [
    `  ${path} -> ${upstream}`,
    `    issuer    ${issuer}`,
    `    audience  ${resource}`,
    `    keys      ${issuer}/jwks  (RS256, type at+jwt)`,
  ])
  return [
    '',
    '  FOR DEVELOPMENT ONLY: the local provider knows no passwords, and anybody on this machine can be anybody.',
    '',
    `  App       ${config.origin}/`,
    `  Log in    ${config.origin}${config.basePath}/login  as ${users.map(({ name }) => name).join(' or ')}`,
    `  Provider  ${issuer}`,
    ...(apis.length === 0 ? [] : ['', '  Your APIs get JWT access tokens. Have each of them check:', ...apis]),
    ...(config.provider.scope === devScope
      ? ['', '  Scopes of your APIs are asked for with --scope, or with provider.scope in a config file.']
      : []),
    '',
  ].join('\n')
}
