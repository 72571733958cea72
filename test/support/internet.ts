import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect } from 'vitest'
import type { Bff } from '../../src/bff.ts'
import { resolveConfig } from '../../src/config/resolve.ts'
import type { ConfigInput } from '../../src/config/schema.ts'
import { startGateway } from '../../src/gateway/gateway.ts'
import { createMemoryStore } from '../../src/stores/memory.ts'
import type { SessionStore } from '../../src/stores/store.ts'
import { Browser, type BrowserOptions } from './browser.ts'
import { captureLog, type CapturedLog } from './captured-log.ts'
import { createTestClock, type TestClock } from './clock.ts'
import { findFreePort } from './loopback.ts'
import { startRecordingUpstream, type RecordingUpstream } from './recording-upstream.ts'
import { startScriptedProvider, type ScriptedProvider } from './scripted-provider.ts'
import { expectAlive, expectSafe, findLeaks, type SafetyOptions } from './safety.ts'
import type { Finding } from './secret-search.ts'

export type Gateway = Awaited<ReturnType<typeof startGateway>>

/** Parts of the config a test sets; objects are laid over the defaults, lists replace them. */
export type ConfigOverrides = {
  readonly [K in keyof ConfigInput]?: ConfigInput[K] extends readonly unknown[] | string | undefined
    ? ConfigInput[K]
    : Partial<ConfigInput[K]>
}

export interface InternetOptions {
  readonly config?: ConfigOverrides
  /** How many gateways share the origin and the store. */
  readonly nodes?: number
  readonly clock?: TestClock
  /** Default: the clock of the gateway. */
  readonly providerClock?: TestClock
  /** `https` (the default): https://app.test over plain loopback. `http`: http://localhost and a port, without prefixes. */
  readonly scheme?: 'https' | 'http'
  readonly store?: SessionStore
  /** Start without a provider behind the issuer's address; `provider.start()` brings it up. */
  readonly providerDown?: boolean
  readonly safety?: SafetyOptions
  /** Stays open until the test file closes it, and is not checked by itself: `hostile-case.ts` does both. */
  readonly isShared?: boolean
  /** Routes besides those of an ordinary app. */
  readonly moreRoutes?: ConfigInput['routes']
  /** Files of the app, by name, besides its index.html and app.js. */
  readonly files?: Readonly<Record<string, string>>
}

/** A node of the app: what outsiders reach it by. */
export interface Node {
  readonly gateway: Gateway
  readonly port: number
}

export interface Internet {
  readonly app: {
    /** The public origin. */
    readonly url: string
    /** The port of the first node on loopback, for raw clients. */
    readonly port: number
    readonly host: string
    /** The names of its cookies. */
    readonly sessionCookie: string
  }
  readonly nodes: readonly Node[]
  readonly provider: ScriptedProvider
  readonly upstream: RecordingUpstream
  readonly clock: TestClock
  readonly store: SessionStore
  readonly logs: CapturedLog
  readonly browsers: readonly Browser[]
  /** A fresh browser that reaches the app by the given node. */
  browser(options?: Partial<BrowserOptions> & { readonly node?: number }): Browser
  /** Lets a browser reach the app by another node. */
  reachBy(browser: Browser, node: number): void
  searchForSecrets(): Finding[]
  /** The checks after every case; run by themselves when the test ends. */
  expectSafe(options?: SafetyOptions): void
  /** Asserts that nothing secret went to a browser or into a log. */
  expectNothingSecret(): void
  close(): Promise<void>
}

export const serverSecret = 'k3S9vQ2xTz8mWb1LpR7dYc5FhJ0nGaU4eXo6iKqBtMs'
const open = new Map<Internet, SafetyOptions>()

afterEach(async () => {
  const all = [...open]
  open.clear()
  try {
    for (const [internet, safety] of all) {
      internet.expectSafe(safety)
      if (safety.stopped !== true) for (const { port } of internet.nodes) await expectAlive(port)
    }
  } finally {
    for (const [internet] of all) await internet.close()
  }
})

/** Provider, gateway, upstream and browsers in one process; nothing leaves the machine. */
export async function simulateInternet(options: InternetOptions = {}): Promise<Internet> {
  const clock = options.clock ?? createTestClock()
  const provider = await startScriptedProvider({ clock: options.providerClock ?? clock })
  const upstream = await startRecordingUpstream()
  const folder = makeStaticFolder(options.files)
  const logs = captureLog()
  const store = options.store ?? createMemoryStore({ clock })
  const firstPort = await findFreePort()
  const origin = options.scheme === 'http' ? `http://localhost:${firstPort}` : 'https://app.test'
  const config = makeConfig(origin, provider, upstream, folder, options.config ?? {}, options.moreRoutes)
  provider.redirectUris.add(`${origin}${config.basePath}/callback`)
  provider.postLogoutRedirectUris.add(`${origin}${config.logout?.postLogoutPath ?? '/'}`)
  if (options.providerDown === true) await provider.stop()

  const nodes: Node[] = []
  for (let index = 0; index < (options.nodes ?? 1); index += 1) {
    const listen = { host: '127.0.0.1', port: index === 0 ? firstPort : 0 }
    const gateway = await startGateway(resolveConfig({ ...config, listen }, { env: {} }), { clock, store, logger: logs.logger })
    nodes.push({ gateway, port: Number(new URL(gateway.url).port) })
  }
  const [first] = nodes
  if (first === undefined) throw new Error('an internet has at least one node')
  const browsers: Browser[] = []
  const watched = () => ({ app: origin, provider, upstream, logs, browsers })

  const internet: Internet = {
    app: {
      url: origin,
      port: first.port,
      host: new URL(origin).host,
      sessionCookie: options.scheme === 'http' ? 'coatcheck' : '__Host-Http-coatcheck',
    },
    nodes,
    provider,
    upstream,
    clock,
    store,
    logs,
    browsers,
    browser({ node = 0, ...browserOptions } = {}) {
      const browser = new Browser({
        home: origin,
        now: clock.now,
        basePath: config.basePath,
        csrfMode: options.config?.csrf?.mode ?? 'token',
        ...browserOptions,
      })
      browsers.push(browser)
      internet.reachBy(browser, node)
      return browser
    },
    reachBy(browser, node) {
      browser.hosts.set(origin, nodes[node]?.port ?? first.port)
    },
    searchForSecrets: () => findLeaks(watched()),
    expectSafe: (safety = {}) => expectSafe(watched(), safety),
    expectNothingSecret: () => expect(findLeaks(watched())).toEqual([]),
    async close() {
      open.delete(internet)
      for (const browser of browsers) browser.close()
      await Promise.all(nodes.map(({ gateway }) => inTime(gateway.close(), 'the gateway did not close')))
      await Promise.all([provider.close(), upstream.close()])
      rmSync(folder, { recursive: true, force: true })
    },
  }
  if (options.isShared !== true) open.set(internet, options.safety ?? {})
  return internet
}

/** The engine of the first node. */
export function bffOf({ nodes }: Internet): Bff {
  const [first] = nodes
  if (first === undefined) throw new Error('an internet has a node')
  return first.gateway.bff
}

async function inTime(work: Promise<void>, problem: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(problem)), 5_000)
  })
  await Promise.race([work, late]).finally(() => clearTimeout(timer))
}

function makeConfig(
  origin: string,
  provider: ScriptedProvider,
  upstream: RecordingUpstream,
  folder: string,
  overrides: ConfigOverrides,
  moreRoutes: ConfigInput['routes'] = [],
) {
  const { basePath = '/bff', provider: ofProvider, session, limits, routes, ...others } = overrides
  return {
    origin,
    basePath,
    provider: {
      issuer: provider.issuer,
      clientId: provider.client.id,
      clientSecret: provider.client.secret,
      timeoutSeconds: 2,
      ...ofProvider,
    },
    session: { secrets: [serverSecret], store: { type: 'memory' as const }, ...session },
    limits: { shutdownSeconds: 1, ...limits },
    log: { level: 'trace' as const },
    routes: [...(routes ?? defaultRoutes(upstream.url, folder)), ...moreRoutes],
    ...others,
  }
}

/** The routes of an ordinary app; under `/v1/` and `/admin/` the upstream must see a bearer token only. */
export function defaultRoutes(upstream: string, folder: string) {
  return [
    { path: '/api/', upstream: `${upstream}/v1/` },
    { path: '/api/read-only/', upstream: `${upstream}/v1/read-only/`, methods: ['GET' as const] },
    { path: '/admin/', upstream: `${upstream}/admin/`, require: { claims: { role: 'admin' } } },
    { path: '/optional/', upstream: `${upstream}/optional/`, auth: 'optional' as const },
    { path: '/public/', upstream: `${upstream}/public/`, auth: 'none' as const },
    { path: '/', static: folder },
  ]
}

function makeStaticFolder(files: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-app-'))
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>App</title><h1>The app</h1>')
  writeFileSync(join(folder, 'app.js'), 'export {}\n')
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}
