import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { connect, createServer, type AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** The target has this core to itself; the load, the upstream and the stores share the other. */
export type Core = '0' | '1' | '0,1'

export interface Program {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly core: Core
}

/** Servers of one run, each on a port of its own; what this starts, and nothing else, it ends. */
export class Servers {
  readonly #folder: string
  readonly #children: ChildProcess[] = []
  #isClosing = false

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Starts a program, writes what it prints into the folder, and resolves with its pid when its port is open. */
  async start(program: Program, port: number): Promise<number> {
    const { name, env } = program
    const [command, args] = pinned(program)
    const file = `${this.#folder}/${name.replace(/\W+/g, '_')}.log`
    const log = openSync(file, 'w')
    const child = spawn(command, args, { env: { ...process.env, NODE_ENV: 'production', ...env }, stdio: ['ignore', log, log] })
    closeSync(log)
    this.#children.push(child)
    child.once('exit', (code) => {
      if (!this.#isClosing) process.stderr.write(`${name} ended with ${code}; see ${file}\n`)
    })
    await once(child, 'spawn')
    for (let attempt = 0; attempt < 300; attempt++) {
      if (await isOpen(port)) return child.pid ?? 0
      if (child.exitCode !== null) break
      await delay(100)
    }
    throw new Error(`${name} did not open port ${port}; see ${file}`)
  }

  async close(): Promise<void> {
    this.#isClosing = true
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return
        const ended = once(child, 'exit')
        child.kill('SIGTERM')
        const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
        await ended
        clearTimeout(timer)
      }),
    )
  }
}

/** Runs a program of the load to its end and gives what it printed. */
export async function output(program: Program): Promise<string> {
  const [command, args] = pinned(program)
  const child = spawn(command, args, { env: { ...process.env, ...program.env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${program.name} ended with ${code}:\n${text}`)
  return text
}

/** Loopback ports that nobody has. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

function pinned({ command, args, core }: Program): [string, string[]] {
  return availableParallelism() < 2 ? [command, [...args]] : ['taskset', ['-c', core, command, ...args]]
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
