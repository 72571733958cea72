import { Writable } from 'node:stream'
import { pino, type Logger } from 'pino'

/** One log line, read back. */
export type LogLine = Readonly<Record<string, unknown>>

/** A pino logger whose lines stay in memory, at the most talkative level: nothing secret is logged at any level. */
export interface CapturedLog {
  readonly logger: Logger
  /** Every line as it was written. */
  readonly text: () => string
  readonly lines: () => LogLine[]
  /** The audit events with this name. */
  readonly events: (name: string) => LogLine[]
}

export function captureLog(level = 'trace'): CapturedLog {
  const written: string[] = []
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      written.push(String(chunk))
      done()
    },
  })
  const lines = () =>
    written
      .join('')
      .split('\n')
      .filter((line) => line !== '')
      .map(read)
  return {
    logger: pino({ level }, stream),
    text: () => written.join(''),
    lines,
    events: (name) => lines().filter((line) => line['event'] === name),
  }
}

function read(line: string): LogLine {
  const parsed: unknown = JSON.parse(line)
  return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {}
}
