import type { Lab } from './lab.ts'
import { until, type LabBrowser, type LabContext, type Page } from './lab-browser.ts'
import { bankNames, originOf, victim, type BankName } from './places.ts'
import { copiedTitle, foreignForgeries, siblingForgeries } from './trials.ts'

const isLoggedIn = `#account:has-text("${victim} has")`

/** Drives the exhibits beside the matrix: the attacker's pages and scripts in the victim's browser, one profile for each kind. */
export async function runExhibits(lab: Lab, browser: LabBrowser): Promise<void> {
  const inContext = async (work: (context: LabContext) => Promise<void>) => {
    const context = await browser.newContext()
    try {
      await work(context)
    } finally {
      await context.close()
    }
  }
  await lab.deeds.useCookieOfScript()
  await lab.deeds.askForAccounts()
  await inContext((context) => forgeries(lab, context))
  for (const bank of ['bff', 'no-binding'] as const) await inContext((context) => loginForgery(lab, context, bank))
  await inContext((context) => riding(lab, context))
  await inContext((context) => phishing(lab, context))
  await inContext((context) => stepUp(lab, context))
  for (const bank of ['bff', 'loose'] as const) await inContext((context) => worker(lab, context, bank))
}

const urlOf = (lab: Lab, host: string, path = '/') => `${originOf(lab.places, host)}${path}`

/** The provider asks who it is once, and knows the user after that. */
async function logIn(lab: Lab, context: LabContext, bank: BankName, isFirst: boolean): Promise<Page> {
  const page = await context.newPage()
  await page.goto(urlOf(lab, bank))
  await page.waitForSelector('#account:has-text("(401)")')
  await page.click('#login')
  if (isFirst) await page.click(`button.user[value=${victim}]`)
  await page.waitForSelector(isLoggedIn)
  return page
}

/** A victim who is logged in everywhere follows the attacker's links; then somebody copies cookies, and the victim logs out. */
async function forgeries(lab: Lab, context: LabContext): Promise<void> {
  const banks = bankNames.filter((bank) => bank !== 'step-up' && bank !== 'no-binding')
  const pages = new Map<BankName, Page>()
  for (const [index, bank] of banks.entries()) pages.set(bank, await logIn(lab, context, bank, index === 0))
  const page = await context.newPage()
  for (const trial of [...foreignForgeries, ...siblingForgeries]) {
    const isForeign = foreignForgeries.includes(trial)
    await page.goto(isForeign ? urlOf(lab, 'evil', `/kitten?bank=${trial.bank}`) : urlOf(lab, `x.${trial.bank}`))
    await page.click('#lure')
    await until(() => trial.judge(lab.evidence) !== undefined, `${trial.id}: no request was seen`)
  }
  for (const bank of ['bff', 'no-logout'] as const) {
    await lab.deeds.copyCookie(bank)
    await until(() => lab.evidence.exchanges.some(({ title }) => title === copiedTitle(bank)), `${bank}: no cookie to copy`)
    await pages.get(bank)?.click('#logout')
    await pages.get(bank)?.waitForSelector('#account:has-text("Not logged in (401)")')
    await lab.deeds.useCopyAgain(bank)
  }
}

/** A victim who is logged in nowhere follows the attacker's link, and looks at the bank afterwards. */
async function loginForgery(lab: Lab, context: LabContext, bank: BankName): Promise<void> {
  const page = await context.newPage()
  await page.goto(urlOf(lab, 'evil', `/parcel?bank=${bank}`))
  await page.click('#lure')
  await page.waitForSelector('#account, body')
  await page.goto(urlOf(lab, bank))
  await page.waitForSelector('#account:has-text("has "), #account:has-text("(401)")')
}

/** The same injection into the page without a policy and into the page with one. */
async function riding(lab: Lab, context: LabContext): Promise<void> {
  const page = await logIn(lab, context, 'bff', true)
  for (const path of ['/', '/strict']) {
    await page.goto(urlOf(lab, 'bff', path))
    await page.waitForSelector(isLoggedIn)
    await page.click('#inject')
    const seen = (url: string) => lab.evidence.sightings.some((one) => one.url.startsWith(url))
    await until(() => seen(path === '/' ? '/payload.js?page=bff' : '/csp-report'), `${path}: neither a script nor a report`)
    if (path === '/') await click(lab, page, 'bff')
  }
}

/** A user who believes the form. */
async function phishing(lab: Lab, context: LabContext): Promise<void> {
  const page = await context.newPage()
  await page.goto(urlOf(lab, 'bff'))
  await page.click('#inject-form')
  await page.fill('#phish input', 'correct horse')
  await page.click('#phish button')
  const isHome = () => lab.evidence.sightings.some((one) => one.host === 'collector' && one.url === '/phish')
  await until(isHome, 'nothing came home from the false form')
}

/** Borrows a click, as the script does, and waits until it has pressed the app's button. */
async function click(lab: Lab, page: Page, bank: BankName): Promise<void> {
  const transfers = () =>
    lab.evidence.sightings.filter((one) => one.host === bank && one.from === bank && one.url === '/api/transfers').length
  const before = transfers()
  await page.click('#refresh')
  await until(() => transfers() > before, `${bank}: the script did not ride`)
}

/** The script rides before the user has stepped up, and after it. */
async function stepUp(lab: Lab, context: LabContext): Promise<void> {
  const page = await logIn(lab, context, 'step-up', true)
  for (const isLate of [false, true]) {
    if (isLate) {
      await page.click('#confirm')
      await page.click(`button.user[value=${victim}]`)
      await page.waitForSelector(isLoggedIn)
    }
    const loads = () => lab.evidence.sightings.filter((one) => one.url === '/payload.js?page=step-up').length
    const before = loads()
    await page.click('#inject')
    await until(() => loads() > before, 'step-up: the script was not fetched')
    await click(lab, page, 'step-up')
  }
}

/** The script tries to install a service worker; then the tab is closed and the bank opened once more. */
async function worker(lab: Lab, context: LabContext, bank: BankName): Promise<void> {
  const page = await context.newPage()
  await page.goto(urlOf(lab, bank))
  await page.click('#inject-worker')
  await until(
    () => lab.evidence.sightings.some((one) => one.host === bank && one.isWorker),
    `${bank}: no service worker was asked for`,
  )
  await page.waitForSelector('#account:has-text("has tried")')
  if (bank === 'loose') await page.evaluate('navigator.serviceWorker.ready.then(() => true)')
  await page.close()
  const again = await context.newPage()
  await again.goto(urlOf(lab, bank))
  await again.waitForSelector('#account:has-text("(401)")')
  if (bank === 'loose')
    await until(
      () => lab.evidence.sightings.some((one) => one.host === 'collector' && one.url === `/worker?bank=${bank}`),
      `${bank}: the service worker told nothing`,
    )
}
