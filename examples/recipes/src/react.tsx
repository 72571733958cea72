// react.tsx
import { BffProvider, RequireAuth, useBff } from 'coatcheck/react'
import { bff } from './bff.ts'

function Account() {
  const { user } = useBff()
  return user ? <button onClick={() => void bff.logout()}>Log out {user.name}</button> : <a href="/bff/login">Log in</a>
}

export const App = () => (
  <BffProvider client={bff}>
    <Account />
    <RequireAuth loading="One moment">Your orders</RequireAuth>
  </BffProvider>
)
