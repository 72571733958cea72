import type { AppName } from './places.ts'

/** The login in the browser, with PKCE: what an app needs that holds its own tokens. */
const inBrowser = `
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)))
const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
  .replace(/[+/=]/g, (c) => ({ '+': '-', '/': '_', '=': '' })[c])
const challengeOf = async (verifier) =>
  base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)))

const login = async () => {
  const verifier = random(), state = random()
  sessionStorage.setItem('pkce', JSON.stringify({ verifier, state }))
  location.assign(idp + '/auth?' + new URLSearchParams({
    response_type: 'code',
    client_id: app,
    redirect_uri: location.origin + '/callback',
    scope,
    resource,
    state,
    code_challenge: await challengeOf(verifier),
    code_challenge_method: 'S256',
  }))
}

const start = async () => {
  const answer = new URLSearchParams(location.search)
  const pkce = JSON.parse(sessionStorage.getItem('pkce') ?? 'null')
  if (!answer.has('code') || pkce?.state !== answer.get('state')) return
  sessionStorage.removeItem('pkce')
  const response = await fetch(idp + '/token', {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: app,
      code: answer.get('code'),
      redirect_uri: location.origin + '/callback',
      code_verifier: pkce.verifier,
      resource,
    }),
  })
  keep(await response.json())
  history.replaceState(null, '', '/')
}

const call = (path, init) => fetch(api + path, {
  ...init,
  headers: { Authorization: 'Bearer ' + held()?.access_token },
})

const logout = async () => forget()
`

const inStorage = `
const keep = (tokens) => localStorage.setItem('tokens', JSON.stringify(tokens))
const held = () => JSON.parse(localStorage.getItem('tokens') ?? 'null')
const forget = () => localStorage.removeItem('tokens')
`

const inMemory = `
let memory
const keep = (tokens) => { memory = tokens }
const held = () => memory
const forget = () => { memory = undefined }
`

const mediated = `
const login = async () => location.assign('/login')
const start = async () => {}
const call = async (path, init) => {
  const { access_token } = await (await fetch('/token')).json()
  return fetch(api + path, { ...init, headers: { Authorization: 'Bearer ' + access_token } })
}
const logout = () => fetch('/logout', { method: 'POST' })
`

const behindBff = `
const csrfToken = async () => (await (await fetch('/bff/session')).json()).csrfToken

const login = async () => location.assign('/bff/login')

const start = async () => {}

const call = async (path, init) => {
  const token = await csrfToken()
  return fetch(path, { ...init, headers: token ? { 'X-CSRF-Token': token } : {} })
}

const logout = async () => {
  const form = document.createElement('form')
  form.method = 'post'
  form.action = '/bff/logout'
  const value = await csrfToken()
  form.append(Object.assign(document.createElement('input'), { type: 'hidden', name: '_csrf', value }))
  document.body.append(form)
  form.submit()
}
`

/** What each way of building the app brings: `login`, `start`, `call` and `logout`. */
const ways: Readonly<Record<AppName, string>> = {
  ls: inStorage + inBrowser,
  mem: inMemory + inBrowser,
  proxy: inMemory + inBrowser,
  tmb: mediated,
  bff: behindBff,
}

/** The script of an app, as it is served. Everything outside of its way is the same in all five. */
export function appScript(app: AppName): string {
  return `(() => {
const { app, idp, api, resource, scope } = document.documentElement.dataset
${ways[app]}
const say = (text) => { document.getElementById('account').textContent = text }

const show = async (path, init) => {
  const response = await call(path, init)
  const body = response.ok ? await response.json() : undefined
  const refusal = response.status === 401 ? 'Not logged in' : 'Refused'
  say(body ? body.owner + ' has ' + body.balance : refusal + ' (' + response.status + ').')
}

document.getElementById('login').onclick = () => login()
document.getElementById('refresh').onclick = () => show('/api/account')
document.getElementById('transfer').onclick = () => show('/api/transfers', { method: 'POST' })
document.getElementById('logout').onclick = async () => { await logout(); say('Logged out.') }

for (const button of document.querySelectorAll('button[data-script]')) button.onclick = () => {
  document.body.append(Object.assign(document.createElement('script'), { src: button.dataset.script }))
  say(button.dataset.then)
}

start().then(() => show('/api/account')).catch((error) => say('Failed: ' + error.message))
})()
`
}
