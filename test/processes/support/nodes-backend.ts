import type { SessionStore } from '../../../src/stores/store.ts'

/** A part of a dump: where it stands, and its bytes. */
export interface Dumped {
  readonly where: string
  readonly bytes: Buffer
}

/** A shared store with its server, as the tests of several nodes need it. */
export interface NodesBackend {
  readonly name: 'redis' | 'postgres'
  /** `session.store` of the config. */
  readonly config: Readonly<Record<string, unknown>>
  /** A client of its own, as an operator's command has one. */
  connect(): SessionStore
  /** What the server has been asked so far, by command or statement. Counted by the server. */
  asked(): Promise<ReadonlyMap<string, number>>
  /** Everything that is kept, name by name and value by value. */
  dump(): Promise<Dumped[]>
  /** Removes everything that is kept. */
  clear(): Promise<void>
  stop(): Promise<void>
}
