import { useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { AuthProvider, useAuth, withAuthenticationRequired } from 'react-oidc-context'

const settings = {
  authority: import.meta.env.VITE_ISSUER,
  client_id: 'orders-spa',
  redirect_uri: `${location.origin}/`,
  post_logout_redirect_uri: `${location.origin}/`,
  scope: 'openid profile',
  // Out of the address with `code` and `state`, and back to where the login began.
  onSigninCallback: (user) => history.replaceState({}, '', user?.state?.returnTo ?? '/'),
}

function App() {
  const auth = useAuth()
  // A renewal is also loading; the page stays meanwhile.
  if (auth.isLoading && !auth.isAuthenticated) return <p>Loading</p>
  if (auth.error) return <p role="alert">{auth.error.message}</p>
  return (
    <>
      <header>
        {auth.isAuthenticated ? (
          <>
            <span id="name">{auth.user.profile.name}</span>
            <button onClick={() => auth.signoutRedirect()}>Log out</button>
          </>
        ) : (
          <button onClick={() => auth.signinRedirect()}>Log in</button>
        )}
        <a href="/orders">My orders</a>
      </header>
      {location.pathname === '/orders' && <Orders />}
    </>
  )
}

const Orders = withAuthenticationRequired(
  function Orders() {
    const auth = useAuth()
    const [orders, setOrders] = useState([])
    const [note, setNote] = useState('')
    const [renewal, setRenewal] = useState('')
    const token = auth.user?.access_token

    useEffect(() => {
      const load = async () => {
        const response = await fetch('/api/orders', { headers: token ? { Authorization: `Bearer ${token}` } : {} })
        setNote(`The API says ${response.status}`)
        if (response.ok) setOrders(await response.json())
      }
      load().catch((error) => setNote(error.message))
    }, [token])

    useEffect(() => auth.events.addAccessTokenExpired(() => setNote('Your login has expired')), [auth.events])

    const renew = async () => setRenewal((await auth.signinSilent()) ? 'Renewed' : 'Not renewed')
    return (
      <main>
        <ul>
          {orders.map(({ id, item }) => (
            <li key={id}>{item}</li>
          ))}
        </ul>
        <button onClick={renew}>Renew</button> {renewal}
        <p role="status">{note}</p>
      </main>
    )
  },
  { OnRedirecting: () => <p>To the login</p>, signinRedirectArgs: { state: { returnTo: '/orders' } } },
)

createRoot(document.getElementById('root')).render(
  <AuthProvider {...settings}>
    <App />
  </AuthProvider>,
)
