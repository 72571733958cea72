import type { Server } from 'node:http'
import { onTestFinished } from 'vitest'
import { createBff, type Bff } from '../../src/bff.ts'
import { createMemoryStore } from '../../src/stores/memory.ts'
import type { ConfigInput } from '../../src/config/schema.ts'
import { listenOnLoopback } from '../support/loopback.ts'
import { serverSecret, simulateInternet, type Internet } from '../support/internet.ts'
import type { SafetyOptions } from '../support/safety.ts'

/** What a framework's test brings: the adapter mounted in a small app of that framework. */
export interface Host {
  readonly name: string
  /**
   * An app that has Coatcheck, and after it its own `GET /` and `GET /own` (text `own page`), `POST /own/echo` (the parsed JSON
   * body as `{"echo": ...}`) and a 404 of its own for everything else.
   */
  readonly mount: (bff: Bff) => Server | Promise<Server>
  /** The same with a JSON body parser in front of Coatcheck, where the framework lets one stand there. */
  readonly mountBehindParser?: (bff: Bff) => Server | Promise<Server>
  /** Whether WebSockets pass. */
  readonly webSockets: boolean
  /** The host gives bodies in plain, because its framework drops Content-Encoding. */
  readonly decodes?: boolean
}

/** A whole internet, whose app is served by the host instead of the gateway. */
export interface HostedInternet extends Internet {
  /** Where the host listens. */
  readonly port: number
  readonly bff: Bff
}

/** The routes of the app: everything but files, which are the host's. */
export function routesOf(upstream: string) {
  return [
    { path: '/api/', upstream: `${upstream}/v1/` },
    { path: '/api/read-only/', upstream: `${upstream}/v1/read-only/`, methods: ['GET' as const] },
    { path: '/optional/', upstream: `${upstream}/optional/`, auth: 'optional' as const },
  ]
}

/** Starts an app of the framework. Browsers made before or after reach the host. */
export async function hostInternet(
  mount: Host['mount'],
  overrides: (upstream: string) => Partial<ConfigInput> = () => ({}),
  safety: SafetyOptions = {},
): Promise<HostedInternet> {
  const internet = await simulateInternet({ safety })
  const bff = createBff({
    origin: internet.app.url,
    provider: {
      issuer: internet.provider.issuer,
      clientId: internet.provider.client.id,
      clientSecret: internet.provider.client.secret,
      timeoutSeconds: 2,
    },
    session: { secrets: [serverSecret], store: { type: 'memory' } },
    routes: routesOf(internet.upstream.url),
    ...overrides(internet.upstream.url),
    clock: internet.clock,
    store: createMemoryStore({ clock: internet.clock }),
    logger: internet.logs.logger,
  })
  const listener = await listenOnLoopback(await mount(bff))
  onTestFinished(async () => {
    await bff.close()
    await listener.close()
  })
  const browser: Internet['browser'] = (options) => {
    const made = internet.browser(options)
    made.hosts.set(internet.app.url, listener.port)
    return made
  }
  return { ...internet, browser, bff, port: listener.port }
}
