import { expect } from 'vitest'
import type { Browser } from '../support/browser.ts'
import type { Internet } from '../support/internet.ts'

/** What a relying party does in most modules: log in, and show who it is. */
export async function logIn(internet: Internet): Promise<{ user: Browser; isLoggedIn: boolean }> {
  internet.provider.loginAs('ada')
  const user = internet.browser()
  await user.login(internet.app, '/x')
  return { user, isLoggedIn: (await user.session())['authenticated'] === true }
}

export async function expectAccepted(internet: Internet): Promise<Browser> {
  const { user, isLoggedIn } = await logIn(internet)
  expect(isLoggedIn, JSON.stringify(internet.logs.events('login_failed').at(-1))).toBe(true)
  expect(new URL(user.tab.url).pathname).toBe('/x')
  return user
}

/** An error is shown, nobody is logged in, and nothing of the refused answer is used. */
export async function expectRefused(internet: Internet): Promise<void> {
  const { user, isLoggedIn } = await logIn(internet)
  expect(isLoggedIn).toBe(false)
  expect(new URL(user.tab.url).pathname).toBe('/bff/error')
  expect(user.jar.get(internet.app.sessionCookie)).toBeUndefined()
  expect((await user.fetch('/api/a')).status).toBe(401)
  expect(internet.upstream.requests).toEqual([])
}
