/** Options of the PostgreSQL store. */
export interface PostgresStoreOptions {
  /**
   * As in `postgres://user:password@host:5432/database?sslmode=verify-full`. The server's certificate is verified unless the
   * host is loopback or a socket, or `sslmode=disable` is written.
   */
  readonly url: string
  /**
   * The server itself, where `url` leads to a pooler in transaction mode (PgBouncer): notifications need a connection of
   * their own. Default: `url`, which then gets a `statement_timeout` of its own too.
   */
  readonly listenUrl?: string
  /** Schema of the tables, made where it is missing. Lower-case letters, digits and "_". Default: coatcheck. */
  readonly schema?: string
  /** Most connections at once, without the one that listens. Default: 10. */
  readonly poolSize?: number
  /** Certificate authorities (PEM) that the server's certificate is checked against instead of the system's. */
  readonly ca?: string
  /** How long a node that hears nothing goes on trusting what it read, in milliseconds. Default: 400. */
  readonly trustMs?: number
  /** Epoch milliseconds. Default: Date.now. */
  readonly clock?: () => number
}
