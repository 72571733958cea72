import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect } from 'vitest'
import type { ConfigInput } from '../../../src/config/schema.ts'
import { Browser } from '../../support/browser.ts'
import { captureLog, type CapturedLog } from '../../support/captured-log.ts'
import { rawConnect, rawRequest, type RawConnection, type RawResponse } from '../../support/raw-client.ts'
import { startRecordingUpstream, type RecordingUpstream } from '../../support/recording-upstream.ts'
import { expectSafe, type SafetyOptions } from '../../support/safety.ts'
import { startScriptedProvider, type ScriptedProvider } from '../../support/scripted-provider.ts'
import { findSecrets } from '../../support/secret-search.ts'
import { GatewayProcess } from './gateway-process.ts'

export const app = 'https://app.test'
export const sessionCookie = '__Host-Http-coatcheck'
const serverSecret = 'k3S9vQ2xTz8mWb1LpR7dYc5FhJ0nGaU4eXo6iKqBtMs'

export interface DeploymentOptions {
  /** How many processes share the folder of the embedded store. */
  readonly processes?: number
  /** Routes instead of the ordinary ones. */
  readonly routes?: (upstream: RecordingUpstream) => ConfigInput['routes']
  readonly limits?: ConfigInput['limits']
  /** Start without a provider behind the issuer's address; `provider.start()` brings it up. */
  readonly providerDown?: boolean
  readonly safety?: SafetyOptions
  /** `--workers`, so that each process is a supervisor. */
  readonly workers?: number
}

export interface RunningNode {
  process: GatewayProcess
  port: number
  adminPort: number
}

const open = new Map<Deployment, SafetyOptions>()

afterEach(async () => {
  const all = [...open]
  open.clear()
  try {
    for (const [deployment, safety] of all) deployment.expectSafe(safety)
  } finally {
    for (const [deployment] of all) await deployment.close()
  }
})

/** Real gateway processes on one embedded store, with a scripted provider and a recording upstream in this process. */
export async function deploy(options: DeploymentOptions = {}): Promise<Deployment> {
  const provider = await startScriptedProvider()
  const upstream = await startRecordingUpstream()
  const deployment = new Deployment(provider, upstream, options)
  open.set(deployment, options.safety ?? {})
  if (options.providerDown === true) await provider.stop()
  for (let index = 0; index < (options.processes ?? 1); index += 1) deployment.nodes.push(await deployment.start())
  return deployment
}

export class Deployment {
  readonly provider: ScriptedProvider
  readonly upstream: RecordingUpstream
  readonly nodes: RunningNode[] = []
  readonly folder = mkdtempSync(join(tmpdir(), 'coatcheck-processes-'))
  readonly #options: DeploymentOptions
  readonly #processes: GatewayProcess[] = []
  readonly #browsers: Browser[] = []
  readonly #connections: RawConnection[] = []

  constructor(provider: ScriptedProvider, upstream: RecordingUpstream, options: DeploymentOptions) {
    this.provider = provider
    this.upstream = upstream
    this.#options = options
    provider.redirectUris.add(`${app}/bff/callback`)
    provider.postLogoutRedirectUris.add(`${app}/`)
    this.writeConfig('coatcheck.json', this.config())
  }

  /** The config as it stands in the file, secrets as references to the environment. */
  config(): ConfigInput {
    const { routes, limits } = this.#options
    return {
      origin: app,
      listen: { port: 0 },
      admin: { port: 0 },
      provider: {
        issuer: this.provider.issuer,
        clientId: this.provider.client.id,
        clientSecret: '${env:CLIENT_SECRET}',
        timeoutSeconds: 1,
      },
      session: { secrets: ['${env:COATCHECK_SECRET}'], store: { type: 'embedded', path: join(this.folder, 'store') } },
      limits: { shutdownSeconds: 5, ...limits },
      log: { level: 'trace' },
      routes: routes?.(this.upstream) ?? [{ path: '/api/', upstream: `${this.upstream.url}/v1/` }],
    }
  }

  writeConfig(name: string, config: unknown): string {
    const file = join(this.folder, name)
    writeFileSync(file, JSON.stringify(config))
    return file
  }

  /** A process with this config file, which need not be one it can start with. */
  spawn(name = 'coatcheck.json', flags: readonly string[] = [], more: Readonly<Record<string, string>> = {}): GatewayProcess {
    const env = { CLIENT_SECRET: this.provider.client.secret, COATCHECK_SECRET: serverSecret, ...more }
    const child = new GatewayProcess(join(this.folder, name), env, flags)
    this.#processes.push(child)
    return child
  }

  async start(): Promise<RunningNode> {
    const { workers } = this.#options
    const child = this.spawn('coatcheck.json', workers === undefined ? [] : ['--workers', String(workers)])
    const [port, adminPort] = await Promise.all([child.port('listening'), child.port('admin_listening')])
    return { process: child, port, adminPort }
  }

  node(index = 0): RunningNode {
    const node = this.nodes[index]
    if (node === undefined) throw new Error(`there is no process ${index}`)
    return node
  }

  /** `kill -9` and a fresh start; browsers find the new port. */
  async crash(index = 0): Promise<void> {
    const before = this.node(index)
    await before.process.kill()
    const after = await this.start()
    this.nodes[index] = after
    for (const browser of this.#browsers) if (browser.hosts.get(app) === before.port) browser.hosts.set(app, after.port)
  }

  /** A browser that reaches the app by the given process; with `copyOf`, one that holds a copy of another's cookies. */
  browser({ node = 0, copyOf }: { readonly node?: number; readonly copyOf?: Browser } = {}): Browser {
    const browser = new Browser({ home: app, hosts: new Map([[app, this.node(node).port]]) })
    for (const cookie of copyOf?.jar.all() ?? []) browser.jar.plant(cookie)
    this.#browsers.push(browser)
    return browser
  }

  /** A browser in which somebody is logged in. */
  async user(name = 'ada', node = 0): Promise<Browser> {
    const browser = this.browser({ node })
    this.provider.loginAs(name)
    await browser.login({ url: app }, '/api/home')
    expect(await browser.session(), `the login of ${name}`).toMatchObject({ authenticated: true })
    return browser
  }

  /** The next code is answered with an access token that has expired already. */
  expireNextToken(): void {
    this.provider.once('token', async (_call, byDefault) => {
      const answer = await byDefault()
      return { ...answer, body: { ...Object(answer.body), expires_in: 0 } }
    })
  }

  /** A raw connection whose bytes are searched for secrets at the end, and which is closed then. */
  async connect(node = 0): Promise<RawConnection> {
    const connection = await rawConnect(this.node(node).port)
    this.#connections.push(connection)
    return connection
  }

  /** One raw request on a connection of its own. */
  async exchange(bytes: string, { node = 0, method = 'GET' }: { node?: number; method?: string } = {}): Promise<RawResponse> {
    const connection = await this.connect(node)
    connection.send(bytes)
    const response = await connection.response(method)
    connection.reset()
    return response
  }

  async ready(node = 0): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.node(node).adminPort}/ready`)
    await response.arrayBuffer()
    return response.status
  }

  /** The log of all processes that ever ran. */
  get logs(): CapturedLog {
    const lines = () => this.#processes.flatMap((child) => child.lines())
    return {
      logger: captureLog().logger,
      lines,
      text: () => this.#processes.map((child) => child.output).join('\n'),
      events: (name) => lines().filter((line) => line['event'] === name),
    }
  }

  expectSafe(options: SafetyOptions = {}): void {
    const { provider, upstream, logs } = this
    const received = Buffer.concat(this.#connections.map((connection) => connection.received())).toString('latin1')
    expect(provider.issued.size, 'secrets to look for').toBeGreaterThan(0)
    expect(findSecrets(provider.issued, [{ where: 'raw connections', text: received }]), 'secrets that left the server').toEqual(
      [],
    )
    expectSafe({ app, provider, upstream, logs, browsers: this.#browsers }, options)
    for (const child of this.#processes) expect(child.stderr.replace(/^Coatcheck listens on .*\n/, '')).not.toMatch(/"level":60/)
  }

  async close(): Promise<void> {
    open.delete(this)
    for (const browser of this.#browsers) browser.close()
    for (const connection of this.#connections) connection.reset()
    await Promise.all(this.#processes.map((child) => child.kill()))
    await Promise.all([this.provider.close(), this.upstream.close()])
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** A raw request as the app's own page makes it, with the cookie of a browser. */
export function pageRequest(
  browser: Browser,
  method: string,
  target: string,
  headers: readonly string[] = [],
  body = '',
): string {
  const cookie = browser.jar.get(sessionCookie)?.value ?? ''
  const page = ['Host: app.test', `Cookie: ${sessionCookie}=${cookie}`, 'Sec-Fetch-Site: same-origin', ...headers]
  return rawRequest(method, target, page, body)
}
