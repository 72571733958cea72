import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser } from 'playwright-core'
import { expect, test } from 'vitest'
import { runHeadless } from '../../src/lab/headless.ts'
import { matrixMarkdown } from '../../src/lab/matrix.ts'
import type { Row } from '../../src/lab/matrix.ts'
import { launchBrowser } from '../support/chromium.ts'

const documents = ['README.md', 'docs/lab.md']
const block = /<!-- lab -->[\s\S]*<!-- \/lab -->/

/** A table without the padding that the formatter adds. */
function unpadded(text: string): string {
  return text.replace(/ +/g, ' ').replace(/-{3,}/g, '---').trim()
}

/** What the attacks came to, without tokens and without what differs from run to run. */
function resultsOf(rows: readonly Row[]): unknown {
  return rows.map(({ app, title, cells }) => ({
    app,
    title,
    cells: Object.fromEntries(
      Object.entries(cells).map(([name, { what, statuses, isTaken }]) => [name, { what, statuses, isTaken }]),
    ),
  }))
}

/** The lab's own page, with all results in it: accessible, in light and in dark, and without an error in the console. */
async function judgePage(browser: Browser, url: string): Promise<void> {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  for (const colorScheme of ['light', 'dark'] as const) {
    const page = await browser.newPage({ colorScheme, viewport: { width: 1280, height: 900 } })
    const errors: string[] = []
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
    await page.goto(url)
    if (process.env['LAB_WRITE'] === '1' && colorScheme === 'light')
      await page.locator('.wide').screenshot({ path: `docs/lab-${colorScheme}.png` })
    await page.evaluate(axe)
    expect(await page.evaluate('axe.run().then(({ violations }) => violations.map(({ id }) => id))')).toEqual([])
    expect(errors).toEqual([])
    // By keyboard: each app's link and button comes in the order of reading.
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.textContent')).toContain('Open the app')
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Attack')
    await page.close()
  }
}

test('one script in five apps: the attacks come to what the documents say', { timeout: 180_000 }, async () => {
  const browser = await launchBrowser()
  try {
    const { rows, exchanges } = await runHeadless(browser, (lab) => judgePage(browser, lab.url))
    const matrix = matrixMarkdown(rows)
    if (process.env['LAB_WRITE'] === '1') {
      for (const path of documents) {
        const written = readFileSync(path, 'utf8').replace(block, () => `<!-- lab -->\n\n${matrix}\n\n<!-- /lab -->`)
        writeFileSync(path, written)
      }
      writeFileSync('docs/lab.json', `${JSON.stringify(resultsOf(rows), undefined, 2)}\n`)
    }
    for (const path of documents) {
      expect(unpadded(block.exec(readFileSync(path, 'utf8'))?.[0] ?? ''), path).toContain(unpadded(matrix))
    }
    expect(JSON.parse(readFileSync('docs/lab.json', 'utf8'))).toEqual(resultsOf(rows))

    const redeemed = exchanges.find(({ title }) => title === 'bff: redeem the code')
    expect(redeemed?.response).toContain('invalid_client')
    expect(redeemed?.request).toMatch(/[&\n]code=[\w-]{20,}&/)
  } finally {
    await browser.close()
  }
})
