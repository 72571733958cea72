import type { Config } from '../../config/schema.ts'
import { describeError } from '../../log.ts'
import { createStore } from '../../stores/create.ts'
import { collectFindings } from './finding.ts'
import type { Finding } from './finding.ts'

/** Has the store look whether it can be read and written. */
export async function checkStore(config: Config, signal: AbortSignal): Promise<Finding[]> {
  const { store } = config.session
  const { findings, report } = collectFindings('store', store.type === 'embedded' ? 'session.store.path' : 'session.store')
  try {
    const opened = createStore(config)
    try {
      await Promise.race([opened.check(), rejectWhen(signal)])
    } finally {
      await Promise.race([opened.close(), rejectWhen(signal)])
    }
    report('ok', store.type === 'embedded' ? `${store.path} can be read and written` : 'sessions are kept in memory')
  } catch (error) {
    const words = describeError(error)
      .map(({ message, code }) => [message, code].filter((part) => typeof part === 'string').join(' '))
      .join(': ')
    report('problem', `the store cannot be used: ${words}`, remedyFor(config))
  }
  return findings
}

function remedyFor({ session: { store } }: Config): string {
  return store.type === 'embedded'
    ? `give the user that runs Coatcheck a folder on a local disk with room and write permission; it is ${store.path}`
    : 'see the reason above'
}

function rejectWhen(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = () => reject(new Error('no answer in time'))
    if (signal.aborted) fail()
    else signal.addEventListener('abort', fail, { once: true })
  })
}
