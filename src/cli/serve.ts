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
  const gateway = await startGateway(config)
  const admin = gateway.adminUrl === undefined ? '' : `, admin ${gateway.adminUrl}`
  stderr.write(`Coatcheck listens on ${gateway.url} for ${config.origin}${admin}\n`)
  if (config.origin.startsWith('http:')) {
    stderr.write(
      'The origin is plain http on loopback: cookies go without Secure and without their prefix. For development only.\n',
    )
  }
  return untilSignalled(terminal, () => gateway.close())
}
