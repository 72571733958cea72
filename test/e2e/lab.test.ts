import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { pageNames } from '../../src/lab/exhibits.ts'
import { runHeadless } from '../../src/lab/headless.ts'
import { matrixMarkdown } from '../../src/lab/matrix.ts'
import type { Row } from '../../src/lab/matrix.ts'
import { migration } from '../../src/lab/page-exhibits.ts'
import { trialsByExhibit, trialsMarkdown, type Evidence } from '../../src/lab/trials.ts'
import { launchBrowser } from '../support/chromium.ts'

const writes = process.env['LAB_WRITE'] === '1'
const takesScreenshots = process.env['LAB_SCREENSHOTS'] === '1'
const block = (name: string) => new RegExp(`<!-- ${name} -->[\\s\\S]*?<!-- /${name} -->`)

/** A table without the padding that the formatter adds. */
function unpadded(text: string): string {
  return text.replace(/ +/g, ' ').replace(/-{3,}/g, '---').trim()
}

/** What the attacks came to, without tokens and without what differs from run to run. */
function resultsOf(rows: readonly Row[], evidence: Evidence): unknown {
  const { removed, added, same } = migration()
  return {
    matrix: rows.map(({ app, title, cells }) => ({
      app,
      title,
      cells: Object.fromEntries(
        Object.entries(cells).map(([name, { what, statuses, isTaken }]) => [name, { what, statuses, isTaken }]),
      ),
    })),
    exhibits: Object.fromEntries(
      Object.entries(trialsByExhibit).map(([exhibit, trials]) => [
        exhibit,
        trials.map((trial) => {
          const { what, statuses, isTaken } = trial.judge(evidence) ?? {}
          return { attack: trial.attack, against: trial.setting, what, statuses, isTaken }
        }),
      ]),
    ),
    migration: { removed, added, same },
  }
}

/** The generated parts of the documents, by the name of their marker. */
function tablesOf(rows: readonly Row[], evidence: Evidence): { path: string; name: string; table: string }[] {
  const matrix = matrixMarkdown(rows)
  const { removed, added, same } = migration()
  return [
    { path: 'README.md', name: 'lab', table: matrix },
    { path: 'docs/lab.md', name: 'lab', table: matrix },
    ...Object.entries(trialsByExhibit).map(([name, trials]) => ({
      path: 'docs/lab.md',
      name,
      table: trialsMarkdown(trials, evidence),
    })),
    {
      path: 'docs/lab.md',
      name: 'rewrite',
      table: `| lines that go | lines that come | lines that stay |\n| --- | --- | --- |\n| ${removed} | ${added} | ${same} |`,
    },
  ]
}

const paths = ['', ...pageNames, 'threat-model?apis=oauth&data=sensitive&server=no', 'everything?sibling=3']

/** Every page of the lab, with all results in it: accessible, in light and in dark, and without an error in the console. */
async function judgePages(browser: Browser, url: string): Promise<void> {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  for (const colorScheme of ['light', 'dark'] as const) {
    const page = await browser.newPage({ colorScheme, viewport: { width: 1040, height: 780 } })
    const errors: string[] = []
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
    page.on('pageerror', (error) => errors.push(error.message))
    for (const path of paths) {
      await page.goto(`${url}${path}`)
      await page.evaluate(axe)
      const found = await page.evaluate(
        'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html).join(" ")))',
      )
      expect(found, `${path}, ${colorScheme}`).toEqual([])
      if (takesScreenshots) await takePictures(page, path, colorScheme)
    }
    expect(errors).toEqual([])
    await page.close()
  }
}

/** What the documents show of each page: the part in which something came of it. */
const pictures: Readonly<Record<string, { name: string; of: string; colorScheme?: string }[]>> = {
  '': [
    { name: 'main-light', of: '' },
    { name: 'main-dark', of: '', colorScheme: 'dark' },
    { name: 'matrix', of: '.wide' },
  ],
  pkce: [{ name: 'pkce', of: '.wide' }],
  proxy: [{ name: 'proxy', of: '.sides' }],
  'token-mediating': [{ name: 'token-mediating', of: '.wide' }],
  cookies: [{ name: 'cookies', of: '.trials' }],
  'everything?sibling=3': [{ name: 'everything', of: '#sibling' }],
  rewrite: [{ name: 'rewrite', of: '' }],
  'threat-model?apis=oauth&data=sensitive&server=no': [{ name: 'threat-model', of: '#advice' }],
  'not-solved': [
    { name: 'not-solved', of: '#riding' },
    { name: 'service-worker', of: '#worker' },
  ],
}

async function takePictures(page: Page, path: string, scheme: string): Promise<void> {
  mkdirSync('docs/lab', { recursive: true })
  for (const { name, of, colorScheme = 'light' } of pictures[path] ?? []) {
    if (scheme !== colorScheme) continue
    const file = { path: `docs/lab/${name}.png` }
    await (of === '' ? page.screenshot(file) : page.locator(of).first().screenshot(file))
  }
}

const focused = 'document.activeElement.textContent.trim()'

/** Presses Tab until what has the focus says so. */
async function tabTo(page: Page, text: string): Promise<void> {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab')
    if ((await page.evaluate<string>(focused)).startsWith(text)) return
  }
  throw new Error(`"${text}" cannot be reached with the Tab key`)
}

/** The lab by keyboard alone, in the order of reading. */
async function walkByKeyboard(browser: Browser, url: string): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1180, height: 820 } })
  await page.goto(url)
  await page.keyboard.press('Tab')
  expect(await page.evaluate(focused)).toBe('To the content')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  expect(await page.evaluate(focused)).toContain('PKCE replaces a BFF')
  await tabTo(page, 'Open the app')
  await page.keyboard.press('Tab')
  expect(await page.evaluate(focused)).toBe('Attack')

  // A switch of exhibit 5.
  await page.goto(`${url}everything`)
  await tabTo(page, 'Check off')
  await page.keyboard.press('Enter')
  await page.waitForURL(/foreign=3#foreign$/)
  expect(await page.textContent('#foreign .setting')).toContain('the check for forged requests left out')

  // The questions of exhibit 7: an arrow changes an answer, Enter sends the form.
  await page.goto(`${url}threat-model`)
  await page.focus('input[name=apis][value=oauth]')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.waitForURL(/apis=own/)
  expect(await page.textContent('#advice h2')).toBe('A cookie session of your own backend')
  await page.close()
}

test('the attacks and the exhibits come to what the documents say', { timeout: 180_000 }, async () => {
  const browser = await launchBrowser()
  try {
    const { rows, evidence } = await runHeadless(browser, async ({ url }) => {
      await judgePages(browser, url)
      await walkByKeyboard(browser, url)
    })
    const tables = tablesOf(rows, evidence)
    const results = resultsOf(rows, evidence)
    if (writes) {
      for (const { path, name, table } of tables) {
        const text = `<!-- ${name} -->\n\n${table}\n\n<!-- /${name} -->`
        writeFileSync(
          path,
          readFileSync(path, 'utf8').replace(block(name), () => text),
        )
      }
      writeFileSync('docs/lab.json', `${JSON.stringify(results, undefined, 2)}\n`)
    }
    for (const { path, name, table } of tables)
      expect(unpadded(block(name).exec(readFileSync(path, 'utf8'))?.[0] ?? ''), `${path}, ${name}`).toContain(unpadded(table))
    expect(JSON.parse(readFileSync('docs/lab.json', 'utf8'))).toEqual(results)
    // Whatever was tried was decided by a status.
    expect(JSON.stringify(results)).not.toContain('"statuses":[]')
    for (const { table } of tables) expect(table).not.toContain('not tried')

    const redeemed = evidence.exchanges.find(({ title }) => title === 'bff: redeem the code')
    expect(redeemed?.response).toContain('invalid_client')
    expect(redeemed?.request).toMatch(/[&\n]code=[\w-]{20,}&/)
  } finally {
    await browser.close()
  }
})
