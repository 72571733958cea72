import { performance } from 'node:perf_hooks'
import type { Client, QueryResultRow } from 'pg'
import { abandon, loadDriver, sqlStateOf } from './postgres-driver.ts'
import type { PostgresDriver } from './postgres-driver.ts'
import { statementTimeoutMs } from './postgres-options.ts'
import type { PostgresSettings } from './postgres-options.ts'

/** SQL with numbered parameters, and a name under which the server may keep it prepared. */
export interface Statement {
  readonly name: string
  readonly text: string
}

/** What waits for a connection beyond this fails at once. */
const mostWaiting = 500
const mostAttempts = 3
/** A connection that stood idle for longer is not used again: something on the way may have forgotten it silently. */
const mostIdleMs = 60_000
/** A read-only server is left for a new connection this often: after a failover the same address leads to another one. */
const readOnlyPauseMs = 1000

interface Waiter {
  readonly resolve: (client: Client) => void
  readonly reject: (error: unknown) => void
}

/**
 * Connections for single statements, each a transaction of its own: nothing here depends on two of them being the same.
 *
 * When a connection turns out to be dead, those that were opened before most likely are too: none of them is used again, and
 * the statement is tried on a new one. Every statement of the store can be repeated without harm.
 */
export class PostgresPool {
  readonly #settings: PostgresSettings
  /** With the round in which each was opened. */
  readonly #open = new Map<Client, number>()
  readonly #waiting = new Set<Waiter>()
  #idle: { readonly client: Client; readonly sinceMs: number }[] = []
  #connecting = 0
  #round = 0
  #driver: PostgresDriver | undefined
  #leftReadOnlyAtMs = -Infinity
  #isClosed = false

  constructor(settings: PostgresSettings) {
    this.#settings = settings
  }

  /** The rows. Fails within `statementTimeoutMs`, whatever the server does. */
  async query<Row extends QueryResultRow>(statement: Statement, values: readonly unknown[]): Promise<readonly Row[]> {
    const endMs = performance.now() + statementTimeoutMs
    this.#driver ??= await loadDriver()
    for (let attempt = 1; ; attempt++) {
      let client: Client | undefined
      try {
        client = await this.#take(endMs)
        return await this.#ask<Row>(client, statement, values, endMs)
      } catch (error) {
        const isWorthAnotherTry = this.#judge(client, error)
        if (!isWorthAnotherTry || attempt === mostAttempts || performance.now() >= endMs) throw error
      }
    }
  }

  close(): void {
    this.#isClosed = true
    for (const { reject } of this.#waiting) reject(new Error('the store is closed'))
    this.#waiting.clear()
    for (const { client } of this.#idle.splice(0)) this.#end(client)
  }

  async #ask<Row extends QueryResultRow>(
    client: Client,
    { name, text }: Statement,
    values: readonly unknown[],
    endMs: number,
  ): Promise<readonly Row[]> {
    const asked = client.query<Row>({ ...(this.#settings.isPooled ? {} : { name }), text, values: [...values] })
    const { rows } = await this.#within(endMs, asked, () => abandon(client))
    this.#give(client)
    return rows
  }

  #take(endMs: number): Promise<Client> {
    if (this.#isClosed) return Promise.reject(new Error('the store is closed'))
    const newest = this.#idle.pop()
    if (newest !== undefined && performance.now() - newest.sinceMs < mostIdleMs) return Promise.resolve(newest.client)
    if (newest !== undefined) {
      this.#end(newest.client)
      this.#dropAll()
    }
    if (this.#waiting.size >= mostWaiting) return Promise.reject(new Error('too many statements wait for a connection'))
    let waiter: Waiter | undefined
    const taken = new Promise<Client>((resolve, reject) => {
      waiter = { resolve, reject }
      this.#waiting.add(waiter)
    })
    this.#connectIfNeeded()
    return this.#within(endMs, taken, () => waiter !== undefined && this.#waiting.delete(waiter))
  }

  #give(client: Client): void {
    const round = this.#open.get(client)
    if (round === undefined) return
    if (this.#isClosed || round !== this.#round) return this.#end(client)
    const [waiter] = this.#waiting
    if (waiter === undefined) {
      this.#idle.push({ client, sinceMs: performance.now() })
      const oldest = this.#idle[0]
      if (oldest !== undefined && performance.now() - oldest.sinceMs > mostIdleMs) this.#end(oldest.client)
      return
    }
    this.#waiting.delete(waiter)
    waiter.resolve(client)
  }

  #connectIfNeeded(): void {
    const { poolSize } = this.#settings
    if (this.#waiting.size > this.#connecting && this.#open.size + this.#connecting < poolSize) void this.#connect()
  }

  async #connect(): Promise<void> {
    if (this.#driver === undefined) return
    this.#connecting += 1
    const round = this.#round
    const client = new this.#driver.Client({ ...this.#settings.pool, connectionTimeoutMillis: statementTimeoutMs })
    let isLost = false
    client.on('error', () => {
      isLost = true
      this.#lost(client)
    })
    try {
      await client.connect()
      // The server may have ended it with the same packet that opened it.
      if (!isLost) this.#open.set(client, round)
    } catch (error) {
      abandon(client)
      const [waiter] = this.#waiting
      if (waiter !== undefined) this.#waiting.delete(waiter)
      waiter?.reject(error)
    } finally {
      this.#connecting -= 1
    }
    this.#give(client)
    this.#connectIfNeeded()
  }

  /** Whether the statement is worth another try. */
  #judge(client: Client | undefined, error: unknown): boolean {
    const state = sqlStateOf(error)
    if (client === undefined) return state !== undefined && isLostConnection(state)
    if (state === '25006') return this.#leaveReadOnly(client)
    if (state !== undefined && !isLostConnection(state)) {
      this.#give(client)
      return state === '40001' || state === '40P01'
    }
    const wasBroken = state !== undefined || !this.#open.has(client)
    this.#lost(client)
    this.#dropAll()
    return wasBroken
  }

  #leaveReadOnly(client: Client): boolean {
    const now = performance.now()
    const leaves = now - this.#leftReadOnlyAtMs >= readOnlyPauseMs
    this.#give(client)
    if (!leaves) return false
    this.#leftReadOnlyAtMs = now
    this.#dropAll()
    return true
  }

  #dropAll(): void {
    this.#round += 1
    for (const { client } of this.#idle.splice(0)) this.#end(client)
  }

  #lost(client: Client): void {
    abandon(client)
    this.#forget(client)
  }

  #end(client: Client): void {
    this.#forget(client)
    client.end().catch(() => undefined)
    // Where the server does not answer, nothing would ever end it.
    setTimeout(() => abandon(client), statementTimeoutMs).unref()
  }

  #forget(client: Client): void {
    this.#idle = this.#idle.filter((entry) => entry.client !== client)
    if (this.#open.delete(client)) this.#connectIfNeeded()
  }

  async #within<T>(endMs: number, answer: Promise<T>, giveUp: () => unknown): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => {
          reject(new Error(`no answer within ${statementTimeoutMs} ms`))
          giveUp()
        },
        Math.max(0, endMs - performance.now()),
      )
    })
    try {
      return await Promise.race([answer, late])
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Class 08, and a server that is shutting down or has crashed. */
function isLostConnection(state: string): boolean {
  return state.startsWith('08') || state === '57P01' || state === '57P02'
}
