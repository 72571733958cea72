import { useBff } from 'coatcheck/react'
import { Orders } from './Orders'
import { Reports } from './Reports'

export function App() {
  const { client, error, session } = useBff()

  if (error) return <p role="alert">The session cannot be read now.</p>
  if (session === undefined) return <p>One moment ...</p>
  if (session === null) return <button onClick={() => client.login()}>Log in</button>

  return (
    <>
      <header>
        <b>{session.user.name}</b> <button onClick={() => void client.logout()}>Log out</button>
      </header>
      <Orders />
      <Reports />
    </>
  )
}
