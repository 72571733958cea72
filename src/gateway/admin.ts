import { createServer, type ServerResponse } from 'node:http'
import type { Bff } from '../bff.ts'
import type { PrometheusMetrics } from '../metrics.ts'
import { describeError } from '../log.ts'
import { listenOn } from './listen.ts'

export interface Admin {
  readonly url: string
  close(): Promise<void>
}

/**
 * The second listener, for balancers and operators: `/live` says that the process answers, `/ready` that sessions can
 * be read and written and that it is not shutting down, `/metrics` is for Prometheus.
 */
export async function startAdmin(
  at: { host: string; port: number },
  bff: Bff,
  metrics: PrometheusMetrics,
  isDraining: () => boolean,
): Promise<Admin> {
  const server = createServer((req, res) => {
    const path = (req.url ?? '').split('?', 1)[0]
    const answer = (status: number, body: object): void => {
      res.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(body))
    }
    if (req.method !== 'GET' && req.method !== 'HEAD') answer(405, { code: 'method_not_allowed' })
    else if (path === '/live') answer(200, { status: 'live' })
    else if (path === '/metrics') sendMetrics(res, metrics)
    else if (path !== '/ready') answer(404, { code: 'not_found' })
    else if (isDraining()) answer(503, { status: 'draining' })
    else {
      bff.ready().then(
        () => answer(200, { status: 'ready' }),
        (error: unknown) => {
          bff.log.warn({ event: 'not_ready', error: describeError(error) }, 'not ready')
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

function sendMetrics(res: ServerResponse, metrics: PrometheusMetrics): void {
  metrics.text().then(
    (text) => res.writeHead(200, { 'content-type': metrics.contentType, 'cache-control': 'no-store' }).end(text),
    () => res.writeHead(500, { 'content-length': 0 }).end(),
  )
}
