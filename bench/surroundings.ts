import { writeFileSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { RedisServer } from '../test/support/redis-server.ts'
import { startPostgres, type PostgresServer } from '../test/support/postgres-server.ts'
import { freePorts, type Servers } from './server.ts'

/** What every target talks to. */
export interface Surroundings {
  readonly folder: string
  readonly issuer: string
  /** Of a second provider with large ID tokens, where one was asked for. */
  readonly largeIssuer: string
  readonly upstreamPort: number
  readonly streamsPort: number
  readonly redisUrl: string
  readonly postgresUrl: string
  readonly redisPid: number
  close(): Promise<void>
}

const root = fileURLToPath(new URL(import.meta.url.includes('/dist/') ? '../../../' : '../', import.meta.url))
export const confFolder = `${root}bench/conf`
export const peersFolder = `${root}bench/peers`
export const loadFolder = `${root}bench/load`
/** Where this program was compiled to. */
export const builtFolder = `${root}bench/dist/bench`
export const gatewayFile = `${root}dist/cli/bin.js`

/** Starts the upstream, the provider and the stores. `callbacks` are the redirect URIs of the targets. */
export async function startSurroundings(
  servers: Servers,
  folder: string,
  callbacks: readonly string[],
  needs: { readonly redis: boolean; readonly postgres: boolean; readonly largeClaimBytes?: number },
): Promise<Surroundings> {
  const [upstreamPort = 0, streamsPort = 0, providerPort = 0, largePort = 0] = await freePorts(4)
  const issuer = `http://127.0.0.1:${providerPort}`
  writeFileSync(`${folder}/1m.bin`, Buffer.alloc(1 << 20, 'abcdefgh'))
  writeFileSync(`${folder}/100m.bin`, Buffer.alloc(100 << 20, 'abcdefgh'))
  const conf = fill(`${confFolder}/upstream.nginx.conf`, `${folder}/upstream.conf`, {
    OUT: folder,
    UPSTREAM: String(upstreamPort),
    ITEM: item(),
  })
  await servers.start({ name: 'upstream', command: 'nginx', args: ['-c', conf, '-p', folder], core: '1' }, upstreamPort)
  const node = (name: string, file: string, port: number, env: Record<string, string> = {}): Promise<number> =>
    servers.start(
      { name, command: process.execPath, args: [`${builtFolder}/${file}`], env: { PORT: String(port), ...env }, core: '1' },
      port,
    )
  await node('streams', 'servers/streams.js', streamsPort)
  await node('provider', 'servers/idp.js', providerPort, { REDIRECT_URIS: JSON.stringify(callbacks) })
  if (needs.largeClaimBytes !== undefined) {
    await node('large provider', 'servers/idp.js', largePort, {
      REDIRECT_URIS: JSON.stringify(callbacks),
      CLAIM_BYTES: String(needs.largeClaimBytes),
    })
  }
  const redis = needs.redis ? await RedisServer.start() : undefined
  const postgres: PostgresServer | undefined = needs.postgres ? await startPostgres() : undefined
  return {
    folder,
    issuer,
    largeIssuer: `http://127.0.0.1:${largePort}`,
    upstreamPort,
    streamsPort,
    redisUrl: redis?.url ?? '',
    postgresUrl: postgres?.url ?? '',
    redisPid: redis?.pid ?? 0,
    close: async () => {
      await redis?.stop()
      await postgres?.stop()
    },
  }
}

/** Writes a configuration file from its pattern, whose gaps are `@NAME@`. */
export function fill(pattern: string, file: string, values: Readonly<Record<string, string>>): string {
  const text = readFileSync(pattern, 'utf8').replace(/@([A-Z0-9]+)@/g, (gap, name: string) => values[name] ?? gap)
  writeFileSync(file, text)
  return file
}

/** 1 KB of JSON, as an API would answer. */
function item(): string {
  const items = Array.from({ length: 9 }, (_, id) => ({
    id,
    name: `item number ${id}`,
    price: 12.5 + id,
    tags: ['alpha', 'beta', 'gamma'],
    when: '2026-01-01T00:00:00Z',
  }))
  return JSON.stringify({ id: 1, items }).padEnd(1024).slice(0, 1024)
}
