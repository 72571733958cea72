import { execFileSync } from 'node:child_process'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Browser, Page, Response } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readDemoPlan } from '../../demo/plan.ts'
import type { DemoPlan } from '../../demo/plan.ts'
import { startSurroundings } from '../../demo/surroundings.ts'
import { resolveConfig } from '../../src/config/resolve.ts'
import { freePort, listenOnLoopback } from '../../src/dev/listen.ts'
import { startGateway } from '../../src/gateway/gateway.ts'
import { launchBrowser } from '../support/chromium.ts'
import { TokenTap } from '../support/token-tap.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The first of three free ports in a row. */
async function threeFreePorts(): Promise<number> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const first = await freePort()
    const probes = [createServer(), createServer()]
    const free = await Promise.all(probes.map((probe, index) => listenOnLoopback(probe, first + 1 + index, 'the test'))).then(
      () => true,
      () => false,
    )
    await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))))
    if (free) return first
  }
  throw new Error('no three free ports in a row')
}

/** A response of the app as the browser saw it: its address, its headers, and its body where it has one. */
async function everythingOf(response: Response): Promise<string> {
  const headers = await response.allHeaders().catch(() => ({}))
  const body = await response.text().catch(() => '')
  return `${response.url()}\n${JSON.stringify(headers)}\n${body}`
}

describe('the demo in a browser', () => {
  let plan: DemoPlan
  let surroundings: { close(): Promise<void> }
  let gateway: { close(): Promise<void> }
  let browser: Browser
  const tokens = new TokenTap()

  beforeAll(async () => {
    execFileSync(process.execPath, ['scripts/build-demo-page.mjs'], { cwd: root })
    plan = readDemoPlan(`${root}demo/coatcheck.yaml`, await threeFreePorts())
    surroundings = await startSurroundings(plan)
    gateway = await startGateway(
      resolveConfig({ ...plan.config, log: { level: 'silent' } }, { env: plan.env, baseDir: `${root}demo` }),
      { fetch: tokens.fetch },
    )
    browser = await launchBrowser()
  })

  afterAll(async () => {
    await browser.close()
    await gateway.close()
    await surroundings.close()
  })

  /** A page, and everything about it that must not be: violations, script errors, tokens that reached the browser. */
  async function openPage(): Promise<{ page: Page; alarms: string[]; seen: Promise<string>[] }> {
    const context = await browser.newContext()
    const page = await context.newPage()
    const alarms: string[] = []
    const seen: Promise<string>[] = []
    page.on('pageerror', (error) => alarms.push(`error: ${error.message}`))
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
        alarms.push(`console: ${message.text()}`)
    })
    page.on('response', (response) => {
      seen.push(everythingOf(response))
    })
    await page.goto(plan.config.origin)
    return { page, alarms, seen }
  }

  async function logIn(page: Page, who: 'Ada' | 'Ben'): Promise<void> {
    await page.getByRole('link', { name: `As ${who}` }).click()
    await page.getByRole('button', { name: who }).click()
    await page.locator('.order').first().waitFor()
    expect(page.url()).toBe(`${plan.config.origin}/`)
  }

  const factsOf = (page: Page, list: string) =>
    page.locator(`#${list} dd`).evaluateAll((all) => all.map((dd) => [dd.previousElementSibling?.textContent, dd.textContent]))

  it('lets Ada log in, order, fail to find a token, and log out', async () => {
    const { page, alarms } = await openPage()
    await logIn(page, 'Ada')
    await page.locator('#user-name', { hasText: 'Ada Lovelace' }).waitFor()
    const before = await page.locator('.order').count()

    await page.getByLabel('Coffee').selectOption('Night Shift Decaf')
    await page.getByLabel('Bags').fill('3')
    await page.getByRole('button', { name: 'Order', exact: true }).click()
    await page.locator('#order-outcome', { hasText: 'Ordered: 3 × Night Shift Decaf.' }).waitFor()
    await expect.poll(() => page.locator('.order').count()).toBe(before + 1)
    await page.getByRole('button', { name: /^Cancel order \d+, Night Shift Decaf/ }).click()
    await expect.poll(() => page.locator('.order').count()).toBe(before)

    expect((await factsOf(page, 'holds')).slice(0, 3)).toEqual([
      ['document.cookie', 'empty'],
      ['localStorage', 'empty'],
      ['sessionStorage', 'empty'],
    ])
    expect(await factsOf(page, 'api-view')).toContainEqual(['audience', plan.resource])
    for (const attempt of ['token', 'csrf', 'foreign', 'bring']) {
      await page.locator('#try-outcome').evaluate((outcome) => (outcome.textContent = ''))
      await page.locator(`[data-try=${attempt}]`).click()
      await page.locator('#try-outcome:not(:empty)').waitFor()
      expect([attempt, await page.locator('#try-outcome').getAttribute('data-kind')]).toEqual([attempt, 'good'])
    }

    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('link', { name: 'As Ada' }).waitFor()
    expect(new URL(page.url()).origin).toBe(plan.config.origin)
    expect(await page.context().cookies(plan.config.origin)).toEqual([])
    expect(alarms).toEqual([])
    await page.context().close()
  })

  it('leaves no token and no code in anything the page can see', async () => {
    const { page, seen } = await openPage()
    await logIn(page, 'Ada')
    await page.getByRole('button', { name: 'Reload' }).click()
    await page.locator('.order').first().waitFor()

    const cookies = await page.context().cookies(plan.config.origin)
    expect(cookies).toMatchObject([{ name: 'coatcheck', httpOnly: true, sameSite: 'Strict', path: '/' }])
    const inPage = await page.evaluate<string>(`(async () => JSON.stringify({
      cookie: document.cookie,
      local: { ...localStorage },
      session: { ...sessionStorage },
      databases: await indexedDB.databases(),
      caches: await caches.keys(),
      html: document.documentElement.outerHTML,
    }))()`)
    expect(JSON.parse(inPage)).toMatchObject({ cookie: '', local: {}, session: {}, databases: [], caches: [] })

    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('link', { name: 'As Ada' }).waitFor()
    const all = [...(await Promise.all(seen)), inPage, JSON.stringify(cookies)]
    expect(all.length).toBeGreaterThan(10)
    // Two access tokens (the session's and the API's), an ID token and two refresh tokens at the least.
    expect(tokens.issued.size).toBeGreaterThanOrEqual(5)
    for (const token of tokens.issued) {
      for (const text of all) expect(text.includes(token) || text.includes(encodeURIComponent(token))).toBe(false)
    }
    await page.context().close()
  })

  it('shows Ben what the API refuses', async () => {
    const { page, alarms } = await openPage()
    await logIn(page, 'Ben')
    await page.getByRole('button', { name: 'Order', exact: true }).click()
    await page.locator('#order-outcome', { hasText: '403: This needs the scope orders.write' }).waitFor()
    expect(alarms).toEqual([])
    await page.context().close()
  })

  it('does not take an outage for a logout', async () => {
    const { page } = await openPage()
    await logIn(page, 'Ada')
    await page.route('**/api/orders', (route) => route.fulfill({ status: 503, headers: { 'Retry-After': '7' } }))
    await page.getByRole('button', { name: 'Reload' }).click()
    await page.locator('#banner-text', { hasText: 'You are not logged out; try again in 7 s.' }).waitFor()
    await page.unroute('**/api/orders')
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.locator('#banner').waitFor({ state: 'hidden' })
    await page.context().close()
  })
})
