import { describeError } from '../log.ts'
import type { Terminal } from './terminal.ts'

const signals: Readonly<Record<string, number>> = { SIGINT: 2, SIGTERM: 15 }

/**
 * Waits for SIGTERM or SIGINT, then closes and gives 0; 1 where closing fails. A second signal ends the process at once.
 * An error nobody caught is told and ends it too: the state behind it is unknown, and whoever supervises starts afresh.
 */
export function untilSignalled({ host, stderr }: Pick<Terminal, 'host' | 'stderr'>, close: () => Promise<void>): Promise<number> {
  return new Promise((resolve) => {
    let isClosing = false
    const listeners = new Map<string, (subject: unknown) => void>()
    const leave = (code: number) => {
      for (const [event, listener] of listeners) host.off(event, listener)
      resolve(code)
    }
    for (const [name, number] of Object.entries(signals)) {
      listeners.set(name, () => {
        if (isClosing) return host.exit(128 + number)
        isClosing = true
        close().then(
          () => leave(0),
          (error: unknown) => {
            stderr.write(line('closing failed', error))
            leave(1)
          },
        )
      })
    }
    for (const event of ['uncaughtException', 'unhandledRejection']) {
      listeners.set(event, (error) => {
        stderr.write(line(event, error))
        host.exit(1)
      })
    }
    for (const [event, listener] of listeners) host.on(event, listener)
  })
}

/** A log line in the form of all others (pino's), written without the logger: it may be what failed. */
function line(message: string, error: unknown): string {
  return `${JSON.stringify({ level: 60, time: new Date().toISOString(), msg: message, error: describeError(error) })}\n`
}
