import { createElement, useCallback, useEffect, useMemo, useReducer, useRef, useState } from 'react'
import type { ReactElement, ReactNode } from 'react'
import { awaitsState } from './breaker.ts'
import { AuthContext, type AuthContextProps, type AuthState, type ErrorContext, type Navigator } from './oidc-context.ts'
import { UserManager } from './oidc-sign-in.ts'
import type { SignoutResponse, UserManagerSettings } from './oidc-types.ts'
import type { User } from './oidc-user.ts'

interface AuthProviderBaseProps {
  readonly children?: ReactNode
  /** Called when the page is back from a login. There is nothing in the address to take away. */
  readonly onSigninCallback?: ((user: User | undefined) => Promise<void> | void) | undefined
  readonly skipSigninCallback?: boolean | undefined
  readonly matchSignoutCallback?: ((settings: UserManagerSettings) => boolean) | undefined
  readonly onSignoutCallback?: ((response: SignoutResponse | undefined) => Promise<void> | void) | undefined
  readonly onRemoveUser?: (() => Promise<void> | void) | undefined
}

export type AuthProviderProps =
  | (AuthProviderBaseProps & { readonly userManager: UserManager })
  | (AuthProviderBaseProps & UserManagerSettings & { readonly userManager?: undefined })

type Change = (state: AuthState) => AuthState

const loaded =
  (user: User | null): Change =>
  ({ isLoading: _isLoading, error: _error, ...rest }) => ({ ...rest, user, isLoading: false, isAuthenticated: user !== null })

const unloaded: Change = ({ user: _user, ...rest }) => ({ ...rest, isAuthenticated: false })

const began =
  (activeNavigator: Navigator): Change =>
  (state) => ({ ...state, isLoading: true, activeNavigator })

const ended: Change = ({ activeNavigator: _activeNavigator, ...rest }) => ({ ...rest, isLoading: false })

/** The user stays as known: that the gateway cannot be asked says nothing about the session. */
const failed =
  (error: unknown, from: { source: ErrorContext['source']; args?: unknown }): Change =>
  (state) => {
    const told = error instanceof Error ? error : new Error(String(error))
    const wrapped = Object.assign(new Error(told.message), { name: told.name, innerError: error, ...from })
    return { ...state, isLoading: false, error: wrapped as ErrorContext }
  }

/** Asks once who is logged in, and gives `useAuth` its state. */
export function AuthProvider(props: AuthProviderProps): ReactElement {
  const { children, onSigninCallback, skipSigninCallback, matchSignoutCallback, onSignoutCallback, onRemoveUser } = props
  const [manager] = useState(() => props.userManager ?? new UserManager(props))
  const [state, change] = useReducer((before: AuthState, next: Change) => next(before), {
    isLoading: true,
    isAuthenticated: false,
  })

  const isAsked = useRef(false)
  useEffect(() => {
    if (isAsked.current) return
    isAsked.current = true
    const begin = async (): Promise<void> => {
      let user = await manager.getUser()
      if (user && !skipSigninCallback && awaitsState()) {
        user = await manager.signinRedirectCallback()
        await onSigninCallback?.(user)
      }
      change(loaded(user))
    }
    const finishSignout = async (): Promise<void> => {
      if (matchSignoutCallback?.(manager.settings)) await onSignoutCallback?.(await manager.signoutCallback())
    }
    void begin()
      .catch((error: unknown) => change(failed(error, { source: 'signinCallback' })))
      .then(finishSignout)
      .catch((error: unknown) => change(failed(error, { source: 'signoutCallback' })))
  }, [manager, skipSigninCallback, onSigninCallback, matchSignoutCallback, onSignoutCallback])

  useEffect(() => {
    const { events } = manager
    const ends = [
      events.addUserLoaded((user) => change(loaded(user))),
      events.addUserUnloaded(() => change(unloaded)),
      events.addSilentRenewError((error) => change(failed(error, { source: 'renewSilent' }))),
    ]
    return () => {
      for (const end of ends) end()
    }
  }, [manager])

  const removeUser = useCallback(async () => {
    await manager.removeUser()
    await onRemoveUser?.()
  }, [manager, onRemoveUser])
  const calls = useMemo(() => callsOf(manager, change), [manager])
  const value = useMemo(() => ({ ...state, ...calls, removeUser }), [state, calls, removeUser])
  return createElement(AuthContext.Provider, { value }, children)
}

/** As in the library: a call that fails sets `error`, and resolves. */
function callsOf(manager: UserManager, change: (next: Change) => void): Omit<AuthContextProps, keyof AuthState | 'removeUser'> {
  const tell =
    <Args, Result>(source: Navigator, call: (args: Args) => Promise<Result>) =>
    async (args: Args): Promise<Result> => {
      change(began(source))
      try {
        return await call(args)
      } catch (error) {
        change(failed(error, { source, args }))
        // The library says in its types that this is a user, and gives null.
        return null as Result
      } finally {
        change(ended)
      }
    }
  return {
    settings: manager.settings,
    events: manager.events,
    clearStaleState: () => manager.clearStaleState(),
    querySessionStatus: () => manager.querySessionStatus(),
    revokeTokens: manager.revokeTokens,
    startSilentRenew: () => manager.startSilentRenew(),
    stopSilentRenew: () => manager.stopSilentRenew(),
    signinRedirect: tell('signinRedirect', (args) => manager.signinRedirect(args)),
    signinPopup: tell('signinPopup', (args) => manager.signinPopup(args)),
    signinSilent: tell('signinSilent', (args) => manager.signinSilent(args)),
    signinResourceOwnerCredentials: tell('signinResourceOwnerCredentials', (args: object) =>
      manager.signinResourceOwnerCredentials(args),
    ),
    signoutRedirect: tell('signoutRedirect', (args) => manager.signoutRedirect(args)),
    signoutPopup: tell('signoutPopup', (args) => manager.signoutPopup(args)),
    signoutSilent: tell('signoutSilent', (args) => manager.signoutSilent(args)),
  }
}
