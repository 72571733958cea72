import { fileURLToPath } from 'node:url'
import { loadWithSnapshot } from '../config/snapshot.ts'
import { ConfigError } from '../errors.ts'
import { Supervisor, type LoadedConfig } from '../gateway/supervisor.ts'
import { createLog } from '../log.ts'
import { untilSignalled } from './lifetime.ts'
import { startFailure } from './start-failure.ts'
import type { Terminal } from './terminal.ts'

/** Runs workers until a signal ends them; gives the exit code. SIGHUP reads the config again. */
export async function serveWithWorkers(loaded: LoadedConfig, terminal: Terminal): Promise<number> {
  const { stderr, host, env } = terminal
  const { config, snapshot } = loaded
  const log = createLog(config.log.level)
  // From the sources as well as from what is built of them.
  const workerFile = fileURLToPath(import.meta.url).replace(/serve-workers(\.[jt]s)$/, 'worker-bin$1')
  const supervisor = new Supervisor(loaded, { workerFile, log })
  const signalled = untilSignalled(terminal, () => supervisor.close())

  const reload = async (): Promise<void> => {
    try {
      await supervisor.reload(await loadWithSnapshot(snapshot.file, env, snapshot.overrides))
    } catch (error) {
      supervisor.reloadRefused()
      const message = error instanceof Error ? error.message : String(error)
      if (error instanceof ConfigError) stderr.write(`${message}\n`)
      log.error({ event: 'reload_refused', reason: message }, 'the config was not reloaded; the workers go on with the old one')
    }
  }
  const started = supervisor.start().catch(async (error: unknown) => {
    await supervisor.close()
    throw startFailure(error, config)
  })
  // One after the other; a signal that comes early waits for the start.
  let reloading: Promise<unknown> = started.catch(() => undefined)
  const onHangUp = (): void => {
    reloading = reloading.then(reload)
  }
  host.on('SIGHUP', onHangUp)
  const isOver = await Promise.race([started.then(() => undefined), signalled])
  if (isOver !== undefined) return isOver
  const { url, adminUrl } = await started
  stderr.write(`Coatcheck listens on ${url} for ${config.origin}${adminUrl === undefined ? '' : `, admin ${adminUrl}`}\n`)
  try {
    return await Promise.race([signalled, supervisor.failed])
  } catch (error) {
    await supervisor.close()
    throw error
  } finally {
    host.off('SIGHUP', onHangUp)
  }
}
