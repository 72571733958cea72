import { createElement, Fragment, useEffect, useState, type ComponentType, type FC, type ReactElement } from 'react'
import { useAuth, type AuthContextProps, type AuthState } from './oidc-context.ts'
import type { SigninRedirectArgs } from './oidc-types.ts'

/** Never: `code` and `state` come to the gateway, and the page's address has none. */
export function hasAuthParams(_location?: Location): boolean {
  return false
}

export interface AutoSigninOptions {
  readonly signinMethod?: 'signinRedirect' | 'signinPopup'
  readonly signinArgs?: SigninRedirectArgs
}

/** Logs in by itself, once, where nobody is logged in. Not after an error: that the gateway cannot be asked is no logout. */
export function useAutoSignin({ signinMethod = 'signinRedirect', signinArgs }: AutoSigninOptions = {}): Pick<
  AuthState,
  'isAuthenticated' | 'isLoading' | 'error'
> {
  const auth = useAuth()
  const [hasTried, setHasTried] = useState(false)
  const tries = isAnonymous(auth) && !hasTried
  useEffect(() => {
    if (!tries) return
    setHasTried(true)
    void auth[signinMethod](signinArgs)
  }, [auth, tries, signinMethod, signinArgs])
  const { isLoading, isAuthenticated, error } = auth
  return { isLoading, isAuthenticated, ...(error && { error }) }
}

/** Gives the component the state as `auth`. */
export function withAuth<P>(Component: ComponentType<P>): ComponentType<Omit<P, keyof AuthContextProps>> {
  const WithAuth = (props: Omit<P, keyof AuthContextProps>): ReactElement =>
    createElement(Component as ComponentType<object>, { ...props, auth: useAuth() })
  WithAuth.displayName = `withAuth(${nameOf(Component)})`
  return WithAuth
}

export interface WithAuthenticationRequiredProps {
  /** Shown while the page leaves for the login, and while it is not known who is logged in. */
  readonly OnRedirecting?: () => ReactElement
  readonly onBeforeSignin?: () => Promise<void> | void
  readonly signinRedirectArgs?: SigninRedirectArgs
}

/** Goes to the login where nobody is logged in, and not after an error. It keeps nobody out of the APIs. */
export function withAuthenticationRequired<P extends object>(
  Component: ComponentType<P>,
  { OnRedirecting, onBeforeSignin, signinRedirectArgs }: WithAuthenticationRequiredProps = {},
): FC<P> {
  const Required: FC<P> = (props) => {
    const auth = useAuth()
    const leaves = isAnonymous(auth)
    useEffect(() => {
      const leave = async (): Promise<void> => {
        await onBeforeSignin?.()
        await auth.signinRedirect(signinRedirectArgs)
      }
      if (leaves) void leave()
    }, [auth, leaves])
    if (auth.isAuthenticated) return createElement(Component, props)
    return OnRedirecting ? OnRedirecting() : createElement(Fragment)
  }
  Required.displayName = `withAuthenticationRequired(${nameOf(Component)})`
  return Required
}

function isAnonymous({ isAuthenticated, isLoading, activeNavigator, error }: AuthContextProps): boolean {
  return !isAuthenticated && !isLoading && !activeNavigator && !error
}

function nameOf({ displayName, name }: { displayName?: string | undefined; name: string }): string {
  return displayName ?? name
}
