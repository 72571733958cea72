import { headers } from 'next/headers'
import { bff } from '../lib/bff.js'
import { placeOrder } from './actions.js'
import { LogoutButton } from './logout-button.jsx'

export default async function Page() {
  const request = await headers()
  const session = await bff.session(request)
  if (session === undefined) {
    return (
      <main>
        <h1>Orders</h1>
        <a href="/bff/login">Log in</a>
      </main>
    )
  }
  // The token may be renewed here, while the page is rendered: no cookie has to be written for it.
  const response = await bff.fetch(request, '/api/orders')
  const { orders } = response.ok ? await response.json() : { orders: [] }
  return (
    <main>
      <h1>Orders</h1>
      <p>
        {session.user.name} has {orders.length} orders. <a href="/account">Account</a>
      </p>
      {response.ok ? null : <p>The orders cannot be had at the moment ({response.status}).</p>}
      <ul>
        {orders.map(({ item }, index) => (
          <li key={index}>{item}</li>
        ))}
      </ul>
      <form action={placeOrder}>
        <input type="hidden" name="_csrf" value={session.csrfToken} />
        <input name="item" required />
        <button>Order</button>
      </form>
      <LogoutButton csrfToken={session.csrfToken} />
    </main>
  )
}
