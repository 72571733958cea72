import type { Config } from '../config/schema.ts'
import { loadWithSnapshot } from '../config/snapshot.ts'
import { untilSignalled } from './lifetime.ts'
import { startFailure } from './start-failure.ts'
import type { Terminal } from './terminal.ts'

/** A gateway that listens. */
export interface RunningGateway {
  readonly url: string
  readonly adminUrl?: string | undefined
  close(): Promise<void>
}

export type StartGateway = (config: Config) => Promise<RunningGateway>

export interface ServeFlags {
  readonly config: string
  /** Stands over the `workers` of the file. */
  readonly workers?: number | 'auto'
}

/** Runs the gateway until a signal ends it; gives the exit code. */
export async function serve(
  { config: file, workers }: ServeFlags,
  terminal: Terminal,
  startGateway: StartGateway,
): Promise<number> {
  const { stderr } = terminal
  const loaded = await loadWithSnapshot(file, terminal.env, workers === undefined ? {} : { workers })
  const { config } = loaded
  if (config.workers !== undefined) {
    const { serveWithWorkers } = await import('./serve-workers.ts')
    return serveWithWorkers(loaded, terminal)
  }
  const gateway = await startGateway(config).catch((error: unknown) => {
    throw startFailure(error, config)
  })
  const admin = gateway.adminUrl === undefined ? '' : `, admin ${gateway.adminUrl}`
  stderr.write(`Coatcheck listens on ${gateway.url} for ${config.origin}${admin}\n`)
  return untilSignalled(terminal, () => gateway.close())
}
