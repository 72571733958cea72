import { expect } from 'vitest'
import type { Browser } from './browser.ts'
import type { CapturedLog } from './captured-log.ts'
import { values } from './exchange.ts'
import { rawExchange, rawRequest, type RawResponse } from './raw-client.ts'
import type { RecordingUpstream } from './recording-upstream.ts'
import type { ScriptedProvider } from './scripted-provider.ts'
import { findSecrets, type Finding, type Searched } from './secret-search.ts'

/** What is watched while a test runs. */
export interface Watched {
  readonly app: string
  readonly provider: ScriptedProvider
  readonly upstream: RecordingUpstream
  readonly logs: CapturedLog
  readonly browsers: readonly Browser[]
  /** What raw clients got from the app, by what was asked. */
  readonly raw?: readonly RawAnswer[]
}

/** One answer that a raw client got. */
export interface RawAnswer {
  readonly what: string
  readonly response: RawResponse
}

interface SeenAnswer {
  readonly what: string
  readonly url: URL
  readonly status: number
  readonly head: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Buffer
}

/** Exceptions a test has to name. */
export interface SafetyOptions {
  /** Further origins that a Location may lead to, because an upstream of the test sends them. */
  readonly locations?: readonly string[]
  /** Upstream paths that need no token, besides `/public/` and `/optional/`. */
  readonly openPaths?: readonly string[]
  /** The ID token may stand in the logout address (`logout.idTokenHint`). */
  readonly idTokenHint?: boolean
  /** The test provokes `internal_error`, as a host that is mounted wrongly does, and looks at it itself. */
  readonly internalErrors?: boolean
  /** Statuses from 500 on that the case may cause, because it breaks the provider, the store or an upstream. Asked for only by `expectNoServerError`. */
  readonly serverErrors?: readonly number[]
  /** The test has closed a gateway itself. */
  readonly stopped?: boolean
}

/** Secrets in anything the app sent to a browser, in the address bar, or in a log line. */
export function findLeaks(watched: Watched, { idTokenHint = false }: SafetyOptions = {}): Finding[] {
  const secrets = new Map([...watched.provider.issued].filter(([, kind]) => !(idTokenHint && kind === 'id_token')))
  return [
    ...findSecrets(secrets, browserPlaces(watched)),
    ...findSecrets(new Map([...secrets, ...cookieValues(watched)]), logPlaces(watched)),
  ]
}

/** What holds after every case, whatever it did (the eight checks of the attack catalogue that can be made from here). */
export function expectSafe(watched: Watched, options: SafetyOptions = {}): void {
  expect(findLeaks(watched, options), 'secrets that left the server').toEqual([])
  expect(strayCookies(watched), 'session or login cookies that reached the upstream').toEqual([])
  expect(unprovenCalls(watched, options), 'protected upstream calls without a token of the provider').toEqual([])
  expect(foreignLocations(watched, options), 'redirects to somewhere else').toEqual([])
  if (options.internalErrors !== true) expect(faults(watched), 'errors in the log that nobody foresaw').toEqual([])
  expect(innerDetails(watched), 'stack traces or file paths in an answer').toEqual([])
}

/** Nothing a client sent made the server fail: no answer from 500 on, besides those the case names. */
export function expectNoServerError(watched: Watched, { serverErrors = [] }: SafetyOptions = {}): void {
  const failed = answers(watched).filter(({ status }) => status >= 500 && !serverErrors.includes(status))
  expect(
    failed.map(({ what, status }) => `${status} to ${what}`),
    'answers that blame the server',
  ).toEqual([])
}

/** The gateway still answers an ordinary request, and soon. */
export async function expectAlive(port: number): Promise<void> {
  const startedMs = performance.now()
  const response = await rawExchange(port, rawRequest('GET', '/bff/session'))
  expect(response.status, 'an ordinary request after the case').toBe(200)
  expect(performance.now() - startedMs, 'milliseconds it took').toBeLessThan(1_000)
}

function faults({ logs }: Watched): unknown[] {
  return logs.lines().filter((line) => line['code'] === 'internal_error' || Number(line['level']) >= 60)
}

function browserPlaces(watched: Watched): Searched[] {
  const { app, browsers } = watched
  return [
    ...answers(watched).flatMap(({ what, head, body }) => [
      { where: `head of ${what}`, text: head },
      { where: `body of ${what}`, text: body.toString('latin1') },
    ]),
    ...browsers.flatMap((browser) => [
      ...browser.tabs.map((tab) => ({ where: 'the address bar', text: tab.page?.url.origin === app ? tab.url : '' })),
      { where: 'WebSocket messages', text: browser.messages.join('\n') },
    ]),
  ]
}

function logPlaces({ logs }: Watched): Searched[] {
  return [{ where: 'the log', text: logs.text() }]
}

/** Cookie values the app gave out: the log must not hold them either. */
function cookieValues({ app, browsers }: Watched): [string, string][] {
  return browsers.flatMap((browser) =>
    [...browser.jar.seen]
      .filter(([value]) => value.length >= 16)
      .map(([value, name]): [string, string] => [value, `cookie ${name} of ${app}`]),
  )
}

function strayCookies(watched: Watched): string[] {
  const bytes = watched.upstream.received()
  return cookieValues(watched)
    .filter(([value, kind]) => /coatcheck/.test(kind) && bytes.includes(value))
    .map(([, kind]) => kind)
}

function unprovenCalls({ upstream, provider }: Watched, { openPaths = [] }: SafetyOptions): string[] {
  const isOpen = (path: string) => ['/public/', '/optional/', ...openPaths].some((open) => path.startsWith(open))
  return upstream.requests
    .filter(({ target, bearer }) => !isOpen(target) && !provider.grants.accessTokens.has(bearer ?? ''))
    .map(({ method, target }) => `${method} ${target}`)
}

function foreignLocations(watched: Watched, { locations = [] }: SafetyOptions): string[] {
  const allowed = new Set([watched.app, watched.provider.issuer, ...locations])
  const led = ({ headers }: SeenAnswer) => [
    ...values(headers, 'location'),
    ...values(headers, 'refresh').map((field) => field.replace(/^[^;]*;\s*url=/i, '')),
  ]
  return answers(watched)
    .flatMap((answer) => led(answer).map((location) => ({ location, target: new URL(location, answer.url) })))
    .filter(({ target }) => !allowed.has(target.origin))
    .map(({ location }) => location)
}

function innerDetails(watched: Watched): string[] {
  return answers(watched)
    .map(({ body }) => body.toString('latin1'))
    .filter((body) => /\n\s+at .+:\d+:\d+/.test(body) || body.includes('node_modules') || body.includes(process.cwd()))
}

function answers({ app, browsers, raw = [] }: Watched): SeenAnswer[] {
  const seen = browsers.flatMap((browser) =>
    browser.exchanges
      .filter(({ url }) => url.origin === app)
      .map((exchange) => ({ ...exchange, what: `${exchange.method} ${exchange.url.pathname}` })),
  )
  const url = new URL(app)
  return [...seen, ...raw.map(({ what, response }) => ({ ...response, what, url, head: headOf(response) }))]
}

function headOf({ startLine, headers }: RawResponse): string {
  return [startLine, ...headers.map(([name, value]) => `${name}: ${value}`)].join('\r\n')
}
