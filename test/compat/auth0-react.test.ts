import type * as Original from '@auth0/auth0-react'
import { createElement, type ReactElement } from 'react'
import { renderToString } from 'react-dom/server'
import { expect, test } from 'vitest'
import * as compat from '../../src/compat/auth0-react.ts'

const settings = { domain: 'id.test', clientId: 'spa' }

/** In the types of the original as pinned: an update that changes one of them fails to compile. */
type Supported = Pick<
  Original.Auth0ContextInterface,
  | 'error'
  | 'isAuthenticated'
  | 'isLoading'
  | 'user'
  | 'getAccessTokenSilently'
  | 'getAccessTokenWithPopup'
  | 'loginWithRedirect'
  | 'loginWithPopup'
  | 'logout'
>
const supported = (context: compat.Auth0ContextInterface): Supported => context

test('a server renders that nothing is known yet', () => {
  const Where = (): ReactElement => {
    const { isLoading, isAuthenticated, user } = supported(compat.useAuth0())
    return createElement('p', null, [isLoading, isAuthenticated, user === undefined].join(' '))
  }
  const Guarded = compat.withAuthenticationRequired(Where, { onRedirecting: () => createElement('i') })
  const Named = compat.withAuth0(({ auth0 }) => createElement('b', null, String(auth0.isLoading)))
  const app = createElement(compat.Auth0Provider, settings, createElement(Where), createElement(Guarded), createElement(Named))
  expect(renderToString(app)).toBe('<p>true false true</p><i></i><b>true</b>')
  expect(() => renderToString(createElement(Where))).toThrow('useAuth0 needs an Auth0Provider above it')
})
