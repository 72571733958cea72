import { pino } from 'pino'
import { BffError } from './errors.ts'

/** The part of a pino logger that Coatcheck uses. Any pino logger fits. */
export interface Logger {
  debug(fields: object, message?: string): void
  info(fields: object, message?: string): void
  warn(fields: object, message?: string): void
  error(fields: object, message?: string): void
}

/** JSON lines on standard output. `always` stands in each of them. */
export function createLog(level: string, always: Readonly<Record<string, unknown>> | null = null): Logger {
  return pino({ level, base: always, timestamp: pino.stdTimeFunctions.isoTime })
}

/** The audit events: one line each, with `event` as the field to look for. */
export type AuditEvent =
  | 'login'
  | 'login_failed'
  | 'login_transaction_burnt'
  | 'refresh'
  | 'refresh_failed'
  | 'logout'
  | 'session_ended'
  | 'revocation_failed'
  | 'csrf_refused'
  | 'policy_refused'
  | 'service_worker_refused'
  | 'token_in_response'
  | 'duplicate_session_cookie'

const warnings: ReadonlySet<AuditEvent> = new Set([
  'login_failed',
  'login_transaction_burnt',
  'refresh_failed',
  'revocation_failed',
  'csrf_refused',
  'policy_refused',
  'service_worker_refused',
  'token_in_response',
  'duplicate_session_cookie',
])

export type Audit = (event: AuditEvent, fields: Readonly<Record<string, unknown>>) => void

/** Writes audit events to the log: refusals as warnings, the ordinary course as information. */
export function auditTo(log: Logger, count: (event: AuditEvent) => void = () => undefined): Audit {
  return (event, fields) => {
    count(event)
    const line = { audit: true, event, ...fields }
    if (warnings.has(event)) log.warn(line, event)
    else log.info(line, event)
  }
}

/**
 * An error as it may stand in a log: names, codes and messages down the chain of causes, never bodies, headers or
 * other properties, which may hold tokens. Long unbroken values inside a message are cut for the same reason: a
 * provider that quotes a code or token back must not put it into our log.
 */
export function describeError(error: unknown): readonly Readonly<Record<string, unknown>>[] {
  const chain: Readonly<Record<string, unknown>>[] = []
  for (let at: unknown = error; at instanceof Error && chain.length < 5; at = at.cause) {
    const code = 'code' in at && (typeof at.code === 'string' || typeof at.code === 'number') ? at.code : undefined
    chain.push({
      name: at.name,
      ...(code === undefined ? {} : { code }),
      message: withoutLongValues(at.message),
      ...(isUnexpected(at) && at.stack !== undefined ? { at: withoutLongValues(at.stack).split('\n').slice(1, 6) } : {}),
    })
  }
  return chain
}

export function withoutLongValues(text: string): string {
  return text.replace(/[A-Za-z0-9\-._~+=]{24,}/g, (run) => (/^[a-z_ ]+$/.test(run) ? run : '[cut]')).slice(0, 2000)
}

/** A stack helps where the error is a fault of ours, and only there. */
function isUnexpected(error: Error): boolean {
  return (
    !(error instanceof BffError) && (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError)
  )
}
