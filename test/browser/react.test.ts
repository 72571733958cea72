import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { expect, test } from 'vitest'
import { createBffClient } from '../../src/browser/client.ts'
import { BffProvider, RequireAuth, useBff } from '../../src/react/react.ts'

function Account() {
  const { user, session, error } = useBff()
  return createElement('p', null, String([user, session, error].every((value) => value === undefined)))
}

test('a server renders that nothing is known yet, and asks nothing', () => {
  const guard = createElement(RequireAuth, { loading: 'One moment', otherwise: 'Log in' }, 'Orders')
  const app = createElement(BffProvider, { client: createBffClient() }, createElement(Account), guard)
  expect(renderToString(app)).toBe('<p>true</p>One moment')
})

test('the hook says what it misses', () => {
  expect(() => renderToString(createElement(Account))).toThrow('useBff needs a BffProvider above it')
})
