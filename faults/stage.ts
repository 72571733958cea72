import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConfigInput } from '../src/config/schema.ts'
import { GatewayProcess } from '../test/processes/support/gateway-process.ts'
import type { ProviderCall, Script } from '../test/support/provider-call.ts'
import { startRecordingUpstream, type RecordingUpstream } from '../test/support/recording-upstream.ts'
import { startScriptedProvider, type ScriptedProvider } from '../test/support/scripted-provider.ts'
import { decodeClaims } from '../test/support/signing.ts'
import { Client } from './client.ts'
import { openStore, type Servers, type StoreFixture, type StoreKind } from './stores.ts'

const app = 'https://app.test'
export const secrets = ['k3S9vQ2xTz8mWb1LpR7dYc5FhJ0nGaU4eXo6iKqBtMs', 'Zq8Jw2mN5rT7yB1vC4xK9dF3gH6sL0pA8eU2iOoYtRw']

/** Deadlines other than the defaults, for faults that are about their end. */
export interface Deadlines {
  readonly providerSeconds?: number
  readonly upstreamSeconds?: number
}

export interface Node {
  readonly process: GatewayProcess
  readonly port: number
  readonly adminPort: number
  /** What its `/ready` said last. */
  isReady: boolean
}

/** What one look at the admin listener gave; 0 where there was no answer. */
export interface Probe {
  readonly atMs: number
  readonly node: number
  readonly live: number
  readonly ready: number
}

/** Real gateways, a real store, a scripted provider, two upstreams. */
export class Stage {
  readonly nodes: Node[] = []
  readonly probes: Probe[] = []
  readonly folder = mkdtempSync(join(tmpdir(), 'coatcheck-faults-'))
  readonly provider: ScriptedProvider
  readonly store: StoreFixture
  /** Behind `/api/`. */
  api: RecordingUpstream
  /** Behind `/public/`, and never in trouble. */
  readonly open: RecordingUpstream
  /** Laid over the provider's token endpoint. */
  tokenFault: ((call: ProviderCall, work: () => Promise<object>) => Promise<object | undefined>) | undefined
  readonly #processes: GatewayProcess[] = []
  readonly #client = new Client()
  readonly #deadlines: Deadlines
  #probing: NodeJS.Timeout | undefined
  #turn = 0

  private constructor(
    provider: ScriptedProvider,
    api: RecordingUpstream,
    open: RecordingUpstream,
    store: (folder: string) => StoreFixture,
    deadlines: Deadlines,
  ) {
    this.provider = provider
    this.api = api
    this.open = open
    this.store = store(this.folder)
    this.#deadlines = deadlines
  }

  static async open(kind: StoreKind, servers: Servers, name: string, deadlines: Deadlines = {}): Promise<Stage> {
    const [provider, api, open] = await Promise.all([startScriptedProvider(), startRecordingUpstream(), startRecordingUpstream()])
    const stage = new Stage(provider, api, open, (folder) => openStore(kind, servers, name, folder), deadlines)
    provider.redirectUris.add(`${app}/bff/callback`)
    provider.override('token', stage.#token)
    mkdirSync(join(stage.folder, 'web'))
    writeFileSync(join(stage.folder, 'web', 'index.html'), '<!doctype html><title>app</title>')
    return stage
  }

  /** A new node; with `at`, in the place of one that has ended. */
  async start(at = this.nodes.length, use: readonly number[] = [0]): Promise<Node> {
    const file = join(this.folder, `node-${at}.json`)
    writeFileSync(file, JSON.stringify(await this.#config(at, use)))
    const env = { CLIENT_SECRET: this.provider.client.secret, SECRET_0: secrets[0] ?? '', SECRET_1: secrets[1] ?? '' }
    const child = new GatewayProcess(file, env)
    this.#processes.push(child)
    const [port, adminPort] = await Promise.all([child.port('listening'), child.port('admin_listening')])
    const node: Node = { process: child, port, adminPort, isReady: true }
    this.nodes[at] = node
    return node
  }

  node(index = 0): Node {
    const node = this.nodes[index]
    if (node === undefined) throw new Error(`there is no node ${index}`)
    return node
  }

  /** As a balancer chooses: in turn, those that said they are ready first. */
  ports(): number[] {
    if (this.nodes.length === 1) return [this.node().port]
    // The port of one that has ended may belong to somebody else by now.
    const running = this.nodes.filter((node) => node.process.isRunning)
    const turn = this.#turn++ % Math.max(1, running.length)
    const turned = [...running.slice(turn), ...running.slice(0, turn)]
    return [...turned.filter(({ isReady }) => isReady), ...turned.filter(({ isReady }) => !isReady)].map(({ port }) => port)
  }

  /** Looks at every node four times a second, as a balancer does. */
  probe(): void {
    this.#probing = setInterval(() => {
      for (const [index, node] of this.nodes.entries()) void this.#look(index, node)
    }, 250)
  }

  async look(index = 0): Promise<Probe> {
    return this.#look(index, this.node(index))
  }

  /** Warnings and errors in the logs of all processes. */
  warnings(): number {
    return this.#processes.flatMap((child) => child.lines()).filter(({ level }) => Number(level) >= 40).length
  }

  async close(): Promise<void> {
    clearInterval(this.#probing)
    this.#client.close()
    for (const child of this.#processes) {
      if (child.isRunning) child.signal('SIGCONT')
      await child.kill()
    }
    await Promise.all([this.provider.close(), this.api.close(), this.open.close(), this.store.close()])
    rmSync(this.folder, { recursive: true, force: true })
  }

  readonly #token: Script = async (call, byDefault) => {
    // The sessions of one user have tokens that are due again and again.
    const work = async () => {
      const answer = await byDefault()
      const { body } = answer
      if (typeof body !== 'object' || body === null || !('access_token' in body)) return answer
      const isShort = decodeClaims(String(body.access_token))['sub'] === 'user-grace'
      return isShort ? { ...answer, body: { ...body, expires_in: 1 } } : answer
    }
    return (await this.tokenFault?.(call, work)) ?? (await work())
  }

  async #look(index: number, node: Node): Promise<Probe> {
    const atMs = performance.now()
    const [live, ready] = await Promise.all(['/live', '/ready'].map((path) => this.#client.ask(node.adminPort, { path })))
    const probe = { atMs, node: index, live: live?.status ?? 0, ready: ready?.status ?? 0 }
    node.isReady = probe.ready === 200
    this.probes.push(probe)
    return probe
  }

  async #config(node: number, use: readonly number[]): Promise<ConfigInput> {
    const { providerSeconds, upstreamSeconds } = this.#deadlines
    return {
      origin: app,
      listen: { port: 0 },
      admin: { port: 0 },
      provider: {
        issuer: this.provider.issuer,
        clientId: this.provider.client.id,
        clientSecret: '${env:CLIENT_SECRET}',
        ...(providerSeconds === undefined ? {} : { timeoutSeconds: providerSeconds }),
      },
      session: { secrets: use.map((index) => `\${env:SECRET_${index}}`), store: await this.store.config(node) },
      limits: { shutdownSeconds: 5 },
      routes: [
        {
          path: '/api/',
          upstream: `${this.api.url}/`,
          ...(upstreamSeconds === undefined ? {} : { timeoutSeconds: upstreamSeconds }),
        },
        { path: '/public/', upstream: `${this.open.url}/`, auth: 'none' },
        { path: '/', static: join(this.folder, 'web') },
      ],
    }
  }
}
