import { useAuth } from 'react-oidc-context'
import { Orders } from './Orders'
import { Reports } from './Reports'

export function App() {
  const auth = useAuth()

  if (auth.isLoading) return <p>One moment ...</p>
  if (auth.error) return <p role="alert">The login failed: {auth.error.message}</p>
  if (!auth.isAuthenticated) return <button onClick={() => void auth.signinRedirect()}>Log in</button>

  return (
    <>
      <header>
        <b>{auth.user?.profile.name}</b> <button onClick={() => void auth.signoutRedirect()}>Log out</button>
      </header>
      <Orders />
      <Reports />
    </>
  )
}
