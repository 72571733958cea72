import { writeFileSync } from 'node:fs'
import { stringify } from 'yaml'
import type { Core, Program } from './server.ts'
import { builtFolder, confFolder, fill, gatewayFile, peersFolder, type Surroundings } from './surroundings.ts'

/** The scenarios by name; `scenarios.ts` says what each does. */
export type ScenarioName = 'get' | 'post' | 'down1m' | 'down100m' | 'up1m' | 'events' | 'messages' | 'login' | 'steady'

/** One set-up to measure. */
export interface Target {
  readonly name: string
  /** What else it needs. */
  readonly needs?: 'redis' | 'postgres' | 'apache' | 'oauth2-proxy'
  /** Path that a login begins at; none where there is no login. */
  readonly loginPath?: string
  readonly callbackPath?: string
  readonly scenarios: readonly ScenarioName[]
  /** Where it runs; the one core of the target unless it is meant to use both. */
  readonly core?: Core
  /** How many slices of `get` it gets: far ones need fewer to be told apart. */
  readonly slices?: number
  readonly program: (port: number, around: Surroundings) => Omit<Program, 'name' | 'core'>
}

export const benchSecret = 'bench-bench-bench-bench-bench-bench-0123456789-abcdefghijklmnopqrstuvwxyz'
const clientId = 'bench'
const clientSecret = 'bench-secret-bench-secret-bench-secret'
const scope = 'openid profile email offline_access api:read api:write'
const bodies: readonly ScenarioName[] = ['get', 'post', 'down1m', 'down100m', 'up1m']
const everything: readonly ScenarioName[] = [...bodies, 'steady', 'events', 'messages', 'login']

export const baseName = 'bare undici proxy, no login'

/** As long as the access token of the benchmark's provider. */
const tokenBytes = 640

const bare = (name: string, bearer?: string): Target => ({
  name,
  scenarios: [...bodies, 'steady'],
  slices: 16,
  program: (port, { upstreamPort }) => ({
    command: process.execPath,
    args: [`${builtFolder}/servers/bare.js`],
    env: { PORT: String(port), UPSTREAM: `http://127.0.0.1:${upstreamPort}`, BEARER: bearer ?? '' },
  }),
})

/** What a config of Coatcheck says besides what all have in common. */
export interface CoatcheckVariant {
  readonly store?: 'memory' | 'embedded' | 'redis' | 'postgres'
  readonly workers?: number
  readonly extraRoutes?: (upstream: string) => readonly { readonly path: string; readonly upstream: string }[]
}

export function coatcheck(
  name: string,
  variant: CoatcheckVariant,
  more: Partial<Pick<Target, 'scenarios' | 'core' | 'slices'>> = {},
): Target {
  const { store = 'embedded', workers } = variant
  return {
    name,
    ...(store === 'redis' || store === 'postgres' ? { needs: store } : {}),
    loginPath: '/bff/login',
    callbackPath: '/bff/callback',
    scenarios: everything,
    slices: 16,
    ...more,
    program: (port, around) => ({
      command: process.execPath,
      args: [
        gatewayFile,
        'serve',
        '-c',
        coatcheckConfig(name, port, around, variant),
        ...(workers === undefined ? [] : ['--workers', String(workers)]),
      ],
    }),
  }
}

/** Where the embedded store of a gateway on a port is. */
export function storeFolder({ folder }: Pick<Surroundings, 'folder'>, port: number): string {
  return `${folder}/sessions-${port}`
}

function coatcheckConfig(name: string, port: number, around: Surroundings, variant: CoatcheckVariant): string {
  const { store = 'embedded', extraRoutes } = variant
  const upstream = `http://127.0.0.1:${around.upstreamPort}`
  const stores = {
    memory: { type: 'memory' },
    embedded: { type: 'embedded', path: storeFolder(around, port) },
    redis: { type: 'redis', url: around.redisUrl, keyPrefix: `bench-${port}:` },
    postgres: { type: 'postgres', url: around.postgresUrl, schema: `bench_${port}` },
  }
  const file = `${around.folder}/${name.replace(/\W+/g, '_')}.yaml`
  const config = {
    origin: `http://127.0.0.1:${port}`,
    listen: { host: '127.0.0.1', port },
    provider: {
      issuer: around.issuer,
      clientId,
      clientSecret,
      scope,
      authorizationParameters: { prompt: 'consent' },
    },
    session: {
      secrets: [benchSecret],
      idleTimeoutSeconds: 86_400,
      lifetimeSeconds: 86_400,
      store: stores[store],
    },
    // One address makes all the logins there are.
    login: { rateLimit: { requests: 0 } },
    routes: [
      { path: '/api/', upstream: `${upstream}/api/` },
      { path: '/streams/', upstream: `http://127.0.0.1:${around.streamsPort}/` },
      ...(extraRoutes?.(upstream) ?? []),
      { path: '/', upstream: `${upstream}/`, auth: 'none' },
    ],
  }
  writeFileSync(file, stringify(config))
  return file
}

const peer = (name: string, file: string, more: Partial<Target> = {}): Target => ({
  name,
  loginPath: '/login',
  callbackPath: '/callback',
  scenarios: [...bodies, 'login'],
  slices: 4,
  ...more,
  program: (port, { issuer, upstreamPort, redisUrl }) => ({
    command: process.execPath,
    args: [`${peersFolder}/${file}`],
    env: {
      PORT: String(port),
      ISSUER: issuer,
      UPSTREAM: `http://127.0.0.1:${upstreamPort}`,
      ...(more.needs === 'redis' ? { REDIS_URL: redisUrl } : {}),
    },
  }),
})

const apache = (name: string, isRedis: boolean): Target => ({
  name,
  needs: isRedis ? 'redis' : 'apache',
  loginPath: '/login',
  callbackPath: '/callback',
  scenarios: [...bodies, 'login'],
  slices: 8,
  program: (port, around) => {
    const values = {
      OUT: around.folder,
      PORT: String(port),
      UPSTREAM: String(around.upstreamPort),
      ISSUER: around.issuer,
      MODS: '/usr/lib/apache2/modules',
      CACHE: isRedis ? `OIDCCacheType redis\nOIDCRedisCacheServer ${around.redisUrl.replace('redis://', '')}` : '',
    }
    const auth = fill(`${confFolder}/apache-oidc.conf`, `${around.folder}/apache-oidc-${port}.conf`, values)
    const conf = fill(`${confFolder}/apache.conf`, `${around.folder}/apache-${port}.conf`, {
      ...values,
      AUTH: `Include ${auth}`,
    })
    return { command: 'apache2', args: ['-D', 'FOREGROUND', '-f', conf] }
  },
})

const oauth2Proxy: Target = {
  name: 'oauth2-proxy, cookie',
  needs: 'oauth2-proxy',
  loginPath: '/oauth2/start?rd=/open/item',
  callbackPath: '/oauth2/callback',
  scenarios: [...bodies, 'login'],
  slices: 8,
  program: (port, { issuer, upstreamPort, folder }) => ({
    command: `${folder}/bin/oauth2-proxy`,
    args: [
      `--http-address=127.0.0.1:${port}`,
      '--provider=oidc',
      `--oidc-issuer-url=${issuer}`,
      `--client-id=${clientId}`,
      `--client-secret=${clientSecret}`,
      `--redirect-url=http://127.0.0.1:${port}/oauth2/callback`,
      `--upstream=http://127.0.0.1:${upstreamPort}`,
      `--scope=${scope}`,
      '--prompt=consent',
      '--email-domain=*',
      '--cookie-secret=0123456789abcdef0123456789abcdef',
      '--cookie-secure=false',
      '--pass-authorization-header=true',
      '--skip-provider-button=true',
      '--request-logging=false',
      '--auth-logging=false',
      '--standard-logging=false',
      '--code-challenge-method=S256',
      '--skip-auth-regex=^/open/',
    ],
  }),
}

const nginx: Target = {
  name: 'nginx, no login',
  scenarios: [...bodies, 'events', 'messages'],
  slices: 8,
  program: (port, { folder, upstreamPort, streamsPort }) => ({
    command: 'nginx',
    args: [
      '-c',
      fill(`${confFolder}/proxy.nginx.conf`, `${folder}/proxy-${port}.conf`, {
        OUT: folder,
        PORT: String(port),
        UPSTREAM: String(upstreamPort),
        STREAMS: String(streamsPort),
      }),
      '-p',
      folder,
    ],
  }),
}

/** The table of the README, in its order. */
export const targets: readonly Target[] = [
  bare(baseName),
  { ...bare('the same again (control)'), scenarios: ['get'] },
  { ...bare('bare, with the header fields of a BFF', 'x'.repeat(tokenBytes)), scenarios: ['get', 'post'] },
  coatcheck('Coatcheck, embedded', {}),
  coatcheck('Coatcheck, Redis', { store: 'redis' }),
  coatcheck('Coatcheck, Postgres', { store: 'postgres' }),
  coatcheck('Coatcheck, 2 workers on 2 cores', { workers: 2 }, { core: '0,1', scenarios: ['get', 'post', 'login'] }),
  nginx,
  apache('mod_auth_openidc, shm', false),
  apache('mod_auth_openidc, Redis', true),
  peer('express-openid-connect, cookie', 'express.mjs'),
  peer('express-openid-connect, Redis', 'express.mjs', { needs: 'redis' }),
  peer('fastify + secure-session', 'fastify.mjs'),
  peer('hono + iron-session', 'hono.mjs'),
  oauth2Proxy,
]
