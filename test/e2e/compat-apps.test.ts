import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Page, Request, Response } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { launchBrowser } from '../support/chromium.ts'

const folder = fileURLToPath(new URL('../../examples/compat/', import.meta.url))
const names = ['oidc-client-ts', 'react-oidc-context', 'keycloak-js', 'auth0-react'] as const
type Form = 'original' | 'moved'

let browser: Browser
let context: BrowserContext | undefined
const running = new Map<string, { child: ChildProcess; original: string; moved: string }>()

beforeAll(async () => {
  const [launched] = await Promise.all([launchBrowser(), ...names.map(start)])
  browser = launched
}, 120_000)

afterEach(() => context?.close())

afterAll(async () => {
  await browser.close()
  await Promise.all(
    [...running.values()].map(async ({ child }) => {
      const ended = once(child, 'close')
      if (child.kill('SIGTERM')) await ended
    }),
  )
})

/** Both forms of an app, as a reader starts them. */
async function start(name: string): Promise<void> {
  const [ORIGINAL_PORT, MOVED_PORT, PROVIDER_PORT, API_PORT] = await freePorts()
  const child = spawn(process.execPath, ['start.js', name], {
    cwd: folder,
    env: { ...process.env, ORIGINAL_PORT, MOVED_PORT, PROVIDER_PORT, API_PORT },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.set(name, { child, original: `http://localhost:${ORIGINAL_PORT}`, moved: `http://localhost:${MOVED_PORT}` })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk) => (said += String(chunk)))
    child.stdout.on('data', (chunk) => {
      said += String(chunk)
      if (said.includes(`${name} runs`)) resolve()
    })
    child.once('close', (code) => reject(new Error(`${name} has ended with ${code}: ${said}`)))
  })
}

async function freePorts(): Promise<string[]> {
  const servers = Array.from({ length: 4 }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => String((server.address() as AddressInfo).port))
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

const jwt = /eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+/

/** What leaves the browser from any frame or worker, and what comes to it. */
function record(of: BrowserContext) {
  const requests: Request[] = []
  const bodies: Promise<string>[] = []
  of.on('request', (request) => requests.push(request))
  // A redirect has no body, and one that a navigation has thrown away was read by no page.
  of.on('response', (response: Response) => bodies.push(response.text().catch(() => '')))
  return {
    async withAuthorization(): Promise<string[]> {
      const all = await Promise.all(requests.map(async (request) => ({ request, headers: await request.allHeaders() })))
      return all.flatMap(({ headers }) => headers['authorization'] ?? [])
    },
    tokensSent: () => requests.filter((request) => jwt.test(request.url()) || jwt.test(request.postData() ?? '')).length,
    tokensReceived: async () => (await Promise.all(bodies)).filter((body) => jwt.test(body)).length,
    calls: () => requests.filter((request) => new URL(request.url()).pathname === '/api/orders').length,
  }
}

async function logInAsAda(tab: Page): Promise<void> {
  await tab.locator('input[name=login]').fill('ada')
  await tab.locator('input[name=password]').fill('any')
  await tab.locator('button[type=submit]').click()
}

const storedText = (tab: Page) =>
  tab.evaluate<string>('JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie])')

const statusOfApi = (tab: Page) => tab.evaluate<number>("fetch('/api/orders').then((response) => response.status)")

async function seeOrders(tab: Page): Promise<void> {
  await tab.locator('li', { hasText: 'espresso for ada' }).waitFor()
  await tab.getByRole('status').getByText('The API says 200').waitFor()
}

describe.each(names)('%s', (name) => {
  test.each<Form>(['original', 'moved'])('%s: guard, login, name, API, renewal, reload, logout', async (form) => {
    const origin = running.get(name)?.[form] ?? ''
    context = await browser.newContext()
    context.setDefaultTimeout(8_000)
    const seen = record(context)
    const tab = await context.newPage()

    await tab.goto(`${origin}/`)
    await tab.getByRole('button', { name: 'Log in' }).waitFor()
    expect(await statusOfApi(tab), 'nobody is logged in').toBe(401)

    // The guarded view leads to the login, and the login back to it.
    await tab.getByRole('link', { name: 'My orders' }).click()
    await logInAsAda(tab)
    await tab.locator('#name', { hasText: 'Ada' }).waitFor()
    await seeOrders(tab)
    expect(new URL(tab.url()).origin + new URL(tab.url()).pathname).toBe(`${origin}/orders`)
    if (name === 'keycloak-js') {
      expect(await tab.locator('#clerk').count(), 'a role that ada has').toBe(1)
      expect(await tab.locator('#auditor').count(), 'a role that ada has not').toBe(0)
    }

    await tab.getByRole('button', { name: 'Renew' }).click()
    await tab.getByText('Renewed').waitFor()
    await tab.reload()
    await seeOrders(tab)
    expect(seen.calls()).toBeGreaterThanOrEqual(3)
    const stored = await storedText(tab)

    await tab.getByRole('button', { name: 'Log out' }).click()
    await tab.locator('button[name=logout][value=yes]').click()
    await tab.getByRole('button', { name: 'Log in' }).waitFor()
    expect(await tab.locator('#name').count()).toBe(0)
    expect(await statusOfApi(tab), 'logged out').toBe(401)
    await tab.getByRole('button', { name: 'Log in' }).click()
    await tab.locator('input[name=login]').waitFor()

    const withAuthorization = await seen.withAuthorization()
    if (form === 'moved') {
      expect(withAuthorization).toEqual([])
      expect(seen.tokensSent()).toBe(0)
      expect(await seen.tokensReceived()).toBe(0)
      expect(stored).not.toMatch(/eyJ|(access|refresh|id)_token/)
    } else {
      // The recorder sees what it is there to see.
      expect(withAuthorization.length).toBeGreaterThanOrEqual(2)
      for (const value of withAuthorization) expect(value).toMatch(/^Bearer eyJ/)
      expect(await seen.tokensReceived()).toBeGreaterThanOrEqual(1)
      // keycloak-js alone has its tokens in memory.
      if (name !== 'keycloak-js') expect(stored).toMatch(/access_token.*eyJ/)
    }
  })
})

test('between the two forms of an app one line differs, an import', () => {
  const printed = execFileSync(process.execPath, ['diff.js'], { cwd: folder, encoding: 'utf8' })
  const lines = printed.trim().split('\n')
  expect(lines.filter((line) => line.startsWith('+ '))).toEqual([
    "+ import { UserManager, WebStorageStateStore } from 'coatcheck/compat/oidc-client-ts'",
    "+ import { AuthProvider, useAuth, withAuthenticationRequired } from 'coatcheck/compat/react-oidc-context'",
    "+ import Keycloak from 'coatcheck/compat/keycloak-js'",
    "+ import { Auth0Provider, useAuth0, withAuthenticationRequired } from 'coatcheck/compat/auth0-react'",
  ])
  expect(lines).toHaveLength(12)
})
