import { afterEach, expect, test, vi } from 'vitest'
import { findChromium, launchBrowser } from '../support/chromium.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

test('a real browser starts and runs script', async () => {
  const browser = await launchBrowser()
  try {
    const page = await browser.newPage()
    await page.goto('data:text/html,<title>up</title>')
    expect(await page.evaluate('document.title')).toBe('up')
  } finally {
    await browser.close()
  }
})

test('a CHROMIUM_PATH that cannot be executed is refused by name', async () => {
  vi.stubEnv('CHROMIUM_PATH', '/nowhere/chromium')
  await expect(findChromium()).rejects.toThrow('/nowhere/chromium')
})
