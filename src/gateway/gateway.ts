import { assemble, type Bff, type BffParts } from '../bff.ts'
import type { Config } from '../config/schema.ts'
import { describeError } from '../log.ts'
import { createMetrics } from '../metrics.ts'
import { startAdmin } from './admin.ts'
import { discoverInBackground } from './discover.ts'
import { startListener } from './listener.ts'

/** A running gateway. */
export interface Gateway {
  /** Where it listens, as in `http://127.0.0.1:8080`. */
  readonly url: string
  readonly adminUrl?: string
  readonly bff: Bff
  /** Takes no new connections, lets calls in flight end within `limits.shutdownSeconds`, then ends the rest. */
  close(): Promise<void>
}

/** How often idle connections are closed while a process that nobody follows shuts down. */
const idleMs = 50

/** Starts the gateway. It listens even while the provider or the store cannot be reached. Rejects where it cannot listen. */
export async function startGateway(config: Config, parts: BffParts = {}): Promise<Gateway> {
  // The registry watches the event loop and the collector: only where somebody reads it.
  const metrics = config.admin && createMetrics()
  const bff = assemble(config, { metrics, ...parts })
  try {
    const listener = await startListener(bff, config.listen)
    bff.log.info({ event: 'listening', url: listener.url }, `listening on ${listener.url}`)
    if (config.origin.startsWith('http:')) {
      bff.log.warn(
        { event: 'plain_http', origin: config.origin },
        'plain http: cookie names have no prefix; for this machine only',
      )
    }
    const admin =
      config.admin &&
      metrics &&
      (await startAdmin(config.admin, {
        log: bff.log,
        isLive: async () => true,
        isDraining: () => listener.isDraining,
        ready: () => bff.ready(),
        metrics: () => metrics.text(),
      }))
    if (admin !== undefined) bff.log.info({ event: 'admin_listening', url: admin.url }, `admin listening on ${admin.url}`)
    const stopDiscovery = discoverInBackground(bff)
    return {
      url: listener.url,
      ...(admin === undefined ? {} : { adminUrl: admin.url }),
      bff,
      close: async () => {
        stopDiscovery()
        await listener.drain({ graceMs: config.limits.shutdownSeconds * 1000, idleMs })
        await bff.close()
        await admin?.close()
        bff.log.info({ event: 'stopped' }, 'stopped')
      },
    }
  } catch (error) {
    bff.log.error({ event: 'start_failed', error: describeError(error) }, 'could not listen')
    await bff.close()
    throw error
  }
}
