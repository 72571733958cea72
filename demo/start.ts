import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { openSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { readDemoPlan } from './plan.ts'
import type { DemoPlan } from './plan.ts'
import { startSurroundings } from './surroundings.ts'

/** Starts the demo: provider and orders API in this process, Coatcheck as `coatcheck serve` in one of its own. */

// This file runs as demo/dist/demo/start.js.
const root = fileURLToPath(new URL('../../..', import.meta.url))
const configFile = join(root, 'demo/coatcheck.yaml')
const movedConfigFile = join(root, 'demo/dist/coatcheck.yaml')
const logFile = join(root, 'demo/dist/gateway.log')

async function start(): Promise<void> {
  const plan = readDemoPlan(configFile, askedPort())
  await refuseTakenPort(plan.appPort)
  await refuseTakenPort(plan.providerPort)
  await refuseTakenPort(plan.apiPort)
  const surroundings = await startSurroundings(plan)
  const gateway = startGatewayProcess(plan)

  const end = async (exitCode: number) => {
    process.exitCode = exitCode
    await Promise.all([endProcess(gateway), surroundings.close()])
  }
  process.on('exit', () => gateway.kill())
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void end(0))
  gateway.once('exit', (code) => {
    if (process.exitCode !== undefined) return
    console.error(`Coatcheck stopped by itself (${code ?? 'signal'}). Its log: ${relative(process.cwd(), logFile)}`)
    void end(1)
  })

  if (await isUp(plan, gateway)) console.log(welcome(plan))
  else if (gateway.exitCode === null) {
    console.error(`Coatcheck did not come up. Its log: ${relative(process.cwd(), logFile)}`)
    await end(1)
  }
}

function askedPort(): number | undefined {
  const text = process.env['DEMO_PORT']
  if (text === undefined) return undefined
  const port = Number(text)
  if (Number.isInteger(port) && port > 0 && port <= 65_533) return port
  throw new Error(`DEMO_PORT is a port from 1 to 65533, not "${text}".`)
}

async function refuseTakenPort(port: number): Promise<void> {
  const probe = createServer()
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject)
    probe.listen(port, '127.0.0.1', resolve)
  }).catch((cause: unknown) => {
    throw new Error(
      `Port ${port} cannot be used; something may run there already. Choose three others in a row: DEMO_PORT=9000 npm run demo`,
      { cause },
    )
  })
  await new Promise((resolve) => probe.close(resolve))
}

function startGatewayProcess(plan: DemoPlan): ChildProcess {
  if (plan.moved) writeFileSync(movedConfigFile, stringify(plan.config))
  const log = openSync(logFile, 'w')
  return spawn(process.execPath, [join(root, 'dist/cli/bin.js'), 'serve', '-c', plan.moved ? movedConfigFile : configFile], {
    env: { ...process.env, ...plan.env },
    stdio: ['ignore', log, 'inherit'],
  })
}

/** Whether the gateway answers within 20 seconds; `false` at once where it ended. */
async function isUp(plan: DemoPlan, gateway: ChildProcess): Promise<boolean> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline && gateway.exitCode === null;) {
    const answer = await fetch(`http://127.0.0.1:${plan.appPort}/bff/session`).catch(() => undefined)
    if (answer?.ok === true) return true
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return false
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const lastResort = setTimeout(() => child.kill('SIGKILL'), 5000)
  await exited
  clearTimeout(lastResort)
}

function welcome(plan: DemoPlan): string {
  const { origin, provider, routes } = plan.config
  return `
  The demo runs. Open  ${origin}

  Log in as   Ada   may look at her orders and place new ones
              Ben   may only look at his
  No passwords: the local provider lets you pick.

  Coatcheck     ${origin}  with demo/coatcheck.yaml
  Provider      ${provider.issuer}
  Orders API    ${routes[0].upstream}  answers 401 to everybody who comes without a token
  Log           ${relative(process.cwd(), logFile)}

  Ctrl-C ends everything. Development only: everything listens on this machine alone.
`
}

start().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
