import type { ConfigSnapshot } from '../config/snapshot.ts'
import type { MetricsSnapshot } from '../metrics.ts'
import type { DrainTimes } from './listener.ts'

/** What a worker needs to begin. */
export interface WorkerStart {
  readonly worker: number
  readonly snapshot: ConfigSnapshot
  readonly host: string
  readonly port: number
}

/** From the supervisor to a worker. An `ask` is answered under its number. */
export type ToWorker =
  | ({ readonly do: 'start' } & WorkerStart)
  | ({ readonly do: 'drain' } & DrainTimes)
  | { readonly do: 'ask'; readonly what: 'live' | 'ready' | 'metrics'; readonly id: number }

/** From a worker to the supervisor. */
export type FromWorker =
  | { readonly is: 'up' }
  | { readonly is: 'listening'; readonly url: string }
  | { readonly is: 'unable'; readonly code: string | undefined; readonly message: string }
  | { readonly is: 'answer'; readonly id: number; readonly metrics?: MetricsSnapshot; readonly error?: string }
  | { readonly is: 'leaving'; readonly metrics: MetricsSnapshot }
