// The login of the peers that have none of their own: the authorization code, then the tokens to put into their session.
import { randomBytes } from 'node:crypto'

export const { ISSUER, UPSTREAM, PORT } = process.env
export const client = { id: 'bench', secret: 'bench-secret-bench-secret-bench-secret' }
export const scope = 'openid profile email offline_access api:read api:write'
const redirectUri = `http://127.0.0.1:${PORT}/callback`

export function authorizeUrl() {
  const state = randomBytes(16).toString('hex')
  const parameters = { client_id: client.id, response_type: 'code', redirect_uri: redirectUri, scope, state, prompt: 'consent' }
  return `${ISSUER}/auth?${new URLSearchParams(parameters)}`
}

export async function exchange(code) {
  const response = await fetch(`${ISSUER}/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${btoa(`${client.id}:${client.secret}`)}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: redirectUri }),
  })
  if (!response.ok) throw new Error(`token endpoint: ${response.status} ${await response.text()}`)
  return response.json()
}
