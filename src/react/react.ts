import { createContext, createElement, Fragment, useCallback, useContext, useEffect, useMemo, useState } from 'react'
import { useSyncExternalStore, type ReactElement, type ReactNode } from 'react'
import type { BffClient, Session, User } from '../browser/types.ts'

interface Provided {
  readonly client: BffClient
  readonly error: unknown
  readonly retry: () => void
}

const Context = createContext<Provided | undefined>(undefined)

export interface BffProviderProps {
  /** Made once, outside of the components: `createBffClient()`. */
  readonly client: BffClient
  readonly children?: ReactNode
}

/** Asks once who is logged in, and gives the client to the components below. */
export function BffProvider({ client, children }: BffProviderProps): ReactElement {
  const [error, setError] = useState<unknown>()
  const retry = useCallback(() => {
    setError(undefined)
    client.session().catch(setError)
  }, [client])
  useEffect(retry, [retry])
  const provided = useMemo(() => ({ client, error, retry }), [client, error, retry])
  return createElement(Context.Provider, { value: provided }, children)
}

export interface Bff {
  readonly client: BffClient
  /** `undefined`: not known yet. `null`: nobody is logged in. */
  readonly session: Session | null | undefined
  readonly user: User | null | undefined
  /** Why it is not known: the gateway could not be asked. It is not a logout. */
  readonly error: unknown
  /** Asks again after an error. */
  readonly retry: () => void
}

/** The session as it is now; the component is drawn again when it changes. */
export function useBff(): Bff {
  const provided = useContext(Context)
  if (!provided) throw new Error('useBff needs a BffProvider above it')
  const { client } = provided
  const session = useSyncExternalStore(
    useCallback((changed: () => void) => client.on('change', changed), [client]),
    client.snapshot,
    () => undefined,
  )
  return { ...provided, session, user: session && session.user, error: session === undefined ? provided.error : undefined }
}

export interface RequireAuthProps {
  readonly children?: ReactNode
  /** Shown while it is not known who is logged in. */
  readonly loading?: ReactNode
  /** Shown where nobody is logged in. Without it the page goes to the login by itself. */
  readonly otherwise?: ReactNode
}

/** Shows its children to users who are logged in. It keeps nobody out of the APIs: the gateway's routes do that. */
export function RequireAuth({ children, loading, otherwise }: RequireAuthProps): ReactElement {
  const { client, session } = useBff()
  const leaves = session === null && otherwise === undefined
  useEffect(() => {
    if (leaves) client.login()
  }, [client, leaves])
  // Another user begins with nothing of the former one's state.
  if (session) return createElement(Fragment, { key: session.user.sub }, children)
  return createElement(Fragment, null, session === null ? otherwise : loading)
}
