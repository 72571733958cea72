import type { Client, ClientConfig } from 'pg'

/** The part of the package `pg` that is used. */
export interface PostgresDriver {
  readonly Client: new (config: ClientConfig) => Client
}

/** Loads the package `pg`, which only those install who use this store. */
export async function loadDriver(): Promise<PostgresDriver> {
  try {
    return await import('pg')
  } catch (error) {
    throw new Error('it needs the package pg, 8.23 or newer; install it with: npm install pg', { cause: error })
  }
}

/** The SQLSTATE of an error that the server sent. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && code !== 'EPIPE' ? code : undefined
}

/** What an error is worth telling: the first of several, and a hint where the cause is known. */
export function reasonOf(error: unknown): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error
  const reason = first instanceof Error ? first.message : String(first)
  if (reason.includes('does not support SSL')) return `${reason}; on a network of your own, add ?sslmode=disable to the URL`
  if (reason.includes('unsupported startup parameter'))
    return `${reason}; this is a pooler: give the server's own address as listenUrl`
  return reason
}

/** Closes a connection that may be dead, and waits for nothing. */
export function abandon(client: Client): void {
  client.connection.stream.destroy()
}
