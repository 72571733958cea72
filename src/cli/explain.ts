import { loadConfig } from '../config/load.ts'
import { printable } from '../config/option-path.ts'
import type { Config } from '../config/schema.ts'
import { isSafe } from '../guard.ts'
import { judgePath, targetOf } from '../proxy/target.ts'
import { compileRoutes, endpointOf } from '../routes.ts'
import type { ProxyRoute, Route } from '../routes.ts'
import type { Terminal } from './terminal.ts'

export interface ExplainOptions {
  /** The config file. */
  readonly config: string
  /** A path of the app, or a whole URL. */
  readonly url: string
  readonly method: string
}

/** Says what would become of a request, without making it. */
export async function explain(options: ExplainOptions, { env, stdout }: Terminal): Promise<number> {
  const config = await loadConfig(options.config, { env })
  const lines = explainRequest(config, options.method.toUpperCase(), options.url)
  const width = Math.max(...lines.map(([name]) => name.length))
  stdout.write(lines.map(([name, words]) => `${name.padEnd(width)}  ${words}\n`).join(''))
  return 0
}

type Line = readonly [name: string, words: string]

/** The story of one request, in the order in which it is judged. */
export function explainRequest(config: Config, method: string, text: string): Line[] {
  const judged = judgePath(/^https?:\/\//i.test(text) ? pathOf(text) : text, config.origin)
  if ('refused' in judged)
    return [['answer', `${judged.code === 'uri_too_long' ? 414 : 400} ${judged.code}: ${printable(text)} has ${judged.refused}`]]
  const request: Line = ['request', `${method} ${judged.path}${judged.query}`]

  const endpoint = endpointOf(judged.path, config.basePath)
  if (endpoint !== undefined) {
    return [
      request,
      [
        'answer',
        endpoint === 'unknown'
          ? `404 not_found: nothing else lives under basePath ${config.basePath}`
          : `Coatcheck's own endpoint "${endpoint}"`,
      ],
    ]
  }
  const route = compileRoutes(config).match(judged)
  if (route === undefined) return [request, ['answer', '404 not_found: no route begins like this']]
  if (route === 'ambiguous')
    return [request, ['answer', '400 bad_request: another reader would take another route for this path']]

  const index = config.routes.findIndex(({ path }) => path === route.path)
  const where: Line = ['route', `routes[${index}] ${route.path}`]
  if (!route.methods.has(method))
    return [request, where, ['answer', `405 method_not_allowed; allowed: ${route.allow.join(', ')}`]]
  const common: Line[] = [request, where, ['session', wordSession(route, config)], ['csrf', wordCsrf(route, method, config)]]
  if (route.kind === 'static')
    return [...common, ['target', `a file in ${route.directory}; paths without an extension get index.html`]]
  return [...common, ['token', wordToken(route)], ['target', `${route.upstreamOrigin}${targetOf(route, judged)}`]]
}

/** Everything after the host, byte by byte: the URL parser would tidy up what is to be judged. */
function pathOf(url: string): string {
  return url.replace(/^https?:\/\/[^/?#]*/i, '') || '/'
}

function wordSession({ auth, require }: Route, { basePath }: Config): string {
  if (auth === 'none') return 'not looked at'
  const rules = [
    ...(require?.scope ?? []).map((name) => `scope ${name}`),
    ...Object.entries(require?.claims ?? {}).map(([name, value]) => `claim ${printable(name)} = ${printable(String(value))}`),
  ]
  const needs = rules.length === 0 ? '' : `; with ${rules.join(', ')}, else 403 forbidden`
  return auth === 'optional'
    ? 'used where there is one'
    : `required, else 401 session_required (a page is sent to ${basePath}/login)${needs}`
}

function wordCsrf(route: Route, method: string, { csrf, session, origin }: Config): string {
  if (route.kind === 'static' && isSafe(method)) return 'not asked: any site may link to pages'
  const first = `Sec-Fetch-Site same-origin${isSafe(method) ? (session.cookie.sameSite === 'lax' ? ', or a page navigation' : ', or a page navigation that no site started') : `, or Origin ${origin}`}`
  if (csrf.mode === 'header') return `with a session cookie: ${first}; and X-CSRF: 1`
  return `with a session cookie: ${first}${csrf.mode === 'token' && !isSafe(method) ? "; and the session's csrfToken in X-CSRF-Token" : ''}`
}

function wordToken({ auth, token }: ProxyRoute): string {
  if (auth === 'none') return 'none'
  const when = auth === 'optional' ? ', where there is a session' : ''
  if (token === undefined) return `the session's access token${when}`
  return `its own access token for ${token.resource}${token.scope === undefined ? '' : `, scope ${token.scope}`}${when}`
}
