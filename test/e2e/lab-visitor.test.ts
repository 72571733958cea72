import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pageNames } from '../../src/lab/exhibits.ts'
import { startLab, type Lab } from '../../src/lab/lab.ts'
import { originOf } from '../../src/lab/places.ts'
import { launchBrowser } from '../support/chromium.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

let browser: Browser
let lab: Lab
beforeAll(async () => {
  browser = await launchBrowser()
  lab = await startLab()
})
afterAll(async () => {
  await browser.close()
  await lab.close()
})

async function visit(work: (visitor: BrowserContext, page: Page) => Promise<void>): Promise<void> {
  const visitor = await browser.newContext({ viewport: { width: 1040, height: 780 } })
  visitor.setDefaultTimeout(15_000)
  try {
    await work(visitor, await visitor.newPage())
  } finally {
    await visitor.close()
  }
}

/** Clicks a link that opens a tab, as a visitor does. */
async function openTab(visitor: BrowserContext, page: Page, selector: string): Promise<Page> {
  const [tab] = await Promise.all([visitor.waitForEvent('page'), page.click(selector)])
  await tab.waitForLoadState()
  return tab
}

async function logIn(bank: Page): Promise<void> {
  await bank.click('#login')
  await bank.click('button.user[value=ada]')
  await bank.waitForSelector('#account:has-text("ada has")')
}

/** What a row of a table of results says, without the exchange behind it. */
async function outcome(page: Page, part: string, row: number): Promise<string | undefined> {
  const text = await page.textContent(`${part} tbody tr:nth-child(${row}) td`)
  return text?.replace(/The exchanges?[\s\S]*/, '')
}

test('a visitor turns the check off, and the attack of the sibling works', { timeout: 60_000 }, async () => {
  await visit(async (visitor, page) => {
    await page.goto(`${lab.url}everything`)
    expect(await page.textContent('#sibling .switch [aria-current]')).toBe('All on')
    expect(await outcome(page, '#sibling', 1)).toBe('not tried yet')
    await page.click('#sibling .switch >> text="Check off"')
    await page.waitForURL(/sibling=3#sibling$/)

    await logIn(await openTab(visitor, page, '#sibling .try a >> nth=0'))
    const lure = await openTab(visitor, page, '#sibling .try a >> nth=1')
    expect(new URL(lure.url()).hostname).toBe('x.no-csrf.localhost')
    await lure.click('#lure')
    await lure.waitForSelector('text=/"owner":"ada"/')

    await page.reload()
    expect(await outcome(page, '#sibling', 4)).toBe('Attack succeeds. transfer with the cookie: 200')
    expect(await outcome(page, '#sibling', 1)).toBe('not tried yet')
    await page.click('#sibling tr:nth-child(4) summary')
    expect(await page.textContent('#sibling tr:nth-child(4) pre')).toMatch(
      /^POST \/api\/transfers\n[^]*origin: http:\/\/x\.no-csrf[^]*\n200$/,
    )
  })
})

test('a visitor copies the cookie, logs out, and the copy is dead', { timeout: 60_000 }, async () => {
  await visit(async (visitor, page) => {
    await page.goto(`${lab.url}cookies`)
    await page.click('text=Replay what the script read')
    expect(page.url()).toMatch(/cookies#not-yet$/)
    expect(await page.isVisible('#not-yet')).toBe(true)

    const bank = await openTab(visitor, page, '.try a')
    await logIn(bank)
    await page.goto(`${lab.url}cookies`)
    await page.click('text=Copy the cookie')
    expect(await outcome(page, '.trials', 2)).toBe('Attack succeeds. account: 200')
    await bank.click('#logout')
    await bank.waitForSelector('#account:has-text("Not logged in (401)")')
    await page.click('text=Use the copy again')
    expect(await outcome(page, '.trials', 3)).toBe('Attack fails. account: 401')
  })
})

test('only the pages of the lab tell the attacker’s machine what to do', async () => {
  await visit(async (_visitor, page) => {
    await page.goto(`${originOf(lab.places, 'evil')}/kitten?bank=bff`)
    const answer = page.waitForResponse(/\/attack$/)
    const form = `<form method="post" action="${lab.url}attack"><input name="deed" value="accounts"></form>`
    await page.evaluate(`document.body.innerHTML = ${JSON.stringify(form)}; document.forms[0].submit()`)
    expect((await answer).status()).toBe(404)
  })
  expect(lab.evidence.exchanges.some(({ title }) => title.includes('asks for the account'))).toBe(false)
})

test('the bank and the attacker’s pages are accessible, and nothing is wider than a phone', { timeout: 60_000 }, async () => {
  const { places } = lab
  const own = ['', ...pageNames].map((path) => `${lab.url}${path}`)
  const others = [
    `${originOf(places, 'bff')}/`,
    `${originOf(places, 'step-up')}/`,
    `${originOf(places, 'ls')}/`,
    `${originOf(places, 'evil')}/kitten?bank=bff`,
    `${originOf(places, 'evil')}/parcel?bank=bff`,
  ]
  const phone = await browser.newPage({ viewport: { width: 380, height: 760 } })
  for (const url of [...own, ...others]) {
    await phone.goto(url)
    expect(await phone.evaluate('document.documentElement.scrollWidth'), url).toBeLessThanOrEqual(380)
    await phone.evaluate(axe)
    expect(await phone.evaluate('axe.run().then(({ violations }) => violations.map(({ id }) => id))'), url).toEqual([])
    if (process.env['LAB_LOOK']) await phone.screenshot({ path: `/tmp/look-${url.replace(/\W+/g, '-').slice(7)}.png` })
  }
  await phone.close()
})
