import { UserManager, WebStorageStateStore } from 'oidc-client-ts'

const userManager = new UserManager({
  authority: import.meta.env.VITE_ISSUER,
  client_id: 'orders-spa',
  redirect_uri: `${location.origin}/callback`,
  post_logout_redirect_uri: `${location.origin}/`,
  scope: 'openid profile',
  userStore: new WebStorageStateStore({ store: localStorage }),
})

const root = document.getElementById('root')
const note = Object.assign(document.createElement('p'), { role: 'status' })
const say = (text) => note.replaceChildren(text)

userManager.events.addAccessTokenExpiring(() => say('Your login ends soon'))
userManager.events.addAccessTokenExpired(() => say('Your login has expired'))
userManager.events.addSilentRenewError((error) => say(error.message))
userManager.events.addUserLoaded(() => say('Renewed'))

function button(text, onclick) {
  return Object.assign(document.createElement('button'), { textContent: text, onclick })
}

async function callApi(path) {
  const user = await userManager.getUser()
  const headers = user?.access_token ? { Authorization: `Bearer ${user.access_token}` } : {}
  return fetch(path, { headers })
}

async function showOrders() {
  const response = await callApi('/api/orders')
  const list = document.createElement('ul')
  const orders = response.ok ? await response.json() : []
  list.append(...orders.map(({ item }) => Object.assign(document.createElement('li'), { textContent: item })))
  root.append(
    list,
    button('Renew', () => userManager.signinSilent().catch((error) => say(error.message))),
  )
  say(`The API says ${response.status}`)
}

async function start() {
  if (location.pathname === '/callback') {
    const { state } = await userManager.signinRedirectCallback()
    history.replaceState({}, '', state?.returnTo ?? '/')
  }
  const user = await userManager.getUser()
  // The guard of the route.
  if (location.pathname === '/orders' && !user) return userManager.signinRedirect({ state: { returnTo: '/orders' } })

  if (user) {
    const name = Object.assign(document.createElement('span'), { id: 'name', textContent: user.profile.name })
    root.append(
      name,
      button('Log out', () => userManager.signoutRedirect()),
    )
  } else root.append(button('Log in', () => userManager.signinRedirect()))
  root.append(Object.assign(document.createElement('a'), { href: '/orders', textContent: 'My orders' }), note)
  if (location.pathname === '/orders') await showOrders()
}

start().catch((error) => root.append(Object.assign(document.createElement('p'), { role: 'alert', textContent: error.message })))
