import { apiResource, originOf, scope, type AppName, type Places } from './places.ts'

/** The page of an app. All five have this page and this script; what differs is where the tokens are. */
export function appPage(places: Places, app: AppName): string {
  const base = app === 'proxy' || app === 'bff' ? '' : originOf(places, 'api')
  return `<!doctype html>
<html lang="en" data-app="${app}" data-idp="${originOf(places, 'idp')}" data-api="${base}" data-resource="${apiResource}" data-scope="${scope}">
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Little Bank</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/app.css">
<main><h1>Little Bank</h1>
<p id="account" role="status">Not logged in.</p>
<p><button id="login">Log in</button> <button id="refresh">Show my balance</button>
<button id="transfer">Send 10 to a friend</button> <button id="logout">Log out</button> <button id="inject" data-script="${originOf(places, 'evil')}/payload.js">Inject the attacker’s script</button></p></main>
<script src="/app.js"></script></html>`
}

/** The script of the app. `login`, `start`, `call` and `logout` are what each way of building it has to bring. */
export const appScript = `(() => {
const { app, idp, api, resource, scope } = document.documentElement.dataset
const say = (text) => { document.getElementById('account').textContent = text }
const random = () => btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32)))).replace(/[+/=]/g, (c) => ({ '+': '-', '/': '_', '=': '' })[c])
const challengeOf = async (verifier) => {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))
  return btoa(String.fromCharCode(...new Uint8Array(hash))).replace(/[+/=]/g, (c) => ({ '+': '-', '/': '_', '=': '' })[c])
}
const browserTokens = (keep, held, forget) => ({
  async login() {
    const verifier = random(), state = random()
    sessionStorage.setItem('pkce', JSON.stringify({ verifier, state }))
    const query = new URLSearchParams({ response_type: 'code', client_id: app, redirect_uri: location.origin + '/callback', scope, resource,
      state, code_challenge: await challengeOf(verifier), code_challenge_method: 'S256' })
    location.assign(idp + '/auth?' + query)
  },
  async start() {
    const answer = new URLSearchParams(location.search)
    const pkce = JSON.parse(sessionStorage.getItem('pkce') ?? 'null')
    if (!answer.has('code') || pkce?.state !== answer.get('state')) return
    sessionStorage.removeItem('pkce')
    const body = new URLSearchParams({ grant_type: 'authorization_code', client_id: app, code: answer.get('code'),
      redirect_uri: location.origin + '/callback', code_verifier: pkce.verifier, resource })
    keep(await (await fetch(idp + '/token', { method: 'POST', body })).json())
    history.replaceState(null, '', '/')
  },
  call: (path, init) => fetch(api + path, { ...init, headers: { Authorization: 'Bearer ' + held()?.access_token } }),
  async logout() { forget() },
})
let memory
const inMemory = browserTokens((tokens) => { memory = tokens }, () => memory, () => { memory = undefined })
const ways = {
  ls: browserTokens((tokens) => localStorage.setItem('tokens', JSON.stringify(tokens)), () => JSON.parse(localStorage.getItem('tokens') ?? 'null'),
    () => localStorage.removeItem('tokens')),
  mem: inMemory,
  proxy: inMemory,
  tmb: {
    async login() { location.assign('/login') },
    async start() {},
    async call(path, init) {
      const { access_token } = await (await fetch('/token')).json()
      return fetch(api + path, { ...init, headers: { Authorization: 'Bearer ' + access_token } })
    },
    async logout() { await fetch('/logout', { method: 'POST' }) },
  },
  bff: {
    async login() { location.assign('/bff/login') },
    async start() {},
    async call(path, init) {
      const { csrfToken } = await (await fetch('/bff/session')).json()
      return fetch(path, { ...init, headers: csrfToken ? { 'X-CSRF-Token': csrfToken } : {} })
    },
    async logout() {
      const { csrfToken } = await (await fetch('/bff/session')).json()
      const form = document.createElement('form')
      form.method = 'post'
      form.action = '/bff/logout'
      form.append(Object.assign(document.createElement('input'), { type: 'hidden', name: '_csrf', value: csrfToken }))
      document.body.append(form)
      form.submit()
    },
  },
}
const way = ways[app]
const show = async (path, init) => {
  const response = await way.call(path, init)
  const body = response.ok ? await response.json() : undefined
  say(body ? body.owner + ' has ' + body.balance : 'Not logged in (' + response.status + ').')
}
document.getElementById('login').onclick = () => way.login()
document.getElementById('refresh').onclick = () => show('/api/account')
document.getElementById('transfer').onclick = () => show('/api/transfers', { method: 'POST' })
document.getElementById('inject').onclick = (event) => {
  document.body.append(Object.assign(document.createElement('script'), { src: event.target.dataset.script }))
  say('The script is in the page. Click "Show my balance" as if nothing had happened, then close this tab.')
}
document.getElementById('logout').onclick = async () => { await way.logout(); say('Logged out.') }
way.start().then(() => show('/api/account')).catch((error) => say('Failed: ' + error.message))
})()`
