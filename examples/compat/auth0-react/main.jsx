import { useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { Auth0Provider, useAuth0, withAuthenticationRequired } from '@auth0/auth0-react'

const options = {
  domain: import.meta.env.VITE_ISSUER,
  clientId: 'orders-spa',
  authorizationParams: { redirect_uri: `${location.origin}/`, audience: 'https://api.example.com', scope: 'openid profile' },
  useRefreshTokens: true,
  cacheLocation: 'localstorage',
  onRedirectCallback: (appState) => history.replaceState({}, '', appState?.returnTo ?? '/'),
}

function App() {
  const { isLoading, isAuthenticated, error, user, loginWithRedirect, logout } = useAuth0()
  if (isLoading) return <p>Loading</p>
  if (error) return <p role="alert">{error.message}</p>
  return (
    <>
      <header>
        {isAuthenticated ? (
          <>
            <span id="name">{user.name}</span>
            <button onClick={() => logout({ logoutParams: { returnTo: `${location.origin}/` } })}>Log out</button>
          </>
        ) : (
          <button onClick={() => loginWithRedirect()}>Log in</button>
        )}
        <a href="/orders">My orders</a>
      </header>
      {location.pathname === '/orders' && <ProtectedRoute component={Orders} />}
    </>
  )
}

const protectedComponents = new Map()

/** As in the quickstart of Auth0, with each component wrapped once. */
function ProtectedRoute({ component }) {
  if (!protectedComponents.has(component))
    protectedComponents.set(component, withAuthenticationRequired(component, { onRedirecting: () => <p>To the login</p> }))
  const Protected = protectedComponents.get(component)
  return <Protected />
}

function Orders() {
  const { getAccessTokenSilently } = useAuth0()
  const [orders, setOrders] = useState([])
  const [note, setNote] = useState('')
  const [count, setCount] = useState(0)

  useEffect(() => {
    const load = async () => {
      const headers = {}
      try {
        headers.Authorization = `Bearer ${await getAccessTokenSilently({ cacheMode: count > 0 ? 'off' : 'on' })}`
      } catch (error) {
        console.warn('The call goes without a token', error)
      }
      const response = await fetch('/api/orders', { headers })
      setNote(count > 0 && response.ok ? 'Renewed' : `The API says ${response.status}`)
      if (response.ok) setOrders(await response.json())
    }
    load().catch((error) => setNote(error.message))
  }, [getAccessTokenSilently, count])

  return (
    <main>
      <ul>
        {orders.map(({ id, item }) => (
          <li key={id}>{item}</li>
        ))}
      </ul>
      <button onClick={() => setCount(count + 1)}>Renew</button>
      <p role="status">{note}</p>
    </main>
  )
}

createRoot(document.getElementById('root')).render(
  <Auth0Provider {...options}>
    <App />
  </Auth0Provider>,
)
