import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { launchBrowser } from '../support/chromium.ts'
import { appPage, leaveBy, setClientStage, until, type ClientStage } from '../support/client-stage.ts'

const axios = readFileSync(fileURLToPath(new URL('../../node_modules/axios/dist/esm/axios.min.js', import.meta.url)), 'utf8')

let browser: Browser
let stage: ClientStage | undefined

beforeAll(async () => {
  browser = await launchBrowser()
})

afterEach(async () => {
  await stage?.context.close()
  stage = undefined
})

afterAll(async () => {
  await browser.close()
})

const axiosPage = `<!doctype html>
<title>axios</title>
<a href="/bff/login?returnTo=/axios.html">Log in</a>
<script type="module">
import axios from '/axios.js'
window.axios = axios
window.ready = true
</script>
`

test('axios, as it is, sends the CSRF token back with csrf.cookie, and fails without', async () => {
  for (const cookie of [true, false]) {
    stage = await setClientStage(browser, { config: { csrf: { cookie } }, files: { 'axios.js': axios, 'axios.html': axiosPage } })
    const { internet, open } = stage
    const page = await open('/axios.html')
    await leaveBy(page, "document.querySelector('a').click()")
    await until(page, 'window.ready === true')
    const answer = await page.evaluate(`axios.post('/api/orders', { item: 1 }).then(
      ({ status, data }) => [status, data.method, data.sub], ({ response }) => [response.status, response.data.code])`)
    expect(answer).toEqual(cookie ? [200, 'POST', 'user-ada'] : [403, 'csrf_failed'])
    expect(internet.upstream.requests).toHaveLength(cookie ? 1 : 0)
    expect(internet.upstream.requests.map((request) => [request.header('x-xsrf-token'), request.header('cookie')])).toEqual(
      cookie ? [[undefined, undefined]] : [],
    )
    await stage.context.close()
  }
})

test('an image needs no token, and a plain form logs out', async () => {
  const form = `<form method="post" action="/bff/logout"><input name="_csrf"><button>Log out</button></form>`
  stage = await setClientStage(browser, { files: { 'app.html': appPage + form } })
  const { internet, openLoggedIn } = stage
  const page = await openLoggedIn()
  internet.upstream.answer({
    headers: [['Content-Type', 'image/svg+xml']],
    body: '<svg xmlns="http://www.w3.org/2000/svg" width="3" height="2"/>',
  })
  expect(
    await page.evaluate(`new Promise((resolve, reject) => {
      const image = new Image()
      image.onload = () => resolve([image.width, image.height])
      image.onerror = reject
      image.src = '/api/picture'
    })`),
  ).toEqual([3, 2])
  await page.evaluate("document.querySelector('[name=_csrf]').value = bff.snapshot().csrfToken")
  await leaveBy(page, "document.querySelector('form button').click()")
  expect(internet.provider.calls.end_session).toHaveLength(1)
  expect(await stage.context.cookies(internet.app.url)).toEqual([])
})

test("form-action 'self' keeps the page from the provider's logout, as the docs say; naming the provider lets it go on", async () => {
  for (const named of [false, true]) {
    stage = await setClientStage(browser)
    const { internet, openLoggedIn } = stage
    const page = await openLoggedIn()
    const policy = `form-action 'self'${named ? ` ${internet.provider.issuer}` : ''}`
    await page.evaluate(`{
      const meta = document.createElement('meta')
      meta.httpEquiv = 'Content-Security-Policy'
      meta.content = ${JSON.stringify(policy)}
      document.head.append(meta)
      document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => (window.violated = effectiveDirective))
    }`)
    if (named) await leaveBy(page, 'bff.logout()')
    else {
      await page.evaluate('void bff.logout()')
      await until(page, "window.violated === 'form-action'")
    }
    expect(internet.provider.calls.end_session).toHaveLength(named ? 1 : 0)
    expect(await page.evaluate("fetch('/bff/session').then((answer) => answer.json())")).toEqual({ authenticated: false })
    await stage.context.close()
  }
})
