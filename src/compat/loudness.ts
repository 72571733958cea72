import { noteMissingToken } from './breaker.ts'
import { TokenNotInBrowserError } from './errors.ts'
import { isStrict } from './page.ts'

type Callable = (...parameters: never[]) => unknown

const told = new Set<string>()

/** Where `below` was called from, as `file:line:column`. */
function callSite(below: Callable, depth: number): string {
  const here = new Error('here')
  const { captureStackTrace } = Error as { captureStackTrace?: (error: Error, below: Callable) => void }
  captureStackTrace?.(here, below)
  const frames = (here.stack ?? '').split('\n').filter((line) => /:\d+:\d+\)?$/.test(line))
  // Where the engine cannot cut the stack, it begins with this function and what stands between it and the app.
  const frame = frames[captureStackTrace ? 0 : depth] ?? ''
  return /([^\s(]+:\d+:\d+)\)?$/.exec(frame)?.[1]?.replace(/^[^@/]*@/, '') ?? 'somewhere'
}

/** Once for each place in the app. `below` is the function that the app called. */
export function complain(what: string, instead: string, below: Callable, depth = 3): void {
  const place = callSite(below, depth)
  const key = `${what} ${place}`
  if (told.has(key)) return
  told.add(key)
  console.error(`coatcheck/compat: ${what} at ${place}. ${instead} See "Moving with an import swap" (docs/compat.md).`)
}

const noToken = 'The token stays on the server: call the path that the gateway proxies, without an Authorization header.'

/** What an explicit getter of a token rejects with. */
export function tokenNotInBrowser(name: string, below: Callable): TokenNotInBrowserError {
  complain(`${name} was asked for a token`, noToken, below, 4)
  noteMissingToken()
  return new TokenNotInBrowserError(`${name}: there is no token in the browser. ${noToken}`)
}

/**
 * Tokens as accessors of the prototype, not enumerable: JSON, spread and the developer tools see nothing of them. They read
 * `undefined` rather than throw, since a throw inside `try { ... } catch { logout() }` would log the user out.
 */
export function hideTokens(
  prototype: object,
  kind: string,
  names: readonly string[],
  hasSession: (holder: unknown) => boolean = () => true,
): void {
  for (const name of names) {
    const read = function (this: unknown): undefined {
      // Without a session the library has no token either, and apps look for one.
      if (!hasSession(this)) return undefined
      const error = tokenNotInBrowser(`${kind}.${name}`, read)
      if (isStrict()) throw error
      return undefined
    }
    Object.defineProperty(prototype, name, { get: read, enumerable: false, configurable: true })
  }
}

/** Claims that decide what a page shows. The provider may have them in the access token alone, which no page sees. */
const roleClaims = ['roles', 'groups', 'permissions', 'realm_access', 'resource_access', 'scope', 'scp']

const claimsPrototype = {}
for (const name of roleClaims) {
  const read = (): undefined =>
    complain(
      `The claim ${name} was read, which the gateway does not show`,
      'Let the provider put it into the ID token or userinfo. It is a hint for the page alone: the APIs decide.',
      read,
    ) as undefined
  Object.defineProperty(claimsPrototype, name, { get: read, enumerable: false })
}

/** The claims as they are; a role that is not among them reads `undefined`, and the console says so. */
export function claimsOf(user: object): object {
  return Object.create(claimsPrototype, Object.getOwnPropertyDescriptors(user)) as object
}
