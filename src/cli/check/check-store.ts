import type { Config } from '../../config/schema.ts'
import { describeError } from '../../log.ts'
import { createStore, migrateStore } from '../../stores/create.ts'
import { collectFindings } from './finding.ts'
import type { Finding } from './finding.ts'

/** Has the store look whether it can be read and written; with `migrate`, makes or migrates its tables first. */
export async function checkStore(config: Config, signal: AbortSignal, migrate = false): Promise<Finding[]> {
  const { store } = config.session
  const { findings, report } = collectFindings('store', store.type === 'embedded' ? 'session.store.path' : 'session.store')
  try {
    if (migrate) {
      const isMigrated = await Promise.race([migrateStore(config), rejectWhen(signal)])
      report('ok', isMigrated ? 'its tables are made and up to date' : `${placeOf(config)} needs no migration`)
    }
    const opened = createStore(config)
    try {
      await Promise.race([opened.check(), rejectWhen(signal)])
    } finally {
      await Promise.race([opened.close(), rejectWhen(signal)])
    }
    report('ok', store.type === 'memory' ? 'sessions are kept in memory' : `${placeOf(config)} can be read and written`)
  } catch (error) {
    const words = describeError(error)
      .map(({ message, code }) => [message, code].filter((part) => typeof part === 'string').join(' '))
      .join(': ')
    report('problem', `the store cannot be used: ${words}`, remedyFor(config))
  }
  return findings
}

function remedyFor({ session: { store } }: Config): string {
  switch (store.type) {
    case 'embedded':
      return `give the user that runs Coatcheck a folder on a local disk with room and write permission; it is ${store.path}`
    case 'redis':
    case 'postgres':
      return 'see that the server runs, that session.store.url leads to it, and that the user in it may read and write'
    case 'memory':
      return 'see the reason above'
  }
}

/** Without the URL, which may hold a password. */
function placeOf({ session: { store } }: Config): string {
  return store.type === 'embedded' ? store.path : `the ${store.type} store`
}

function rejectWhen(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = () => reject(new Error('no answer in time'))
    if (signal.aborted) fail()
    else signal.addEventListener('abort', fail, { once: true })
  })
}
