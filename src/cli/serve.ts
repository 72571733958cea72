import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { untilSignalled } from './lifetime.ts'
import type { Terminal } from './terminal.ts'

/** A gateway that listens. */
export interface RunningGateway {
  readonly url: string
  readonly adminUrl?: string | undefined
  close(): Promise<void>
}

export type StartGateway = (config: Config) => Promise<RunningGateway>

/** Runs the gateway until a signal ends it; gives the exit code. */
export async function serve(file: string, terminal: Terminal, startGateway: StartGateway): Promise<number> {
  const { stderr } = terminal
  const config = await loadConfig(file, { env: terminal.env })
  const gateway = await startGateway(config).catch((error: unknown) => {
    throw startFailure(error, config)
  })
  const admin = gateway.adminUrl === undefined ? '' : `, admin ${gateway.adminUrl}`
  stderr.write(`Coatcheck listens on ${gateway.url} for ${config.origin}${admin}\n`)
  return untilSignalled(terminal, () => gateway.close())
}

/** Says why the gateway cannot listen, and what to do, where the code of the error tells. */
function startFailure(error: unknown, { listen, admin }: Config): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const at = `${listen.host}:${listen.port}${admin === undefined ? '' : ` or ${admin.host}:${admin.port}`}`
  switch (code) {
    case 'EADDRINUSE':
      return new Error(`Cannot listen on ${at}: something else does already. Stop it, or change listen.port or admin.port.`, {
        cause: error,
      })
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new Error(`Cannot listen on ${at}: this machine has no such address. Change listen.host or admin.host.`, {
        cause: error,
      })
    case 'EACCES':
      return new Error(`Cannot listen on ${at}: this user may not. Take a port from 1024 on.`, { cause: error })
    default:
      return error
  }
}
