import { readFileSync, writeFileSync } from 'node:fs'
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

test('one script in five apps: the attacks come to what the documents say', { timeout: 180_000 }, async () => {
  const browser = await launchBrowser()
  try {
    const { rows, exchanges } = await runHeadless(browser)
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
