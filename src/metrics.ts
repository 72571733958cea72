import { AggregatorRegistry, collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { ErrorCode } from './errors.ts'
import type { AuditEvent } from './log.ts'

/** What is counted. Labels come from the config and from closed sets alone, so that no client can make new series. */
export interface Metrics {
  /** An audit event was written. */
  audited(event: AuditEvent): void
  /** A request was answered with an error of ours. */
  refused(code: ErrorCode): void
  /** A proxied call is over. `outcome` is the class of its status, as in `2xx`, or what went wrong. */
  called(route: string, outcome: string, durationMs: number): void
}

/** Counts nothing. */
export const noMetrics: Metrics = { audited: () => undefined, refused: () => undefined, called: () => undefined }

/** The content type of what `text` gives. */
export const metricsContentType: string = Registry.PROMETHEUS_CONTENT_TYPE

/** All values of one process at one time, as another process can add them up. */
export type MetricsSnapshot = readonly { readonly name: string; readonly type: string | number }[]

/** Metrics for Prometheus. */
export interface PrometheusMetrics extends Metrics {
  /** In Prometheus' own text format. */
  text(): Promise<string>
  snapshot(): Promise<MetricsSnapshot>
}

/** Makes a registry of its own: several gateways in one process do not count into each other's. */
export function createMetrics(): PrometheusMetrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry, prefix: 'coatcheck_' })
  const audits = new Counter({
    name: 'coatcheck_audit_events_total',
    help: 'Audit events: logins, refreshes, logouts, refusals.',
    labelNames: ['event'],
    registers,
  })
  const refusals = new Counter({
    name: 'coatcheck_refused_requests_total',
    help: 'Requests answered with an error of Coatcheck itself, by its code.',
    labelNames: ['code'],
    registers,
  })
  const calls = new Counter({
    name: 'coatcheck_proxied_calls_total',
    help: 'Proxied calls, by route and by the class of their status or what went wrong.',
    labelNames: ['route', 'outcome'],
    registers,
  })
  const durations = new Histogram({
    name: 'coatcheck_proxied_call_seconds',
    help: 'Duration of proxied calls, to the last byte.',
    labelNames: ['route'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  })
  // A labelled child is looked up by a hash of its labels; kept, it costs a Map look-up per call.
  const callCounters = new Map<string, { inc(): void }>()
  const timers = new Map<string, { observe(seconds: number): void }>()
  return {
    audited: (event) => audits.inc({ event }),
    refused: (code) => refusals.inc({ code }),
    called: (route, outcome, durationMs) => {
      remembered(callCounters, `${outcome} ${route}`, () => calls.labels(route, outcome)).inc()
      remembered(timers, route, () => durations.labels(route)).observe(durationMs / 1000)
    },
    text: () => registry.metrics(),
    snapshot: async () => (await registry.getMetricsAsJSON()).map((metric) => ({ ...metric, type: String(metric.type) })),
  }
}

/** What the supervisor counts itself. */
export interface SupervisorMetrics {
  restarted(): void
  reloaded(outcome: 'done' | 'refused'): void
  snapshot(serving: number): Promise<MetricsSnapshot>
}

export function createSupervisorMetrics(): SupervisorMetrics {
  const registry = new Registry()
  const registers = [registry]
  const workers = new Gauge({ name: 'coatcheck_workers', help: 'Workers that serve.', registers })
  const restarts = new Counter({
    name: 'coatcheck_worker_restarts_total',
    help: 'Workers that died and were replaced.',
    registers,
  })
  const reloads = new Counter({
    name: 'coatcheck_reloads_total',
    help: 'Reloads of the config.',
    labelNames: ['outcome'],
    registers,
  })
  return {
    restarted: () => restarts.inc(),
    reloaded: (outcome) => reloads.inc({ outcome }),
    snapshot: async (serving) => {
      workers.set(serving)
      return (await registry.getMetricsAsJSON()).map((metric) => ({ ...metric, type: String(metric.type) }))
    },
  }
}

/** Several processes' metrics as those of one: counts are added up, gauges as each of them asks for. */
export function mergedText(snapshots: readonly MetricsSnapshot[]): Promise<string> {
  return merged(snapshots).metrics()
}

/** What stays of processes that are gone, as one snapshot: their counts, so that the sums never fall. */
export async function countsOf(snapshots: readonly MetricsSnapshot[]): Promise<MetricsSnapshot> {
  const counts = snapshots.map((snapshot) => snapshot.filter(({ type, name }) => type !== 'gauge' && !isOfProcess(name)))
  return (await merged(counts).getMetricsAsJSON()).map((metric) => ({ ...metric, type: String(metric.type) }))
}

function merged(snapshots: readonly MetricsSnapshot[]): Registry {
  return AggregatorRegistry.aggregate(snapshots.map((snapshot) => [...snapshot]))
}

function isOfProcess(name: string): boolean {
  return /^coatcheck_(process|nodejs)_/.test(name)
}

function remembered<T>(known: Map<string, T>, key: string, make: () => T): T {
  let value = known.get(key)
  if (value === undefined) {
    value = make()
    known.set(key, value)
  }
  return value
}
