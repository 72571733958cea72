import { values, type BrowserExchange } from './exchange.ts'
import type { Initiator } from './site.ts'

// Fetch, "CORS-safelisted": what a foreign page may send without asking first.
export function isSimple(method: string, headers: Map<string, string>): boolean {
  if (!['GET', 'HEAD', 'POST'].includes(method)) return false
  return [...headers].every(([name, value]) => {
    const lower = name.toLowerCase()
    if (lower === 'content-type') return /^(text\/plain|application\/x-www-form-urlencoded|multipart\/form-data)\b/i.test(value)
    return lower === 'accept' || lower === 'accept-language'
  })
}

/** Whether script of the asking page may read the answer. */
export function allows(answer: BrowserExchange | undefined, initiator: Initiator): boolean {
  const origin = initiator === 'none' || initiator === 'opaque' ? 'null' : initiator.origin
  const granted = answer === undefined ? [] : values(answer.headers, 'access-control-allow-origin')
  return granted.includes(origin) || granted.includes('*')
}
