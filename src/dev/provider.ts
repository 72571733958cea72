import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type Provider from 'oidc-provider'
import { isLoopbackHost } from '../config/values.ts'
import type { DevClient, DevResource } from './clients.ts'
import { providerConfiguration } from './configuration.ts'
import { listenOnLoopback, loopbackAddress } from './listen.ts'
import { problemPage, signInPage, signOutScriptPath, stylePath } from './pages.ts'
import { pageStyle, signOutScript } from './page-style.ts'
import { defaultDevUsers } from './users.ts'
import type { DevUser } from './users.ts'
import { importOidcProvider } from './oidc-provider.ts'

export type { DevClient, DevResource } from './clients.ts'
export type { DevUser } from './users.ts'

export interface DevProviderOptions {
  /** Port on 127.0.0.1. Default: 0, a free one. */
  readonly port?: number
  readonly clients: readonly DevClient[]
  /** Who can be picked on the sign-in page. Default: `defaultDevUsers`. */
  readonly users?: readonly DevUser[]
  /** APIs with JWT access tokens of their own, asked for by `resource` (RFC 8707). Default: none. */
  readonly resources?: readonly DevResource[]
  /** Lifetime of access tokens. Default: 300, short enough to see them being refreshed. */
  readonly accessTokenTtlSeconds?: number
  /** Told in one line what went wrong behind the browser's back, such as a logout token nobody took. Default: nobody. */
  readonly onProblem?: (message: string) => void
}

export interface DevProvider {
  readonly issuer: string
  close(): Promise<void>
}

/**
 * Starts an OpenID provider for development on loopback: no passwords, keys made at start, everything in memory.
 *
 * The issuer is `http://127.0.0.1:port`, another site than the app's `http://localhost:port`, so that cookies behave as
 * they do in production.
 *
 * @throws {Error} where oidc-provider is not installed, the port is taken, or a client is not on loopback.
 */
export async function startDevProvider(options: DevProviderOptions): Promise<DevProvider> {
  const { clients, users = defaultDevUsers, resources = [] } = options
  refuseForeignClients(clients)
  const { default: OidcProvider, interactionPolicy } = await importOidcProvider()

  const server = createServer()
  const port = await listenOnLoopback(server, options.port ?? 0, 'the local provider')
  const issuer = `http://${loopbackAddress}:${port}`
  const contentSecurityPolicy = pagePolicy(clients)
  const promptPolicy = interactionPolicy.base()
  promptPolicy.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }), 0)
  const provider = new OidcProvider(
    issuer,
    providerConfiguration({
      issuer,
      clients,
      users,
      resources,
      accessTokenTtlSeconds: options.accessTokenTtlSeconds ?? 300,
      signingKey: makeSigningKey(),
      cookieKey: randomBytes(32).toString('base64url'),
      promptPolicy,
      contentSecurityPolicy,
    }),
  )
  const { onProblem } = options
  if (onProblem !== undefined) {
    provider.on('server_error', (_ctx, error) => onProblem(`The local provider failed: ${error.message}`))
    provider.on('backchannel.error', (_ctx, error, client) =>
      onProblem(`${client.clientId} did not take a logout token: ${error.message}`),
    )
  }
  server.on('request', requestHandler(provider, users, contentSecurityPolicy))
  return {
    issuer,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

/** A provider without passwords logs anybody in, so it serves only apps of this machine. */
function refuseForeignClients(clients: readonly DevClient[]): void {
  for (const client of clients) {
    for (const uri of [...client.redirectUris, ...(client.postLogoutRedirectUris ?? []), client.backchannelLogoutUri]) {
      if (uri !== undefined && !isLoopbackHost(new URL(uri).hostname)) {
        throw new Error(`The local provider is for development on this machine only; ${uri} is not on a loopback host.`)
      }
    }
  }
}

function makeSigningKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: randomBytes(8).toString('hex') }
}

const assets: Readonly<Record<string, { type: string; body: string }>> = {
  [stylePath]: { type: 'text/css; charset=utf-8', body: pageStyle },
  [signOutScriptPath]: { type: 'text/javascript; charset=utf-8', body: signOutScript },
}

function pagePolicy(clients: readonly DevClient[]): string {
  // A form's target counts with every redirect it leads to, so the way back to the client has to be named.
  const ways = clients.flatMap((client) => [...client.redirectUris, ...(client.postLogoutRedirectUris ?? [])])
  const origins = new Set(ways.map((uri) => new URL(uri).origin))
  return [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    'img-src data:',
    `form-action 'self' ${[...origins].join(' ')}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ')
}

function requestHandler(provider: Provider, users: readonly DevUser[], contentSecurityPolicy: string) {
  const { issuer } = provider
  const { host } = new URL(issuer)
  const answer = provider.callback()
  return (request: IncomingMessage, response: ServerResponse): void => {
    // Pages of other sites reach loopback by a name they rebind to it; the name gives them away.
    if (request.headers.host !== host) {
      send(response, 421, problemPage(issuer, 'misdirected_request', `This provider answers at ${issuer} only.`))
      return
    }
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    const asset = Object.hasOwn(assets, path) ? assets[path] : undefined
    if (asset !== undefined) {
      response.setHeader('Content-Type', asset.type)
      response.end(asset.body)
      return
    }
    response.setHeader('X-Content-Type-Options', 'nosniff')
    if (!path.startsWith('/sign-in/')) {
      void answer(request, response)
      return
    }
    response.setHeader('Content-Security-Policy', contentSecurityPolicy)
    signIn(provider, users, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy()
      else send(response, 400, problemPage(issuer, 'sign_in_failed', error instanceof Error ? error.message : undefined))
    })
  }
}

async function signIn(
  provider: Provider,
  users: readonly DevUser[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { prompt, params } = await provider.interactionDetails(request, response)
  if (prompt.name === 'consent') {
    await provider.interactionFinished(request, response, { consent: {} }, { mergeWithLastSubmission: true })
    return
  }
  if (request.method === 'GET') {
    const client = await provider.Client.find(String(params['client_id']))
    const loginHint = typeof params['login_hint'] === 'string' ? params['login_hint'] : undefined
    send(response, 200, signInPage({ issuer: provider.issuer, clientName: client?.clientName ?? 'The app', users, loginHint }))
    return
  }
  const form = await readForm(request)
  if (form.has('cancel')) {
    const result = { error: 'access_denied', error_description: 'The user cancelled the sign-in' }
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false })
    return
  }
  const user = users.find(({ sub }) => sub === form.get('sub'))
  if (user === undefined) throw new Error('There is no such user.')
  const result = { login: { accountId: user.sub, amr: ['user'] }, select_account: {} }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false })
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let text = ''
  request.setEncoding('utf8')
  for await (const chunk of request) {
    text += String(chunk)
    if (text.length > 4096) throw new Error('The form is too large.')
  }
  return new URLSearchParams(text)
}

function send(response: ServerResponse, status: number, html: string): void {
  response.statusCode = status
  response.setHeader('Content-Type', 'text/html; charset=utf-8')
  response.setHeader('Cache-Control', 'no-store')
  response.end(html)
}
