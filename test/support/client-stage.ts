import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { expect } from 'vitest'
import { simulateInternet, type Internet, type InternetOptions } from './internet.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * The page keeps what happens to it: `events`, and `shown`, one entry for each time it was shown. Its query is the
 * client's options.
 */
export const appPage = `<!doctype html>
<title>App</title>
<h1>The app</h1>
<a href="/other.html">Elsewhere</a>
<script type="module">
import { createBffClient } from '/client.js'
window.events = []
window.shown = []
addEventListener('pageshow', ({ persisted }) => shown.push(persisted ? 'again' : 'new'))
window.bff = createBffClient(Object.fromEntries(new URLSearchParams(location.search)))
for (const name of ['login', 'logout', 'expired', 'expiring'])
  bff.on(name, ({ userChanged }) => events.push(userChanged ? name + '!' : name))
await bff.session().catch(() => undefined)
window.ready = true
</script>
`

/** A gateway on http://localhost, a provider on another site, an API, and the built browser client in a page. */
export interface ClientStage {
  readonly internet: Internet
  readonly context: BrowserContext
  /** Opens a page of the app in a new tab, and waits until it has asked who is logged in. */
  open(path?: string): Promise<Page>
  /** The same, and logs in there by leaving the page, as this user of the provider. */
  openLoggedIn(user?: string, path?: string): Promise<Page>
}

export async function setClientStage(
  browser: Browser,
  options: InternetOptions = {},
  ofContext: BrowserContextOptions = {},
): Promise<ClientStage> {
  const internet = await simulateInternet({
    scheme: 'http',
    ...options,
    files: {
      'app.html': appPage,
      'other.html': '<!doctype html><title>Elsewhere</title><p>Elsewhere</p>',
      'client.js': readFileSync(`${root}dist/browser/client.js`, 'utf8'),
      ...options.files,
    },
  })
  const context = await browser.newContext(ofContext)
  const open = async (path = '/app.html') => {
    const page = await context.newPage()
    await page.goto(`${internet.app.url}${path}`)
    await isReady(page)
    return page
  }
  return {
    internet,
    context,
    open,
    async openLoggedIn(user = 'ada', path) {
      const page = await open(path)
      internet.provider.loginAs(user)
      await leaveBy(page, 'bff.login()')
      await until(page, 'window.ready === true && bff.snapshot() !== null')
      return page
    },
  }
}

/** Waits until a script's value is `true`, also over page loads. Asked from outside: the page's own timers may stand still. */
export async function until(page: Page, script: string): Promise<void> {
  const look = (): Promise<unknown> => page.evaluate(script).catch(() => false)
  await expect.poll(look, { timeout: 20_000, interval: 50 }).toBe(true)
}

/** Waits until the page has asked who is logged in. */
export async function isReady(page: Page): Promise<void> {
  await until(page, 'window.ready === true')
}

/** Does something that leaves the page, and waits until the app is back. */
export async function leaveBy(page: Page, script: string): Promise<void> {
  await page.evaluate('window.leaving = true')
  await page.evaluate(`void ${script}`)
  await until(page, 'window.leaving === undefined && document.readyState === "complete"')
}

/** Whose session a page knows: a subject, `null` for nobody. */
export async function userOf(page: Page): Promise<unknown> {
  return await page.evaluate('bff.snapshot()?.user.sub ?? null')
}

/** Waits until the page knows this user; it tells by itself, nobody asks it to look. */
export async function knows(page: Page, user: string | null): Promise<void> {
  await until(page, `(bff.snapshot()?.user.sub ?? null) === ${JSON.stringify(user)}`)
}
