import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { simulateInternet } from '../support/internet.ts'

test('a popup login ends on a page of ours that holds no code, runs one known script and leads nowhere', async () => {
  const { app, browser } = await simulateInternet()
  const ada = browser()
  const landed = await ada.login(app, '/bff/popup-done')
  expect(ada.tab.url).toBe(`${app.url}/bff/popup-done`)
  expect(landed.status).toBe(200)
  expect(landed.header('cache-control')).toBe('no-store')
  expect(landed.header('refresh')).toBe(undefined)
  const script = /<script>(.*?)<\/script>/s.exec(landed.text)?.[1] ?? ''
  const hash = createHash('sha256').update(script).digest('base64')
  const policy = landed.header('content-security-policy') ?? ''
  expect(policy).toContain(`script-src 'sha256-${hash}'`)
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("frame-ancestors 'none'")
  expect(policy).not.toContain('unsafe')
})

test('the page of the popup is the same whatever its address says', async () => {
  const { app, browser } = await simulateInternet()
  const eve = browser()
  const plain = await eve.navigate(`${app.url}/bff/popup-done`)
  const hostile = '?returnTo=https://evil.test&returnTo=javascript:alert(1)&code=x&state=y#//evil.test'
  const asked = await eve.navigate(`${app.url}/bff/popup-done${hostile}`)
  expect(asked.text).toBe(plain.text)
  expect(asked.status).toBe(200)
  for (const name of ['location', 'refresh', 'link']) expect(asked.header(name)).toBe(undefined)
})

test('a failed popup login can be tried again and still ends there', async () => {
  const { app, provider, browser } = await simulateInternet()
  provider.denyNext('access_denied')
  const failed = await browser().login(app, '/bff/popup-done')
  expect(failed.url).toContain('/bff/error')
  expect(failed.text).toContain('/bff/login?returnTo=%2Fbff%2Fpopup-done')
})
