/** One address of a server or of a sentinel. */
export interface RedisAddress {
  readonly host: string
  readonly port: number
}

/** What a URL says about where Redis is. */
export interface RedisTarget {
  readonly topology: 'single' | 'sentinel' | 'cluster'
  readonly tls: boolean
  /** The server, the sentinels, or some nodes of the cluster. */
  readonly addresses: readonly RedisAddress[]
  readonly username?: string
  readonly password?: string
  readonly database: number
  /** The name under which the sentinels know the primary. */
  readonly primaryName?: string
}

const shape = /^(redis|valkey)(s?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/?#]*)@)?([^@/?#]+)(?:\/([^?#]*))?$/
const addressShape = /^(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+)(?::(\d{1,5}))?$/
const examples =
  'redis://HOST:6379, rediss://HOST:6379, redis+sentinel://HOST1:26379,HOST2:26379/NAME or redis+cluster://HOST1:6379,HOST2:6379'

/**
 * Reads `redis://[user:password@]host[:port][/database]`; `rediss` is Redis over TLS, `valkey` the same as `redis`, and
 * `+sentinel` (`.../primary[/database]`) and `+cluster` take several addresses with commas between them.
 *
 * @throws RangeError with what is wrong, and without the URL: it holds a password.
 */
export function parseRedisUrl(url: string): RedisTarget {
  const [, , secure, topology = 'single', login, hosts = '', path = ''] = shape.exec(url) ?? fail(`is not like ${examples}`)
  if (topology !== 'sentinel' && topology !== 'cluster' && topology !== 'single') return fail(`is not like ${examples}`)
  const addresses = hosts.split(',').map((text) => addressOf(text, topology === 'sentinel' ? 26_379 : 6379))
  if (topology === 'single' && addresses.length > 1) fail('names several servers: say redis+cluster:// or redis+sentinel://')
  const segments = path === '' ? [] : path.split('/')
  const primaryName = topology === 'sentinel' ? decoded(segments.shift() ?? '') : undefined
  if (primaryName === '') fail('has no name of the primary: redis+sentinel://HOST:26379/NAME')
  const [database = '0', ...rest] = segments
  if (rest.length > 0 || !/^\d{1,5}$/.test(database)) fail('ends with something else than the number of a database')
  if (topology === 'cluster' && database !== '0') fail('names a database, which a cluster does not have')
  return {
    topology,
    tls: secure === 's',
    addresses,
    ...credentialsOf(login),
    database: Number(database),
    ...(primaryName === undefined ? {} : { primaryName }),
  }
}

function addressOf(text: string, defaultPort: number): RedisAddress {
  const [, host = '', port = `${defaultPort}`] = addressShape.exec(text) ?? fail('has an address that is not HOST:PORT')
  if (Number(port) < 1 || Number(port) > 65_535) fail('has a port that is not between 1 and 65535')
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
}

function credentialsOf(login: string | undefined): { readonly username?: string; readonly password?: string } {
  if (login === undefined) return {}
  const colon = login.indexOf(':')
  if (colon < 0) return fail('has a user and no password: redis://USER:PASSWORD@HOST, or redis://:PASSWORD@HOST')
  const [username, password] = [decoded(login.slice(0, colon)), decoded(login.slice(colon + 1))]
  return username === '' ? { password } : { username, password }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return fail('has a % that is not part of a percent-encoding')
  }
}

function fail(problem: string): never {
  throw new RangeError(`the Redis URL ${problem}`)
}
