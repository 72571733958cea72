import { createElement, useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react'
import type { ReactElement, ReactNode } from 'react'
import { Auth0Context, type AppState, type Auth0ContextInterface, type RedirectLoginOptions, type User } from './auth0-context.ts'
import { awaitsState, keepState, refuseLoop, takeState } from './breaker.ts'
import { claimsOf, tokenNotInBrowser } from './loudness.ts'
import { compatClient, loginOptions, returnPath, shownAgain } from './page.ts'

/** Of the options, `authorizationParams` counts; the gateway has its own. */
export interface Auth0ProviderOptions extends Pick<RedirectLoginOptions, 'authorizationParams'> {
  readonly domain: string
  readonly clientId: string
  readonly children?: ReactNode
  /** Called when the page is back from a login that it began. Default: the address becomes `appState.returnTo`. */
  readonly onRedirectCallback?: (appState?: AppState, user?: User) => void
  readonly skipRedirectCallback?: boolean
  readonly [option: string]: unknown
}

const toReturnPath = (appState?: AppState): void => {
  history.replaceState({}, '', appState?.returnTo ?? location.pathname)
}

/** Asks once who is logged in, and gives `useAuth0` its state. */
export function Auth0Provider(options: Auth0ProviderOptions): ReactElement {
  const { children, authorizationParams, onRedirectCallback = toReturnPath, skipRedirectCallback } = options
  const [client] = useState(compatClient)
  const [error, setError] = useState<Error>()
  const [isReady, setReady] = useState(false)
  const subscribe = useCallback((changed: () => void) => client.on('change', changed), [client])
  const session = useSyncExternalStore(subscribe, client.snapshot, () => undefined)

  const isAsked = useRef(false)
  useEffect(() => {
    if (isAsked.current) return
    isAsked.current = true
    const begin = async (): Promise<void> => {
      const user = await client.user()
      if (user && !skipRedirectCallback && awaitsState()) onRedirectCallback(takeAppState(), claimsOf(user) as User)
    }
    const fail = (reason: unknown): void => setError(reason instanceof Error ? reason : new Error(String(reason)))
    void begin()
      .catch(fail)
      .finally(() => setReady(true))
  }, [client, onRedirectCallback, skipRedirectCallback])

  const value = useMemo((): Auth0ContextInterface => {
    const user = session ? (claimsOf(session.user) as User) : undefined
    const getAccessTokenSilently = (): Promise<never> =>
      Promise.reject(tokenNotInBrowser('getAccessTokenSilently', getAccessTokenSilently))
    const getAccessTokenWithPopup = (): Promise<never> =>
      Promise.reject(tokenNotInBrowser('getAccessTokenWithPopup', getAccessTokenWithPopup))
    return {
      isLoading: !isReady,
      isAuthenticated: isReady && user !== undefined,
      ...(user && { user }),
      ...(error && session === undefined && { error }),
      getAccessTokenSilently,
      getAccessTokenWithPopup,
      getIdTokenClaims: async () => {
        const known = await client.user()
        return known ? (claimsOf(known) as User) : undefined
      },
      loginWithRedirect: async ({ appState, authorizationParams: own } = {}) => {
        await Promise.resolve()
        refuseLoop()
        keepState({ state: appState })
        const parameters = { ...authorizationParams, ...own }
        client.login({ ...returnPath(parameters.redirect_uri), ...loginOptions(parameters) })
        await shownAgain()
      },
      loginWithPopup: async ({ authorizationParams: own } = {}) => {
        refuseLoop()
        if (!(await client.loginPopup(loginOptions({ ...authorizationParams, ...own })))) throw new Error('Popup closed')
        await client.session()
      },
      logout: async () => {
        await client.logout()
        await shownAgain()
      },
      handleRedirectCallback: async () => {
        await client.session()
        const appState = takeAppState()
        return appState ? { appState } : {}
      },
    }
  }, [client, session, error, isReady, authorizationParams])
  return createElement(Auth0Context.Provider, { value }, children)
}

function takeAppState(): AppState | undefined {
  const { state } = takeState()
  return typeof state === 'object' && state !== null ? (state as AppState) : undefined
}
