import {
  apiResource,
  appTitles,
  bankNames,
  bankTitles,
  originOf,
  scope,
  type AppName,
  type BankName,
  type Places,
} from './places.ts'

/**
 * The page of an app. All five have this page; what differs is the script, by where the tokens are. `host` is what the
 * browser calls it, and `isStrict` is the page whose Content-Security-Policy lets no foreign script in.
 */
export function appPage(places: Places, app: AppName, host: AppName | BankName = app, isStrict = false): string {
  const base = app === 'proxy' || app === 'bff' ? '' : originOf(places, 'api')
  const script = `${originOf(places, 'evil')}/payload.js?page=${isStrict ? 'strict' : host}`
  const attacks = [
    inject(script, 'Inject the attacker’s script', 'The script is in the page. Click "Show my balance", then close this tab.'),
    ...(host === 'bff' || host === 'loose'
      ? [
          inject(
            `${originOf(places, 'evil')}/install.js`,
            'Inject one that installs a service worker',
            'The script has tried to install a service worker. Close this tab, and open the bank once more.',
          ),
          inject(
            `${originOf(places, 'evil')}/phish.js`,
            'Inject a false login form',
            'Something asks for your password now. Type anything but one.',
          ),
        ]
      : []),
  ]
  const stepUp =
    host === 'step-up'
      ? '<p><a id="confirm" href="/bff/login?prompt=login&amp;acrValues=step-up">Confirm that it is me</a></p>'
      : ''
  return `<!doctype html>
<html lang="en" data-app="${app}" data-idp="${originOf(places, 'idp')}" data-api="${base}" data-resource="${apiResource}" data-scope="${scope}">
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Little Bank</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/app.css">
<main class="bank"><p class="where"><code>${host}.localhost</code>, ${isStrict ? 'the page with a policy' : titleOf(host)}</p><h1>Little Bank</h1>
<p id="account" role="status">Not logged in.</p>
<p class="buttons"><button id="login">Log in</button> <button id="refresh">Show my balance</button>
<button id="transfer">Send 10 to a friend</button> <button id="logout">Log out</button></p>${stepUp}
<h2>What an attacker does to this page</h2>
<p class="buttons">${attacks.join(' ')}</p></main>
<script src="/app.js"></script></html>`
}

const titleOf = (host: AppName | BankName) => (isBank(host) ? bankTitles[host] : appTitles[host])
const isBank = (host: AppName | BankName): host is BankName => bankNames.some((name) => name === host)

function inject(script: string, label: string, then: string): string {
  const id = script.includes('install.js') ? 'inject-worker' : script.includes('phish.js') ? 'inject-form' : 'inject'
  return `<button id="${id}" class="danger" data-script="${script}" data-then="${then.replaceAll('"', '&quot;')}">${label}</button>`
}

/** Lets scripts of the page's own origin run, and no other; a breach is reported to the lab (CSP Level 3). */
export function strictPolicy(places: Places): string {
  return `default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; report-uri ${originOf(places, 'lab')}/csp-report`
}
