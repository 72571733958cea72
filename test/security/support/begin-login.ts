import type { Browser } from '../../support/browser.ts'
import type { Internet } from '../../support/internet.ts'

/** Starts a login and stops at the provider's page. Gives the callback's address, not yet visited; the page's form leads there. */
export async function beginLogin({ app, provider }: Internet, browser: Browser, returnTo = '/'): Promise<URL> {
  provider.settings.interactive = true
  await browser.login(app, returnTo)
  const page = browser.tab.page?.text ?? ''
  const callback = new URL(/action="([^"]+)"/.exec(page)?.[1] ?? '')
  for (const [, name = '', value = ''] of page.matchAll(/name="([^"]+)" value="([^"]*)"/g)) callback.searchParams.set(name, value)
  return callback
}
