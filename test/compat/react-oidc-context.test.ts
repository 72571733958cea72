import type * as Original from 'react-oidc-context'
import { createElement, type ReactElement } from 'react'
import { renderToString } from 'react-dom/server'
import { expect, test } from 'vitest'
import * as compat from '../../src/compat/react-oidc-context.ts'

const settings = { authority: 'https://id.test', client_id: 'spa', redirect_uri: 'https://app.test/' }

const state = (changes: Partial<compat.AuthContextProps>): compat.AuthContextProps => {
  const nothing: Partial<compat.AuthContextProps> = { isLoading: false, isAuthenticated: false, ...changes }
  return nothing as compat.AuthContextProps
}

function drawn(value: compat.AuthContextProps, element: ReactElement): string {
  return renderToString(createElement(compat.AuthContext.Provider, { value }, element))
}

/** Names in the types of the original as pinned: an update that renames one fails to compile. */
const states: readonly (keyof Original.AuthState & keyof compat.AuthState)[] = [
  'user',
  'isLoading',
  'isAuthenticated',
  'activeNavigator',
  'error',
]
const supported = (
  context: compat.AuthContextProps,
): Pick<
  Original.AuthContextProps,
  | 'isLoading'
  | 'isAuthenticated'
  | 'activeNavigator'
  | 'signinRedirect'
  | 'signinResourceOwnerCredentials'
  | 'signoutRedirect'
  | 'signoutPopup'
  | 'signoutSilent'
  | 'removeUser'
  | 'querySessionStatus'
  | 'revokeTokens'
  | 'clearStaleState'
  | 'startSilentRenew'
  | 'stopSilentRenew'
> => context
const everyExport: Record<Exclude<keyof typeof Original, 'default'>, unknown> = compat

test('a server renders that nothing is known yet', () => {
  const Where = (): ReactElement => {
    const { isLoading, isAuthenticated, user } = compat.useAuth()
    return createElement('p', null, JSON.stringify({ isLoading, isAuthenticated, user }))
  }
  const html = renderToString(createElement(compat.AuthProvider, settings, createElement(Where)))
  expect(html.replaceAll('&quot;', '"')).toBe('<p>{"isLoading":true,"isAuthenticated":false}</p>')
})

test('a guarded component is shown to users, and to nobody in an outage', () => {
  const Orders = compat.withAuthenticationRequired(() => createElement('p', null, 'Orders'), {
    OnRedirecting: () => createElement('p', null, 'One moment'),
  })
  expect(drawn(state({ isAuthenticated: true }), createElement(Orders))).toBe('<p>Orders</p>')
  expect(drawn(state({}), createElement(Orders))).toBe('<p>One moment</p>')
  const error = Object.assign(new Error('503'), { source: 'signinCallback' as const })
  expect(drawn(state({ error }), createElement(Orders))).toBe('<p>One moment</p>')
})

test('withAuth gives the state as a property', () => {
  const Name = compat.withAuth(({ auth }: { auth?: compat.AuthContextProps }) =>
    createElement('p', null, String(auth?.isAuthenticated)),
  )
  expect(drawn(state({ isAuthenticated: true }), createElement(Name))).toBe('<p>true</p>')
})

test('the hook says what it misses, and the address is never read', () => {
  const Lost = (): ReactElement => createElement('p', null, String(compat.useAuth().isLoading))
  expect(() => renderToString(createElement(Lost))).toThrow('useAuth needs an AuthProvider above it')
  expect(compat.hasAuthParams()).toBe(false)
  expect(supported(state({}))).toMatchObject({ isLoading: false })
  expect([states.length, everyExport.useAuth]).toEqual([5, compat.useAuth])
})
