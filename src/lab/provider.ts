import { generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { providerConfiguration } from '../dev/configuration.ts'
import { signInPage, signOutScriptPath, stylePath } from '../dev/pages.ts'
import { pageStyle, signOutScript } from '../dev/page-style.ts'
import { defaultDevUsers } from '../dev/users.ts'
import { stepUpClass } from './gateways.ts'
import { apiResource, appNames, bankNames, callbackOf, originOf, type Places } from './places.ts'
import { importOidcProvider } from '../dev/oidc-provider.ts'

export interface LabProvider {
  readonly issuer: string
  /** Signs access tokens; the API verifies with its public half. */
  readonly publicKey: KeyObject
  handle(request: IncomingMessage, response: ServerResponse): void
  /** The code last sent to an app, seen on the wire: what an attacker would hold if it leaked. */
  codeSentTo(client: string): string | undefined
}

/** A confidential client is one whose secret never leaves a server. */
const confidential: readonly string[] = ['tmb', ...bankNames]
const clients: readonly string[] = [...new Set([...appNames, ...bankNames])]

const policy =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; form-action 'self' http://*.localhost:*; frame-ancestors 'none'; base-uri 'none'"

/** The provider of the lab: that of `coatcheck dev`, with public clients for the apps that live in the browser. */
export async function createLabProvider(places: Places, secrets: Readonly<Record<string, string>>): Promise<LabProvider> {
  const { default: OidcProvider, interactionPolicy } = await importOidcProvider()
  const issuer = originOf(places, 'idp')
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const configuration = providerConfiguration({
    issuer,
    clients: confidential.map((app) => ({
      clientId: app,
      clientSecret: secrets[app] ?? '',
      redirectUris: [callbackOf(places, app)],
      postLogoutRedirectUris: [`${originOf(places, app)}/`],
    })),
    users: defaultDevUsers,
    resources: [{ uri: apiResource, scopes: ['account.read', 'account.write'] }],
    accessTokenTtlSeconds: 600,
    signingKey: { ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: 'lab' },
    cookieKey: randomBytes(32).toString('base64url'),
    promptPolicy: interactionPolicy.base(),
    contentSecurityPolicy: policy,
  })
  const inBrowser = appNames
    .filter((app) => !confidential.includes(app))
    .map((app) => ({
      client_id: app,
      token_endpoint_auth_method: 'none' as const,
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code' as const],
      redirect_uris: [callbackOf(places, app)],
    }))
  const provider = new OidcProvider(issuer, {
    ...configuration,
    clients: [...(configuration.clients ?? []), ...inBrowser],
    clientBasedCORS: () => true,
    acrValues: [stepUpClass],
    claims: { ...configuration.claims, acr: null },
  })
  const answer = provider.callback()
  const codes = new Map<string, string>()

  const signIn = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { prompt, params } = await provider.interactionDetails(request, response)
    if (prompt.name !== 'consent' && request.method === 'GET') {
      const clientName = `The app "${String(params['client_id'])}"`
      response.setHeader('Content-Security-Policy', policy)
      response.setHeader('Content-Type', 'text/html; charset=utf-8')
      response.end(signInPage({ issuer, clientName, users: defaultDevUsers, loginHint: undefined }))
      return
    }
    let form = ''
    for await (const chunk of request) form += String(chunk)
    const sub = new URLSearchParams(form).get('sub') ?? ''
    const acr = params['acr_values'] === stepUpClass ? { acr: stepUpClass } : {}
    const result = prompt.name === 'consent' ? { consent: {} } : { login: { accountId: sub, ...acr } }
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true })
  }

  return {
    issuer,
    publicKey,
    codeSentTo: (client) => codes.get(client),
    handle(request, response) {
      if (request.url === stylePath) {
        response.setHeader('Content-Type', 'text/css; charset=utf-8')
        response.end(pageStyle)
        return
      }
      if (request.url === signOutScriptPath) {
        response.setHeader('Content-Type', 'text/javascript; charset=utf-8')
        response.end(signOutScript)
        return
      }
      response.on('finish', () => {
        const location = response.getHeader('location')
        const app = clients.find((name) => typeof location === 'string' && location.startsWith(callbackOf(places, name)))
        const code = app === undefined ? null : new URL(String(location)).searchParams.get('code')
        if (app !== undefined && code !== null) codes.set(app, code)
      })
      if (request.url?.startsWith('/sign-in/') !== true) void answer(request, response)
      else
        signIn(request, response).catch(() => {
          response.statusCode = 400
          response.end('This sign-in cannot go on.')
        })
    },
  }
}
