import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { launchBrowser } from '../support/chromium.ts'
import { setClientStage, until, type ClientStage } from '../support/client-stage.ts'

/** An app as it was written for the library: only the alias of the bundler is new. */
const app = `
import { createElement as h, StrictMode, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { Auth0Provider, useAuth0, withAuthenticationRequired } from '@auth0/auth0-react'

const Orders = withAuthenticationRequired(function Orders() {
  const { user, logout, getAccessTokenSilently } = useAuth0()
  const [status, setStatus] = useState('')
  useEffect(() => {
    void getAccessTokenSilently().then((token) => ({ Authorization: 'Bearer ' + token }), (error) => ({ 'X-Why': error.name }))
      .then((headers) => fetch('/api/orders', { headers })).then((response) => setStatus(String(response.status)))
  }, [user])
  return h('p', { id: 'orders', onClick: () => logout() }, user.sub + ' ' + status)
}, { onRedirecting: () => h('p', { id: 'redirecting' }) })

function Trouble() {
  const { error, isAuthenticated } = useAuth0()
  return error ? h('p', { id: 'trouble' }, error.status + ' ' + isAuthenticated) : null
}

const settings = {
  domain: 'id.example.com',
  clientId: 'spa',
  authorizationParams: { redirect_uri: location.origin + '/app.html' },
  onRedirectCallback: (appState, user) => sessionStorage.setItem('signed-in', user.sub + ' ' + appState.returnTo),
}
createRoot(document.body).render(h(StrictMode, null, h(Auth0Provider, settings, h(Trouble), h(Orders))))
`

let browser: Browser
let bundle: string
let stage: ClientStage | undefined

beforeAll(async () => {
  browser = await launchBrowser()
  const { outputFiles } = await build({
    stdin: { contents: app, resolveDir: fileURLToPath(new URL('../..', import.meta.url)) },
    alias: { '@auth0/auth0-react': 'coatcheck/compat/auth0-react' },
    bundle: true,
    format: 'esm',
    define: { 'process.env.NODE_ENV': '"development"' },
    write: false,
  })
  bundle = outputFiles[0]?.text ?? ''
})

afterEach(async () => {
  await stage?.context.close()
  stage = undefined
})

afterAll(async () => {
  await browser.close()
})

async function setCompatStage() {
  const page = '<!doctype html><title>App</title><body><script type="module" src="/app.js"></script>'
  stage = await setClientStage(browser, { files: { 'app.js': bundle, 'app.html': page } })
  const withHeader: string[] = []
  const alarms: string[] = []
  stage.context.on('request', (request) => {
    if (request.headers()['authorization'] !== undefined) withHeader.push(request.url())
  })
  stage.context.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) alarms.push(message.text())
  })
  stage.context.on('weberror', (error) => alarms.push(error.error().message))
  return { ...stage, withHeader, alarms, tab: await stage.context.newPage() }
}

test('an app of auth0-react logs in, calls its API and logs out, and no Authorization header leaves the browser', async () => {
  const { internet, tab, withHeader, alarms } = await setCompatStage()
  internet.provider.loginAs('ada')
  await tab.goto(`${internet.app.url}/app.html`)
  await until(tab, "document.querySelector('#orders')?.textContent === 'user-ada 200'")
  expect(tab.url()).toBe(`${internet.app.url}/app.html`)
  expect(internet.provider.calls.authorize, 'one login, though effects run twice').toHaveLength(1)
  expect(await tab.evaluate("sessionStorage.getItem('signed-in')")).toBe('user-ada /app.html')
  expect(withHeader).toEqual([])
  expect(alarms).toHaveLength(1)
  expect(alarms[0]).toContain('getAccessTokenSilently was asked for a token')

  const loggedOut = tab.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/bff/logout'))
  await tab.locator('#orders').click()
  await loggedOut
})

test('an outage is shown as an error: nobody is sent to the login', async () => {
  const { internet, context, tab } = await setCompatStage()
  await context.route('**/bff/session', (route) => route.fulfill({ status: 503, body: '{}' }))
  await tab.goto(`${internet.app.url}/app.html`)
  await tab.locator('#trouble', { hasText: '503 false' }).waitFor()
  expect(await tab.locator('#redirecting').count()).toBe(1)
  expect(internet.provider.calls.authorize).toHaveLength(0)
})
