import { useBff } from 'coatcheck/react'
import { useEffect } from 'react'
import { useAuth } from 'react-oidc-context'
import { Orders } from './Orders'
import { Reports } from './Reports'

export function App() {
  const auth = useAuth()
  const { client, session } = useBff()

  // The provider knows the user already, so this second login passes without a question.
  useEffect(() => {
    if (auth.isAuthenticated && session === null) client.login()
  }, [auth.isAuthenticated, client, session])

  if (auth.isLoading) return <p>One moment ...</p>
  if (auth.error) return <p role="alert">The login failed: {auth.error.message}</p>
  if (!auth.isAuthenticated) return <button onClick={() => void auth.signinRedirect()}>Log in</button>
  if (!session) return <p>One moment ...</p>

  const logOut = () => auth.removeUser().then(() => client.logout())

  return (
    <>
      <header>
        <b>{auth.user?.profile.name}</b> <button onClick={() => void logOut()}>Log out</button>
      </header>
      <Orders />
      <Reports />
    </>
  )
}
