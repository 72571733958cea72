import { createServer, type ServerResponse } from 'node:http'
import { describeError, type Logger } from '../log.ts'
import { metricsContentType } from '../metrics.ts'
import { listenOn } from './listen.ts'

export interface Admin {
  readonly url: string
  close(): Promise<void>
}

/** What the admin listener tells. */
export interface AdminView {
  readonly log: Logger
  /** Whether anything answers requests. */
  readonly isLive: () => Promise<boolean>
  readonly isDraining: () => boolean
  /** Resolves when sessions can be read and written, with what else there is to say. Rejects with the reason otherwise. */
  readonly ready: () => Promise<object | void>
  /** Metrics in Prometheus' own text format. */
  readonly metrics: () => Promise<string>
}

/**
 * The second listener, for balancers and operators: `/live` says that requests are answered, `/ready` that sessions can
 * be read and written and that it is not shutting down, `/metrics` is for Prometheus.
 */
export async function startAdmin(at: { host: string; port: number }, view: AdminView): Promise<Admin> {
  const server = createServer((req, res) => {
    const path = (req.url ?? '').split('?', 1)[0]
    const answer = (status: number, body: object): void => {
      res.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(body))
    }
    if (req.method !== 'GET' && req.method !== 'HEAD') answer(405, { code: 'method_not_allowed' })
    else if (path === '/live')
      void view.isLive().then((isLive) => answer(isLive ? 200 : 503, { status: isLive ? 'live' : 'dead' }))
    else if (path === '/metrics') sendMetrics(res, view)
    else if (path !== '/ready') answer(404, { code: 'not_found' })
    else if (view.isDraining()) answer(503, { status: 'draining' })
    else {
      view.ready().then(
        (more) => answer(200, { status: 'ready', ...more }),
        (error: unknown) => {
          view.log.warn({ event: 'not_ready', error: describeError(error) }, 'not ready')
          answer(503, { status: 'store_unavailable' })
        },
      )
    }
  })
  const url = await listenOn(server, at.host, at.port)
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function sendMetrics(res: ServerResponse, view: AdminView): void {
  view.metrics().then(
    (text) => res.writeHead(200, { 'content-type': metricsContentType, 'cache-control': 'no-store' }).end(text),
    () => res.writeHead(500, { 'content-length': 0 }).end(),
  )
}
