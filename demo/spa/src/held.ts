import type { Fact } from './elements.ts'
import type { Session } from './session.ts'

/** Everything in this page that outlives a function call, and that an injected script could read. */
export function whatThePageHolds(session: Session): readonly Fact[] {
  return [
    {
      term: 'document.cookie',
      ...readable(document.cookie === '' ? [] : document.cookie.split('; ').map((pair) => pair.split('=')[0] ?? '')),
    },
    { term: 'localStorage', ...readable(Object.keys(localStorage)) },
    { term: 'sessionStorage', ...readable(Object.keys(sessionStorage)) },
    { term: 'CSRF token', value: `${session.csrfToken.slice(0, 8)}…`, kind: 'held' },
    { term: 'user', value: session.name, kind: 'held' },
  ]
}

function readable(names: readonly string[]): Omit<Fact, 'term'> {
  return names.length === 0 ? { value: 'empty', kind: 'empty' } : { value: names.join(', '), kind: 'held' }
}

const jwt = /eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/

/** Looks for anything like a token where injected scripts look for it. */
export async function searchForTokens(): Promise<{ characters: number; found: string[] }> {
  const session = await fetch('/bff/session', { cache: 'no-store' })
  const orders = await fetch('/api/orders', { cache: 'no-store' })
  const places: readonly (readonly [where: string, text: string])[] = [
    ['document.cookie', document.cookie],
    ['localStorage', JSON.stringify(Object.entries(localStorage))],
    ['sessionStorage', JSON.stringify(Object.entries(sessionStorage))],
    ['the address', location.href + JSON.stringify(history.state)],
    ['the page', document.documentElement.outerHTML],
    [
      'addresses of all requests',
      performance
        .getEntriesByType('resource')
        .map((entry) => entry.name)
        .join(' '),
    ],
    ['the answer of /bff/session', `${headersOf(session)} ${await session.text()}`],
    ['the answer of /api/orders', `${headersOf(orders)} ${await orders.text()}`],
  ]
  return {
    characters: places.reduce((sum, [, text]) => sum + text.length, 0),
    found: places.filter(([, text]) => jwt.test(text)).map(([where]) => where),
  }
}

const headersOf = (response: Response) => [...response.headers].map(([name, value]) => `${name}: ${value}`).join(' ')
