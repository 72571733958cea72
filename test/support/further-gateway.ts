import { onTestFinished } from 'vitest'
import { Secret } from '../../src/config/secret.ts'
import { startGateway } from '../../src/gateway/gateway.ts'
import type { SessionStore } from '../../src/stores/store.ts'
import type { Internet } from './internet.ts'

export interface FurtherGateway {
  readonly port: number
  close(): Promise<void>
}

/**
 * A gateway of the same app that stands beside the first, or comes after it: with another store, or other secrets. Browsers
 * are led to it by `hosts`.
 */
export async function startFurtherGateway(
  { nodes, app, clock, logs, browsers }: Internet,
  parts: {
    readonly store: SessionStore
    readonly secrets?: readonly string[]
    /** Over TLS, and so not for the browsers of the tests. Files or PEM. */
    readonly tls?: { readonly cert: string; readonly key: string }
  },
): Promise<FurtherGateway> {
  const config = nodes[0]?.gateway.bff.config
  if (config === undefined) throw new Error('an internet has a node')
  const secrets = parts.secrets?.map((text) => new Secret(text)) ?? config.session.secrets
  const gateway = await startGateway(
    {
      ...config,
      ...(parts.tls === undefined ? {} : { tls: { cert: parts.tls.cert, key: new Secret(parts.tls.key) } }),
      listen: { host: '127.0.0.1', port: 0 },
      session: { ...config.session, secrets },
    },
    { clock, store: parts.store, logger: logs.logger },
  )
  let closing: Promise<void> | undefined
  const close = () => (closing ??= gateway.close())
  onTestFinished(close)
  const port = Number(new URL(gateway.url).port)
  if (parts.tls === undefined) for (const browser of browsers) browser.hosts.set(app.url, port)
  return { port, close }
}
