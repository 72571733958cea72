import type { ClientConfig } from 'pg'
import type { PostgresStoreOptions } from './postgres-store-options.ts'
import { parseUrl } from '../config/url-reading.ts'

/** The options, checked and complete. */
export interface PostgresSettings {
  readonly pool: ClientConfig
  readonly listen: ClientConfig
  /** Whether statements go through a pooler, where a connection keeps no state between them. */
  readonly isPooled: boolean
  readonly poolSize: number
  readonly schema: string
  /** Notifications reach the whole database; this tells the nodes of one schema apart. */
  readonly channel: string
  readonly trustMs: number
  readonly clock: () => number
  /** Where the store is, for messages: without user and password. */
  readonly place: string
}

/** A statement that takes longer has failed: the caller has two seconds in all. */
export const statementTimeoutMs = 900

const knownParameters = new Set(['sslmode', 'host', 'port', 'application_name', 'options', 'channel_binding', 'connect_timeout'])
const verifyingModes = new Set(['require', 'verify-ca', 'verify-full'])
const schemaName = /^[a-z_][a-z0-9_]{0,49}$/

/** Throws a TypeError, which never repeats the URL, for what cannot be used. */
export function readPostgresOptions(options: PostgresStoreOptions): PostgresSettings {
  const { schema = 'coatcheck', poolSize = 10, trustMs = 400, clock = Date.now } = options
  if (!schemaName.test(schema)) throw new TypeError('schema: use lower-case letters, digits and "_", at most 50 characters')
  if (!Number.isInteger(poolSize) || poolSize < 1 || poolSize > 1000)
    throw new TypeError('poolSize: write a number from 1 to 1000')
  if (!Number.isInteger(trustMs) || trustMs < 20 || trustMs > 2000) throw new TypeError('trustMs: write a number from 20 to 2000')
  const pool = readUrl('url', options.url, options.ca)
  const isPooled = options.listenUrl !== undefined
  const listen = isPooled ? readUrl('listenUrl', options.listenUrl, options.ca) : pool
  return {
    // A pooler refuses unknown parameters at the start, and would give settings made later to somebody else.
    pool: isPooled ? pool : { ...pool, statement_timeout: statementTimeoutMs, idle_in_transaction_session_timeout: 10_000 },
    listen,
    isPooled,
    poolSize,
    schema,
    channel: `coatcheck:${schema}`,
    trustMs,
    clock,
    place: `${pool.host}:${pool.port}/${pool.database ?? ''}`,
  }
}

function readUrl(name: string, text: string, ca: string | undefined): ClientConfig {
  const url = parseUrl(text)
  if (url === undefined || (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:'))
    throw new TypeError(`${name}: is not a PostgreSQL URL; write it as in postgres://user:password@host:5432/database`)
  for (const parameter of url.searchParams.keys()) {
    if (!knownParameters.has(parameter))
      throw new TypeError(`${name}: the parameter ${parameter} is not known; known are ${[...knownParameters].join(', ')}`)
  }
  const parameter = (key: string) => url.searchParams.get(key) ?? undefined
  const decoded = (part: string) => (part === '' ? undefined : decode(name, part))
  const host = parameter('host') ?? decoded(url.hostname.replace(/^\[(.*)\]$/, '$1')) ?? 'localhost'
  return {
    host,
    port: Number(parameter('port') ?? (url.port || 5432)),
    user: decoded(url.username),
    password: decoded(url.password),
    database: decoded(url.pathname.slice(1)),
    ssl: readTls(name, host, parameter('sslmode'), ca),
    application_name: parameter('application_name') ?? 'coatcheck',
    options: parameter('options'),
    enableChannelBinding: ['require', 'prefer'].includes(parameter('channel_binding') ?? ''),
    keepAlive: true,
  }
}

/** What libpq calls `require` does not verify; here each mode that encrypts verifies the certificate and the name in it. */
function readTls(name: string, host: string, mode: string | undefined, ca: string | undefined): ClientConfig['ssl'] {
  if (mode === 'disable') return false
  if (mode === undefined && ca === undefined && isLocal(host)) return false
  if (mode !== undefined && !verifyingModes.has(mode))
    throw new TypeError(`${name}: sslmode=${mode} would fall back to an unverified connection; use verify-full or disable`)
  return { rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) }
}

function isLocal(host: string): boolean {
  return host.startsWith('/') || host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

function decode(name: string, part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new TypeError(`${name}: has a "%" that encodes nothing; write it as %25`)
  }
}
