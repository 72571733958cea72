import type pc from 'picocolors'

/** What a command talks to: a real terminal, or what a test looks into. */
export interface Terminal {
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
  readonly env: Readonly<Record<string, string | undefined>>
  readonly color: ReturnType<typeof pc.createColors>
  readonly host: HostProcess
}

/** The part of `process` that a long-running command needs. */
export interface HostProcess {
  on(event: string, listener: (subject: unknown) => void): unknown
  off(event: string, listener: (subject: unknown) => void): unknown
  /** Ends the process at once. */
  exit(code: number): void
}
