import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createEmbeddedStore } from '../../src/stores/embedded.ts'
import type { Browser } from '../support/browser.ts'
import { startFurtherGateway } from '../support/further-gateway.ts'
import { serverSecret as old, simulateInternet } from '../support/internet.ts'

const fresh = randomBytes(32).toString('base64url')
const expiredMs = 301_000

/** An app whose gateway can be started anew with other secrets on the same sessions, as a restart does it. */
async function app() {
  const path = mkdtempSync(join(tmpdir(), 'coatcheck-rotation-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  let clock = Date.now
  const open = () => createEmbeddedStore({ path, clock: () => clock() })
  const internet = await simulateInternet({ store: open() })
  clock = internet.clock.now
  const restart = (...secrets: readonly string[]) => startFurtherGateway(internet, { store: open(), secrets })
  const login = async (name: string) => {
    internet.provider.loginAs(name)
    const browser = internet.browser()
    await browser.login(internet.app)
    return browser
  }
  return { internet, restart, login }
}

const status = async (browser: Browser) => (await browser.fetch('/api/a')).status
const post = async (browser: Browser, token: string) =>
  (await browser.fetch('/api/a', { method: 'POST', headers: { 'X-CSRF-Token': token } })).status
const csrfToken = async (browser: Browser) => String((await browser.session())['csrfToken'])

test('with the new secret in front, sessions and the CSRF tokens that pages hold stay good', async () => {
  const { restart, login } = await app()
  const ada = await login('ada')
  const held = await csrfToken(ada)
  await restart(fresh, old)
  expect(await status(ada)).toBe(200)
  expect(await post(ada, held)).toBe(200)
  const renewed = await csrfToken(ada)
  expect(renewed).not.toBe(held)
  expect(await post(ada, renewed)).toBe(200)
  expect(await post(ada, held)).toBe(200)
})

test('a login begun before the restart ends after it', async () => {
  const { internet, restart } = await app()
  internet.provider.settings.interactive = true
  internet.provider.loginAs('ada')
  const ada = internet.browser()
  await ada.login(internet.app)
  await restart(fresh, old)
  await ada.tab.submitForm()
  expect(await ada.session()).toMatchObject({ authenticated: true })
  await restart(fresh)
  expect(await status(ada)).toBe(200)
})

test('a refresh seals a session with the new secret; one without is over, cleanly, when the old secret goes', async () => {
  const { internet, restart, login } = await app()
  const [ada, grace] = [await login('ada'), await login('grace')]
  await restart(fresh, old)
  internet.clock.advance(expiredMs)
  expect(await status(ada)).toBe(200)
  expect(internet.provider.tokenCalls('refresh_token')).toHaveLength(1)

  await restart(fresh)
  expect(await status(ada)).toBe(200)
  expect(await post(ada, await csrfToken(ada))).toBe(200)
  const refused = await grace.fetch('/api/a')
  expect(refused.status).toBe(401)
  expect(refused.object()).toMatchObject({ code: 'session_required', login: '/bff/login' })
  expect(await grace.session()).toEqual({ authenticated: false })
  internet.provider.loginAs('grace')
  await grace.login(internet.app)
  expect(await status(grace)).toBe(200)
  expect(internet.provider.reuseDetected).toBe(0)
})

test('a CSRF token under a secret that is gone is refused, and a page that asks anew goes on', async () => {
  const { internet, restart, login } = await app()
  const ada = await login('ada')
  const held = await csrfToken(ada)
  await restart(fresh, old)
  internet.clock.advance(expiredMs)
  expect(await status(ada)).toBe(200)
  await restart(fresh)
  expect(await post(ada, held)).toBe(403)
  expect(await post(ada, await csrfToken(ada))).toBe(200)
})

test('nodes that are restarted one after the other open what the others seal, if the new secret came to all as the second first', async () => {
  const { internet, restart, login } = await app()
  const second = await restart(old, fresh)
  const first = await restart(fresh, old)
  const ada = await login('ada')
  internet.clock.advance(expiredMs)
  for (const { port } of [second, first, second]) {
    ada.hosts.set(internet.app.url, port)
    expect(await status(ada)).toBe(200)
  }
  const grace = await login('grace')
  grace.hosts.set(internet.app.url, first.port)
  internet.clock.advance(expiredMs)
  expect(await status(grace)).toBe(200)
  grace.hosts.set(internet.app.url, second.port)
  expect(await status(grace)).toBe(200)
  const unaware = internet.nodes[0]?.port ?? 0
  grace.hosts.set(internet.app.url, unaware)
  expect(await status(grace)).toBe(401)
  expect(grace.jar.get(internet.app.sessionCookie)).toBeUndefined()
})
