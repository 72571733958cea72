import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { launchBrowser } from '../support/chromium.ts'
import { leaveBy, setClientStage, until, type ClientStage } from '../support/client-stage.ts'

/** The app as its users would write it, but for JSX. */
const app = `
import { createElement as h, StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { createBffClient } from 'coatcheck/browser'
import { BffProvider, RequireAuth, useBff } from 'coatcheck/react'

const client = (window.bff = createBffClient())
window.drawn = 0

function Account() {
  const { user, error, retry } = useBff()
  window.drawn += 1
  if (error) return h('button', { id: 'retry', onClick: retry }, 'Trouble ' + error.status)
  return h('p', { id: 'account' }, user === undefined ? 'unknown' : user === null ? 'nobody' : user.sub)
}

function Draft() {
  const [text, setText] = useState('')
  return h('input', { id: 'draft', value: text, onChange: (event) => setText(event.target.value) })
}

const otherwise = location.search === '?guard' ? undefined : h('p', { id: 'otherwise' }, 'Please log in')
createRoot(document.body).render(h(StrictMode, null, h(BffProvider, { client },
  h(Account), h(RequireAuth, { loading: h('p', { id: 'loading' }), otherwise }, h(Draft)))))
window.ready = true
`

let browser: Browser
let bundle: string
let stage: ClientStage | undefined

beforeAll(async () => {
  browser = await launchBrowser()
  const { outputFiles } = await build({
    stdin: { contents: app, resolveDir: fileURLToPath(new URL('../..', import.meta.url)) },
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

async function setReactStage(): Promise<ClientStage & { alarms: string[] }> {
  const files = {
    'react.js': bundle,
    'react.html': '<!doctype html><title>React</title><body><script type="module" src="/react.js"></script>',
  }
  stage = await setClientStage(browser, { files })
  const alarms: string[] = []
  stage.context.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) alarms.push(message.text())
  })
  stage.context.on('weberror', (error) => alarms.push(error.error().message))
  return { ...stage, alarms }
}

const shows = (page: Page, text: string): Promise<void> =>
  until(page, `document.querySelector('#account')?.textContent === '${text}'`)

test('the hook follows the session, and the guard shows its children to users only', async () => {
  const { internet, open, openLoggedIn, alarms } = await setReactStage()
  const page = await open('/react.html')
  await shows(page, 'nobody')
  expect(await page.locator('#otherwise').count()).toBe(1)
  expect(await page.locator('#draft').count()).toBe(0)

  const other = await openLoggedIn('ada', '/react.html')
  await shows(page, 'user-ada')
  await page.locator('#draft').fill('half a form')
  const drawn = await page.evaluate('drawn')
  await page.evaluate('bff.session()')
  expect(await page.evaluate('drawn'), 'nothing changed, nothing is drawn').toBe(drawn)
  expect(await page.locator('#draft').inputValue()).toBe('half a form')

  internet.provider.loginAs('grace')
  await leaveBy(other, 'bff.login()')
  await until(page, "!['user-ada', 'nobody', 'unknown'].includes(document.querySelector('#account')?.textContent)")
  expect(await page.locator('#draft').inputValue(), 'another user begins anew').toBe('')
  expect(alarms).toEqual([])
})

test('the guard goes to the login by itself where nothing else is to be shown', async () => {
  const { internet, context } = await setReactStage()
  const page = await context.newPage()
  await page.goto(`${internet.app.url}/react.html?guard`)
  await shows(page, 'user-ada')
  expect(page.url()).toBe(`${internet.app.url}/react.html?guard`)
  expect(internet.provider.calls.authorize).toHaveLength(1)
})

test('trouble is shown as trouble, and can be tried again', async () => {
  const { internet, context } = await setReactStage()
  await context.route('**/bff/session', (route) => route.fulfill({ status: 503, body: '{}' }))
  const page = await context.newPage()
  await page.goto(`${internet.app.url}/react.html?guard`)
  await page.locator('#retry', { hasText: 'Trouble 503' }).waitFor()
  expect(await page.locator('#loading').count()).toBe(1)
  expect(internet.provider.calls.authorize).toHaveLength(0)
  await context.unroute('**/bff/session')
  await page.locator('#retry').click()
  await shows(page, 'user-ada')
})
