/** The names of everything the store keeps in Redis or says there. All begin with one prefix, so that an ACL can name them. */
export class RedisNames {
  readonly #record: string
  readonly #tag: string
  readonly #probe: string
  readonly #heard: string
  /** The hash of the nodes that are told of changes. */
  readonly nodes: string
  /** The channel on which changes are told. */
  readonly changes: string

  constructor(prefix: string) {
    this.#record = `${prefix}record:`
    this.#tag = `${prefix}tag:`
    this.#probe = `${prefix}probe:`
    this.#heard = `${prefix}heard:`
    this.nodes = `${prefix}nodes`
    this.changes = `${prefix}changes`
  }

  record(key: string): string {
    return this.#record + key
  }

  /** The key of a record by its name in Redis. */
  keyOf(record: string): string {
    return record.slice(this.#record.length)
  }

  tag(tag: string): string {
    return this.#tag + tag
  }

  probe(id: string): string {
    return this.#probe + id
  }

  /** The channel on which a node learns who has heard its changes. */
  heard(node: string): string {
    return this.#heard + node
  }
}
