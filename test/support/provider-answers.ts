import { randomUUID } from 'node:crypto'
import type { Answer, ClientCredentials, Endpoint, ProviderCall } from './provider-call.ts'
import type { Grant } from './provider-grants.ts'
import type { ProviderState } from './scripted-provider.ts'
import { publicJwk, type Claims } from './signing.ts'

const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'

/** What each endpoint does when no script says otherwise: a correct, strict provider. */
export const defaultAnswers: Record<Endpoint, (state: ProviderState, call: ProviderCall) => Answer> = {
  discovery: (state) => ({ body: metadata(state) }),
  jwks: (state) => ({ body: { keys: state.jwksKeys.map(publicJwk) } }),
  authorize,
  token,
  userinfo(state, call) {
    const access = state.grants.activeAccessToken(bearer(call))
    if (access === undefined)
      return { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' }, body: { error: 'invalid_token' } }
    return { body: access.grant.user }
  },
  revoke(state, call) {
    if (!isClient(state, call.client)) return clientRefused
    state.grants.revoke(call.form.get('token') ?? '')
    return { status: 200 }
  },
  // RFC 9126 section 2.2
  par(state, call) {
    if (call.method !== 'POST') return { status: 405 }
    if (!isClient(state, call.client)) return clientRefused
    const uri = `urn:ietf:params:oauth:request_uri:${randomUUID()}`
    state.pushed.set(uri, call.form)
    return { status: 201, body: { request_uri: uri, expires_in: 60 } }
  },
  end_session(state, call) {
    state.currentUser = undefined
    const target = call.form.get('post_logout_redirect_uri')
    if (target === null) return page('You are signed out.')
    if (!state.postLogoutRedirectUris.has(target)) return { ...page('post_logout_redirect_uri is not registered'), status: 400 }
    const url = new URL(target)
    const stateParameter = call.form.get('state')
    if (stateParameter !== null) url.searchParams.set('state', stateParameter)
    return { status: 303, headers: { location: url.href } }
  },
}

function metadata({ issuer, settings }: ProviderState): Claims {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/userinfo`,
    jwks_uri: `${issuer}/jwks`,
    revocation_endpoint: `${issuer}/revoke`,
    end_session_endpoint: `${issuer}/end_session`,
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'form_post'],
    grant_types_supported: ['authorization_code', 'refresh_token', tokenExchange],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    ...(settings.advertiseIss ? { authorization_response_iss_parameter_supported: true } : {}),
    ...settings.metadata,
  }
}

function authorize(state: ProviderState, asked: ProviderCall): Answer {
  const requestUri = asked.form.get('request_uri')
  const pushed = requestUri === null ? undefined : state.pushed.get(requestUri)
  if (requestUri !== null && pushed === undefined) return { ...page('unknown request_uri'), status: 400 }
  // RFC 9126 section 4: each request_uri counts once.
  state.pushed.delete(requestUri ?? '')
  const call = pushed === undefined ? asked : { ...asked, form: pushed }
  const { form } = call
  const redirectUri = form.get('redirect_uri') ?? ''
  // RFC 6749 section 4.1.2.1: with a wrong client or redirect_uri the browser is not sent back.
  if (form.get('client_id') !== state.client.id) return { ...page('unknown client_id'), status: 400 }
  if (!state.redirectUris.has(redirectUri)) return { ...page('redirect_uri is not registered'), status: 400 }
  for (const name of new Set(form.keys())) {
    if (name !== 'resource' && form.getAll(name).length > 1) return { ...page(`${name} stands there twice`), status: 400 }
  }
  const back = (parameters: Record<string, string>) => respond(state, call, redirectUri, parameters)
  if (form.get('response_type') !== 'code') return back({ error: 'unsupported_response_type' })
  if (!(form.get('scope') ?? '').split(' ').includes('openid')) return back({ error: 'invalid_scope' })
  const challenge = form.get('code_challenge') ?? ''
  if (form.get('code_challenge_method') !== 'S256' || !/^[\w-]{43}$/.test(challenge)) {
    return back({ error: 'invalid_request', error_description: 'PKCE with S256 is needed' })
  }
  const denial = state.denials.shift()
  if (denial !== undefined)
    return back({ error: denial.error, ...(denial.description === undefined ? {} : { error_description: denial.description }) })
  const { currentUser } = state
  if (currentUser === undefined) return back({ error: form.get('prompt') === 'none' ? 'login_required' : 'access_denied' })
  if (form.get('prompt') === 'login') currentUser.authTimeSeconds = seconds(state)
  const grant: Grant = {
    user: currentUser.user,
    scope: form.get('scope') ?? '',
    nonce: form.get('nonce') ?? undefined,
    sid: currentUser.sid,
    authTimeSeconds: currentUser.authTimeSeconds,
    resources: form.getAll('resource'),
    revoked: false,
  }
  return back({ code: state.grants.newCode(grant, redirectUri, challenge) })
}

function respond(state: ProviderState, call: ProviderCall, redirectUri: string, parameters: Record<string, string>): Answer {
  const all = new URLSearchParams(parameters)
  const given = call.form.get('state')
  if (given !== null) all.set('state', given)
  if (state.settings.sendIss) all.set('iss', state.issuer)
  state.editAuthorizationResponse?.(all)
  if (call.form.get('response_mode') === 'form_post') {
    return formPage(redirectUri, all, true)
  }
  const url = new URL(redirectUri)
  for (const [name, value] of all) url.searchParams.append(name, value)
  // With a login page the user's own click starts the way back, which makes it a navigation from the provider's site.
  if (state.settings.interactive) return formPage(redirectUri, all, false, 'get')
  return { status: 303, headers: { location: url.href } }
}

function formPage(action: string, fields: URLSearchParams, submitted: boolean, method = 'post'): Answer {
  const inputs = [...fields]
    .map(([name, value]) => `<input type="hidden" name="${escape(name)}" value="${escape(value)}">`)
    .join('')
  const onload = submitted ? ' onload="document.forms[0].submit()"' : ''
  return page(`<form method="${method}" action="${escape(action)}">${inputs}<button>Continue</button></form>`, onload)
}

function token(state: ProviderState, call: ProviderCall): Answer {
  if (call.method !== 'POST') return { status: 405 }
  if (!isClient(state, call.client)) return clientRefused
  const { form } = call
  switch (form.get('grant_type')) {
    case 'authorization_code': {
      const grant = state.grants.redeemCode(
        form.get('code') ?? '',
        form.get('redirect_uri') ?? '',
        form.get('code_verifier') ?? '',
      )
      if (typeof grant === 'string') return invalidGrant(grant)
      return isAsked(grant, form) ? { body: tokens(state, grant, form, true) } : invalidTarget
    }
    case 'refresh_token': {
      const rotate = state.settings.rotateRefreshTokens
      const grant = state.grants.useRefreshToken(form.get('refresh_token') ?? '', rotate)
      return typeof grant === 'string' ? invalidGrant(grant) : { body: tokens(state, grant, form, rotate) }
    }
    case tokenExchange: {
      const subject = state.grants.activeAccessToken(form.get('subject_token') ?? '')
      if (subject === undefined || form.get('subject_token_type') !== accessTokenType)
        return invalidGrant('the subject_token does not count')
      const audience = form.get('resource') ?? form.get('audience') ?? 'default-api'
      return {
        body: {
          ...accessToken(state, subject.grant, audience, form.get('scope') ?? subject.grant.scope),
          issued_token_type: accessTokenType,
        },
      }
    }
    default:
      return { status: 400, body: { error: 'unsupported_grant_type' } }
  }
}

function tokens(state: ProviderState, grant: Grant, form: URLSearchParams, withRefreshToken: boolean): Claims {
  const { settings } = state
  const audience = form.get('resource') ?? 'default-api'
  const claims = {
    iss: state.issuer,
    sub: grant.user.sub,
    aud: state.client.id,
    exp: seconds(state) + 600,
    iat: seconds(state),
    auth_time: grant.authTimeSeconds,
    sid: grant.sid,
    ...(grant.nonce === undefined || form.get('grant_type') !== 'authorization_code' ? {} : { nonce: grant.nonce }),
  }
  return {
    ...accessToken(state, grant, audience, form.get('scope') ?? grant.scope),
    ...(withRefreshToken && settings.issueRefreshTokens ? { refresh_token: state.grants.newRefreshToken(grant) } : {}),
    id_token: state.grants.remember(state.makeIdToken(claims), 'id_token'),
  }
}

function accessToken(state: ProviderState, grant: Grant, audience: string, scope: string): Claims {
  const lifetime = state.settings.accessTokenLifetimeSeconds
  const now = seconds(state)
  const value = state.sign(
    {
      iss: state.issuer,
      sub: grant.user.sub,
      aud: audience,
      client_id: state.client.id,
      scope,
      jti: randomUUID(),
      iat: now,
      exp: now + lifetime,
    },
    { typ: 'at+jwt' },
  )
  state.grants.addAccessToken(value, { grant, audience, expiresAtMs: (now + lifetime) * 1000 })
  return { access_token: value, token_type: 'Bearer', scope, ...(state.settings.omitExpiresIn ? {} : { expires_in: lifetime }) }
}

const invalidTarget: Answer = { status: 400, body: { error: 'invalid_target' } }

// RFC 8707 section 2.2: a token is given for resources the user was asked for, where any were named.
function isAsked(grant: Grant, form: URLSearchParams): boolean {
  const resource = form.get('resource')
  return resource === null || grant.resources.length === 0 || grant.resources.includes(resource)
}

const clientRefused: Answer = { status: 401, headers: { 'www-authenticate': 'Basic' }, body: { error: 'invalid_client' } }

function isClient(state: ProviderState, client: ClientCredentials): boolean {
  const isSecret = client.method === 'client_secret_basic' || client.method === 'client_secret_post'
  if (client.method === 'private_key_jwt') return state.settings.acceptAssertions && client.id === state.client.id
  return isSecret && client.id === state.client.id && client.secret === state.client.secret
}

function invalidGrant(description: string): Answer {
  return { status: 400, body: { error: 'invalid_grant', error_description: description } }
}

function bearer(call: ProviderCall): string {
  return /^Bearer (.+)$/i.exec(call.headers.authorization ?? '')?.[1] ?? ''
}

function seconds(state: ProviderState): number {
  return Math.floor(state.clock.now() / 1000)
}

function page(html: string, bodyAttributes = ''): Answer {
  return {
    headers: { 'content-type': 'text/html; charset=utf-8' },
    body: `<!doctype html><title>Provider</title><body${bodyAttributes}>${html}`,
  }
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
}
