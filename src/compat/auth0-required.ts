import { createElement, Fragment, useEffect, type ComponentType, type FC, type ReactElement } from 'react'
import { useAuth0, type Auth0ContextInterface, type RedirectLoginOptions } from './auth0-context.ts'

export interface WithAuth0Props {
  auth0: Auth0ContextInterface
}

/** Gives the component the state as `auth0`. */
export function withAuth0<P extends WithAuth0Props>(Component: ComponentType<P>): ComponentType<Omit<P, 'auth0'>> {
  return function WithAuth0(props: Omit<P, 'auth0'>): ReactElement {
    return createElement(Component as ComponentType<object>, { ...props, auth0: useAuth0() })
  }
}

export interface WithAuthenticationRequiredOptions {
  readonly returnTo?: string | (() => string)
  /** Shown while the page leaves for the login, and while it is not known who is logged in. */
  readonly onRedirecting?: () => ReactElement
  readonly onBeforeAuthentication?: () => Promise<void>
  readonly loginOptions?: RedirectLoginOptions
}

/** Goes to the login where nobody is logged in, and not after an error. It keeps nobody out of the APIs. */
export function withAuthenticationRequired<P extends object>(
  Component: ComponentType<P>,
  { returnTo, onRedirecting, onBeforeAuthentication, loginOptions }: WithAuthenticationRequiredOptions = {},
): FC<P> {
  return function Required(props: P): ReactElement {
    const { isAuthenticated, isLoading, error, loginWithRedirect } = useAuth0()
    const leaves = !isAuthenticated && !isLoading && !error
    useEffect(() => {
      const leave = async (): Promise<void> => {
        const here = typeof returnTo === 'function' ? returnTo() : (returnTo ?? location.pathname + location.search)
        await onBeforeAuthentication?.()
        await loginWithRedirect({ ...loginOptions, appState: { ...loginOptions?.appState, returnTo: here } })
      }
      if (leaves) void leave()
    }, [leaves, loginWithRedirect])
    if (isAuthenticated) return createElement(Component, props)
    return onRedirecting ? onRedirecting() : createElement(Fragment)
  }
}
