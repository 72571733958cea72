import { headers } from 'next/headers'
import { bff } from '../../lib/bff.js'

// proxy.js lets nobody in here without a session.
export default async function Account() {
  const session = await bff.session(await headers())
  return (
    <main>
      <h1>Account</h1>
      <p>You are {session?.user.sub}.</p>
    </main>
  )
}
