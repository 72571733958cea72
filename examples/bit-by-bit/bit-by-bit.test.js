import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { chromium } from 'playwright-core'
import { freePorts } from '../support/app-test.js'
import { chromiumOptions } from '../support/chromium.js'
import { pageText, readPage } from './diffs.js'
import { runStep, steps } from './run-step.js'

let browser
before(async () => {
  browser = await chromium.launch(chromiumOptions())
})
after(() => browser.close())

/** What each step is: where its calls go, which of them carry a token of the page, and what the page holds. */
const expected = {
  'step-0-bearer': { orders: 'api', reports: 'api', bearer: ['orders', 'reports'], holdsTokens: true },
  'step-1-both': { orders: 'page', reports: 'api', bearer: ['reports'], holdsTokens: true },
  'step-2-cookie': { orders: 'page', reports: 'page', bearer: [], holdsTokens: false },
}

for (const step of steps) {
  test(`${step}: login, both APIs, a change, a download, logout`, async () => {
    const { PORT, PROVIDER_PORT, API_PORT } = await freePorts('PORT', 'PROVIDER_PORT', 'API_PORT')
    const running = await runStep(step, { port: PORT, providerPort: PROVIDER_PORT, apiPort: API_PORT })
    const context = await browser.newContext()
    try {
      const page = await context.newPage()
      page.setDefaultTimeout(30_000)
      const calls = []
      page.on('request', (request) => {
        const name = /\/(orders|reports)(\/|$)/.exec(new URL(request.url()).pathname)?.[1]
        if (name !== undefined && request.method() !== 'OPTIONS')
          calls.push({ name, to: request.url(), bearer: request.headers().authorization?.startsWith('Bearer ey') === true })
      })

      await page.goto(running.origin)
      await page.getByRole('button', { name: 'Log in' }).click()
      await page.locator('input[name=login]').fill('ada')
      await page.locator('input[name=password]').fill('any')
      await page.locator('button[type=submit]').click()

      await page.getByText('Ada', { exact: true }).waitFor()
      await page.getByRole('button', { name: 'Order an espresso' }).click()
      await page.locator('#orders li', { hasText: 'espresso' }).waitFor()
      await page.getByRole('button', { name: 'Sales' }).click()
      await page.getByText('month,sold to ada').waitFor()
      assert.equal(await page.getByRole('alert').count(), 0)

      const { orders, reports, bearer, holdsTokens } = expected[step]
      const origins = { api: running.apiUrl, page: running.origin }
      assert.ok(calls.length >= 4)
      for (const { name, to, bearer: hasBearer } of calls) {
        assert.equal(new URL(to).origin, origins[name === 'orders' ? orders : reports], to)
        assert.equal(hasBearer, bearer.includes(name), to)
      }
      const held = await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie]))
      assert.equal(/access_token|eyJ/.test(held), holdsTokens, held)

      await page.getByRole('button', { name: 'Log out' }).click()
      await page.locator('button[name=logout][value=yes]').click()
      await page.getByRole('button', { name: 'Log in' }).waitFor()
      const left = await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]))
      assert.doesNotMatch(left, /access_token|eyJ/)
      if (orders === 'page') assert.equal(await page.evaluate(async () => (await fetch('/api/new/orders')).status), 401)
    } finally {
      await context.close()
      await running.close()
    }
  })
}

test('the page about the steps shows them as they are', () => {
  assert.equal(readPage(), pageText())
})
