// The page of the examples: no token, no library. It knows its own origin and nothing else.
const element = (id) => document.getElementById(id)

const session = await (await fetch('/bff/session', { cache: 'no-store' })).json()
element('who').textContent = session.authenticated ? `Hello, ${session.user.name}.` : 'Nobody is logged in.'
element('in').hidden = !session.authenticated
element('out').hidden = session.authenticated

const change = (path, body) =>
  fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': session.csrfToken },
    ...(body && { body: JSON.stringify(body) }),
  })

async function showOrders() {
  const response = await fetch('/api/orders')
  if (!response.ok) {
    element('who').textContent = `The orders cannot be had now (${response.status}).`
    return
  }
  const { orders } = await response.json()
  element('orders').replaceChildren(
    ...orders.map(({ item }) => Object.assign(document.createElement('li'), { textContent: item })),
  )
}

if (session.authenticated) await showOrders()

element('new').addEventListener('submit', async (event) => {
  event.preventDefault()
  await change('/api/orders', { item: new FormData(event.target).get('item') })
  await showOrders()
})

element('log-out').addEventListener('click', async () => {
  const response = await change('/bff/logout')
  if (response.ok) location.assign((await response.json()).logoutUrl)
})
