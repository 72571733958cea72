import Keycloak from 'keycloak-js'

const keycloak = new Keycloak({ url: import.meta.env.VITE_KEYCLOAK_URL, realm: 'demo', clientId: 'orders-spa' })

const root = document.getElementById('root')
const note = Object.assign(document.createElement('p'), { role: 'status' })
const say = (text) => note.replaceChildren(text)

keycloak.onTokenExpired = () => keycloak.updateToken(30).catch(() => say('Your login has expired'))
keycloak.onAuthLogout = () => say('Logged out')

function element(name, properties) {
  return Object.assign(document.createElement(name), properties)
}

async function callApi(path) {
  await keycloak.updateToken(30)
  const headers = keycloak.token ? { Authorization: `Bearer ${keycloak.token}` } : {}
  return fetch(path, { headers })
}

async function renew() {
  try {
    await keycloak.updateToken(-1)
    say('Renewed')
  } catch {
    await keycloak.login()
  }
}

async function showOrders() {
  const response = await callApi('/api/orders')
  const list = element('ul')
  const orders = response.ok ? await response.json() : []
  list.append(...orders.map(({ item }) => element('li', { textContent: item })))
  root.append(list, element('button', { textContent: 'Renew', onclick: renew }))
  say(`The API says ${response.status}`)
}

async function start() {
  const authenticated = await keycloak.init({ onLoad: 'check-sso', checkLoginIframe: false, pkceMethod: 'S256' })
  // The guard of the route.
  if (location.pathname === '/orders' && !authenticated) return keycloak.login({ redirectUri: `${location.origin}/orders` })

  if (authenticated) {
    root.append(
      element('span', { id: 'name', textContent: keycloak.tokenParsed.name }),
      element('button', { textContent: 'Log out', onclick: () => keycloak.logout({ redirectUri: `${location.origin}/` }) }),
    )
  } else root.append(element('button', { textContent: 'Log in', onclick: () => keycloak.login() }))
  root.append(element('a', { href: '/orders', textContent: 'My orders' }), note)
  if (keycloak.hasRealmRole('clerk')) root.append(element('p', { id: 'clerk', textContent: 'You see the orders of all' }))
  if (keycloak.hasResourceRole('auditor')) root.append(element('p', { id: 'auditor', textContent: 'You see the books' }))
  if (location.pathname === '/orders') await showOrders()
}

start().catch((error) => root.append(element('p', { role: 'alert', textContent: error.message ?? error.error })))
