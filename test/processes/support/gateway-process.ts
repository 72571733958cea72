import { spawn, type ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { LogLine } from '../../support/captured-log.ts'
import { inTime } from './in-time.ts'

const bin = fileURLToPath(new URL('../../../dist/cli/bin.js', import.meta.url))

/** How a process ended: exactly one of the two is set. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** Everything a process wrote, and the waiting for more. */
class Output {
  text = ''
  #news: (() => void)[] = []

  push(chunk: string): void {
    this.text += chunk
    for (const tell of this.#news.splice(0)) tell()
  }

  next(): Promise<void> {
    return new Promise((resolve) => this.#news.push(resolve))
  }
}

/** A real `coatcheck serve`. */
export class GatewayProcess {
  readonly exited: Promise<Exit>
  readonly #child: ChildProcess
  readonly #stdout = new Output()
  readonly #stderr = new Output()

  constructor(configFile: string, env: Readonly<Record<string, string>>, flags: readonly string[] = []) {
    this.#child = spawn(process.execPath, [bin, 'serve', '-c', configFile, ...flags], {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child.stdout?.setEncoding('utf8').on('data', (chunk: string) => this.#stdout.push(chunk))
    this.#child.stderr?.setEncoding('utf8').on('data', (chunk: string) => this.#stderr.push(chunk))
    // `close` comes after the last of the output, `exit` may come before.
    this.exited = new Promise((resolve) => this.#child.on('close', (code, signal) => resolve({ code, signal })))
    void this.exited.then(() => this.#stdout.push(''))
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the process did not start')
    return this.#child.pid
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** What it wrote, both streams. */
  get output(): string {
    return this.#stdout.text + this.#stderr.text
  }

  get stderr(): string {
    return this.#stderr.text
  }

  /** Its log so far: standard output holds nothing else. */
  lines(): LogLine[] {
    return this.#stdout.text
      .split('\n')
      .slice(0, -1)
      .map((line) => ({ ...JSON.parse(line) }))
  }

  /** The first log line that fits, from the beginning or as soon as it is there. */
  async logged(fits: (line: LogLine) => boolean, what = String(fits)): Promise<LogLine> {
    const wait = async (): Promise<LogLine> => {
      for (;;) {
        const found = this.lines().find(fits)
        if (found !== undefined) return found
        if (!this.isRunning) throw new Error(`the process ended before it logged ${what}:\n${this.output}`)
        await this.#stdout.next()
      }
    }
    return inTime(wait(), `a log line with ${what}`)
  }

  /** The port of the listener that logged this event. */
  async port(event: 'listening' | 'admin_listening'): Promise<number> {
    const line = await this.logged((logged) => logged['event'] === event, event)
    return Number(new URL(String(line['url'])).port)
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** `kill -9`, and its end awaited. */
  async kill(): Promise<void> {
    if (this.isRunning) this.#child.kill('SIGKILL')
    await this.exited
  }

  /** Resident memory now, in bytes. Linux only. */
  get residentBytes(): number {
    return this.#memory('VmRSS')
  }

  /** The most resident memory since the last `forgetPeak`, in bytes. */
  get peakBytes(): number {
    return this.#memory('VmHWM')
  }

  forgetPeak(): void {
    writeFileSync(`/proc/${this.pid}/clear_refs`, '5')
  }

  /** How many files and sockets it has open. Linux only. */
  get openFiles(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length
  }

  #memory(field: string): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8')
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024
  }
}
