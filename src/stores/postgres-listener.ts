import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { Client } from 'pg'
import { abandon, loadDriver } from './postgres-driver.ts'
import type { HeldVersions } from './postgres-held.ts'
import { formatMessage, mostHeard, parseMessage } from './postgres-message.ts'
import { statementTimeoutMs } from './postgres-options.ts'
import type { PostgresSettings } from './postgres-options.ts'
import type { PostgresPeers } from './postgres-peers.ts'
import type { Statements } from './postgres-statements.ts'

const firstRetryMs = 50
const longestRetryMs = 1000

/** Without a question for this long, a node stops beating; the next question makes it begin again. */
const idleAfterMs = 10_000

/** Longer than another node takes to hear a beat, or a new one to be told of an older. */
const awaitedForMs = 2000

/** The two ways, to write and to listen, are seen to lead to the same server this often, and trusted this long to do so. */
const echoEveryMs = 2000
const echoCountsMs = 5000

/** A beat under way. */
interface Beat {
  readonly number: number
  readonly sentAtMs: number
  readonly sentAtWallMs: number
}

/**
 * The connection on which this node hears what the others end.
 *
 * What was read is trusted only for `trustMs` from the sending of a beat, a notification that has come back on this very
 * connection: every announcement that was made before the beat has then been heard. A node that is cut off, stopped or too
 * busy to listen stops trusting by itself, and the others wait that long at most.
 */
export class PostgresListener {
  readonly #settings: PostgresSettings
  readonly #held: HeldVersions
  readonly #peers: PostgresPeers
  readonly #beatStatement: string
  readonly #say: (message: string) => Promise<unknown>
  #client: Client | undefined
  #timer: NodeJS.Timeout | undefined
  #retryMs = firstRetryMs
  #node = ''
  #beat: Beat | undefined
  #beats = 0
  #isBeating = false
  #trusted: { readonly fromMs: number; readonly fromWallMs: number } | undefined
  #echo: { readonly number: number; readonly sentAtMs: number } | undefined
  #echoedMs = -Infinity
  #lastAskedMs = -Infinity
  #heard: string[] = []
  #file: string | null | undefined
  #state: 'new' | 'open' | 'closed' = 'new'

  /** `say` notifies on the connections that write. */
  constructor(
    settings: PostgresSettings,
    statements: Statements,
    held: HeldVersions,
    peers: PostgresPeers,
    say: (message: string) => Promise<unknown>,
  ) {
    this.#settings = settings
    this.#say = say
    this.#held = held
    this.#peers = peers
    this.#beatStatement = statements.beat.text
  }

  /** Begins to listen at the first call; times are monotonic. Called with every question, so that an idle node costs the server nothing. */
  want(nowMs: number): void {
    this.#lastAskedMs = nowMs
    if (this.#state === 'new') {
      this.#state = 'open'
      void this.#connect()
    } else if (this.#client !== undefined && !this.isTrusting(nowMs)) this.#assure()
  }

  /** Both clocks have to agree: one stands still while the machine sleeps, and the other can be set back. */
  isTrusting(nowMs: number): boolean {
    if (this.#trusted === undefined || nowMs - this.#echoedMs >= echoCountsMs) return false
    const { fromMs, fromWallMs } = this.#trusted
    const { trustMs } = this.#settings
    return nowMs - fromMs < trustMs && Date.now() - fromWallMs < trustMs
  }

  async close(): Promise<void> {
    this.#state = 'closed'
    clearTimeout(this.#timer)
    const client = this.#client
    this.#stopTrusting()
    if (client === undefined) return
    const bye = client.query('select pg_notify($1, $2)', [
      this.#settings.channel,
      formatMessage({ kind: 'bye', node: this.#node }),
    ])
    // Said in passing: without it, the others wait until the last beat is old.
    await Promise.race([bye.catch(() => undefined), new Promise((resolve) => setTimeout(resolve, 200).unref())])
    abandon(client)
  }

  async #connect(): Promise<void> {
    let client: Client | undefined
    try {
      const { Client } = await loadDriver()
      client = new Client({
        ...this.#settings.listen,
        connectionTimeoutMillis: statementTimeoutMs,
        query_timeout: statementTimeoutMs,
        keepAliveInitialDelayMillis: 5000,
      })
      const opened = client
      client.on('error', () => this.#lost(opened))
      client.on('notification', ({ channel, payload }) => {
        if (opened === this.#client && channel === this.#settings.channel) this.#receive(payload ?? '')
      })
      await client.connect()
      await client.query(`listen "${this.#settings.channel}"`)
      if (this.#state === 'closed') return abandon(client)
      this.#begin(client)
    } catch {
      // Statements tell the trouble to whoever needs to know; without a listener nothing is trusted.
      if (client !== undefined) abandon(client)
      this.#retry()
    }
  }

  #begin(client: Client): void {
    this.#client = client
    this.#retryMs = firstRetryMs
    this.#node = randomBytes(9).toString('base64url')
    this.#beat = undefined
    this.#isBeating = false
    this.#echo = undefined
    this.#echoedMs = -Infinity
    this.#heard = []
    this.#file = undefined
    this.#held.setListening(true)
    this.#peers.setListening(true)
    this.#assure()
    this.#schedule(() => this.#tick(), this.#settings.trustMs / 3)
  }

  #lost(client: Client): void {
    abandon(client)
    if (client !== this.#client) return
    this.#stopTrusting()
    this.#retry()
  }

  #stopTrusting(): void {
    this.#client = undefined
    this.#trusted = undefined
    this.#held.setListening(false)
    this.#peers.setListening(false)
  }

  #retry(): void {
    if (this.#state === 'closed') return
    this.#schedule(() => void this.#connect(), this.#retryMs * (0.5 + Math.random() / 2))
    this.#retryMs = Math.min(this.#retryMs * 2, longestRetryMs)
  }

  #schedule(run: () => void, afterMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(run, afterMs).unref()
  }

  #tick(): void {
    const client = this.#client
    if (client === undefined) return
    const isIdle = performance.now() - this.#lastAskedMs > idleAfterMs
    if (this.#beat !== undefined && performance.now() - this.#beat.sentAtMs > 2 * statementTimeoutMs) return this.#lost(client)
    if (!isIdle) this.#assure()
    this.#schedule(() => this.#tick(), this.#settings.trustMs / 3)
  }

  #assure(): void {
    this.#sendBeat()
    const nowMs = performance.now()
    if (nowMs - Math.max(this.#echoedMs, this.#echo?.sentAtMs ?? -Infinity) < echoEveryMs) return
    this.#beats += 1
    this.#echo = { number: this.#beats, sentAtMs: nowMs }
    // A failure shows in that it does not come back.
    this.#say(formatMessage({ kind: 'echo', node: this.#node, number: this.#beats })).catch(() => undefined)
  }

  #sendBeat(): void {
    if (this.#client === undefined || this.#isBeating || this.#beat !== undefined) return
    this.#isBeating = true
    void this.#ask(this.#client)
  }

  async #ask(client: Client): Promise<void> {
    const { channel, schema, trustMs } = this.#settings
    this.#beats += 1
    const beat: Beat = { number: this.#beats, sentAtMs: performance.now(), sentAtWallMs: Date.now() }
    const heard = this.#heard.splice(0, mostHeard)
    const message = formatMessage({ kind: 'beat', node: this.#node, number: beat.number, trustMs, heard })
    this.#beat = beat
    try {
      const { rows } = await client.query<{ file: string | null }>(this.#beatStatement, [channel, message, `${schema}.records`])
      if (client !== this.#client) return
      this.#isBeating = false
      this.#compareFile(rows[0]?.file ?? null)
      if (this.#heard.length > 0) this.#sendBeat()
    } catch {
      this.#lost(client)
    }
  }

  #compareFile(file: string | null): void {
    if (this.#file !== undefined && this.#file !== file) this.#held.dropAll()
    this.#file = file
  }

  #receive(text: string): void {
    const message = parseMessage(text)
    if (message === undefined) return
    if (message.kind === 'bye') return this.#peers.left(message.node)
    if (message.kind === 'ended') return this.#receiveEnd(message.announcement, message.keys)
    if (message.kind === 'echo') return this.#receiveEcho(message.node, message.number)
    if (message.node !== this.#node) return this.#peers.beat(message.node, message.trustMs, message.heard)
    if (message.number !== this.#beat?.number) return
    this.#trusted = { fromMs: this.#beat.sentAtMs, fromWallMs: this.#beat.sentAtWallMs }
    this.#beat = undefined
    if (this.#heard.length > 0) this.#sendBeat()
  }

  #receiveEcho(node: string, number: number): void {
    if (node === this.#node && number === this.#echo?.number) this.#echoedMs = this.#echo.sentAtMs
  }

  #receiveEnd(announcement: string, keys: readonly string[]): void {
    if (keys.length === 0) this.#held.dropAll()
    for (const key of keys) this.#held.drop(key, announcement)
    if (this.#peers.cameBack(announcement) || !this.#isAwaited()) return
    this.#heard.push(announcement)
    this.#sendBeat()
  }

  /** Whether another node may be waiting for this one: it beat not long ago. */
  #isAwaited(): boolean {
    return this.#trusted !== undefined && performance.now() - this.#trusted.fromMs < this.#settings.trustMs + awaitedForMs
  }
}
