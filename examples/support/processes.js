import { spawn } from 'node:child_process'
import { once } from 'node:events'

/**
 * Runs the programs of an example until Ctrl-C or until one of them ends; then ends all.
 * Each is `{ name, command, words, env, cwd }`.
 */
export function runTogether(programs, onEnd = async () => undefined) {
  const running = programs.map(({ name, command, words, env, cwd }) => {
    const child = spawn(command, words, { cwd, env: { ...process.env, ...env }, stdio: 'inherit' })
    child.once('error', (error) => console.error(`${name} does not start: ${error.message}`))
    return { name, child }
  })
  let isEnding = false
  const end = async (exitCode) => {
    if (isEnding) return
    isEnding = true
    process.exitCode = exitCode
    await Promise.all(running.map(({ child }) => endProcess(child)))
    await onEnd()
  }
  for (const { name, child } of running) {
    child.once('close', (code) => {
      if (!isEnding) console.error(`${name} has ended with ${code}`)
      void end(1)
    })
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => void end(0))
}

/** Resolves when the address answers, whatever it says, but for 5xx: then something behind it is not up yet. */
export async function answers(url, isOver = () => false) {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline && !isOver();) {
    const response = await fetch(url, { signal: AbortSignal.timeout(5000) }).catch(() => undefined)
    await response?.arrayBuffer()
    if (response !== undefined && response.status < 500) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`nothing answers at ${url}`)
}

async function endProcess(child) {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'close')
  child.kill('SIGTERM')
  const lastResort = setTimeout(() => child.kill('SIGKILL'), 5000)
  await ended
  clearTimeout(lastResort)
}

/** A port of the environment, so that tests can take free ones. */
export function portOf(name, usual) {
  const port = Number(process.env[name] ?? usual)
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port
  throw new Error(`${name} is a port, not "${process.env[name]}"`)
}
