import { escapeHtml } from '../web.ts'
import { appScript } from './app-script.ts'
import type { Deeds } from './deeds.ts'
import type { PageName } from './exhibits.ts'
import { countLines, lineDiff } from './line-diff.ts'
import { appNames, originOf, type AppName, type Places } from './places.ts'
import type { Row } from './matrix.ts'
import { claim, deedButton, matrixTable, outside, trialTable } from './page-frame.ts'
import { cookies, headers, lastCall, phishings, ridings, stillWorks, workers, type Evidence } from './trials.ts'

/** What the pages show. */
export interface Shown {
  readonly places: Places
  readonly rows: ReadonlyMap<AppName, Row>
  readonly evidence: Evidence
  readonly deeds: Deeds
}

const lesson = (text: string) => `<p class="lesson">${text}</p>`

function attackSteps(places: Places, page: PageName, apps: readonly AppName[], afterLogout = false): string {
  const open = apps.map((app) => outside(`${originOf(places, app)}/`, `${app}.localhost`)).join(' and ')
  const buttons = (again: boolean) =>
    apps
      .map((app) => {
        const late = again ? '<input type="hidden" name="afterLogout" value="yes">' : ''
        return `<form method="post" action="/attack"><input type="hidden" name="page" value="${page}"><input type="hidden" name="app" value="${app}">${late}<button>Attack ${app}${again ? ' after logout' : ''}</button></form>`
      })
      .join(' ')
  const later = afterLogout
    ? `<li>Open them again, log out in each, and then: <span class="row">${buttons(true)}</span></li>`
    : ''
  return `<div class="try"><p class="setting">Try it</p><ol><li>Open ${open}. In each: log in as Ada, press <b>Inject the attacker’s script</b>, then <b>Show my balance</b>, and close the tab.</li>
<li>The attacker’s machine, which has nothing of your browser, uses what came home: <span class="row">${buttons(false)}</span></li>${later}</ol></div>`
}

export function pkcePage({ places, rows }: Shown): string {
  return `${claim('pkce', 'PKCE is worth having: it makes a code that somebody else catches useless to them. But it protects the login on its way. It says nothing about what a script in the page does afterwards, or about a login that the script runs by itself.')}
<p>In a login by authorization code, the provider sends the browser back with a <em>code</em>, and the app changes the code into tokens. PKCE (RFC 7636) adds a
secret that only whoever <em>started</em> this login knows. Watch the last step of the script: it starts a login, with a secret of its own.</p>
${attackSteps(places, 'pkce', ['ls', 'mem', 'bff'])}
${matrixTable(rows, ['ls', 'mem', 'bff'], ['storage', 'hook', 'newFlow', 'refresh'])}
${lesson('PKCE proves who started the flow, and the attacker started one. Moving the token from storage into memory closes the first column and no other. In the BFF the code cannot be redeemed: its client has a secret, and that is on the server. (RFC 10017, sections 5.1.3 and 6.1.) Coatcheck uses PKCE as well.')}`
}

export function proxyPage({ places, evidence }: Shown): string {
  const request = (host: string) => {
    const call = lastCall(evidence.sightings, host)
    return call === undefined
      ? `<p class="open">Nothing yet. ${outside(`${originOf(places, host)}/`, `Open ${host}.localhost`)}, log in as Ada, come back and reload.</p>`
      : `<pre tabindex="0" aria-label="The request to ${host}.localhost">${escapeHtml(call.head)
          .replace(/^(authorization: .*)$/m, '<mark class="taken">$1</mark>')
          .replace(/^(cookie: .*)$/m, '<mark class="held">$1</mark>')}\n\n${call.status}</pre>`
  }
  return `${claim('proxy', 'Both apps send their calls to their own server, and both servers send them on to the API. From outside they look the same. Here is the request that your browser sends in each.')}
<div class="sides"><section><h2>Reverse proxy</h2>${request('proxy')}</section><section><h2>BFF</h2>${request('bff')}</section></div>
${trialTable(headers, evidence, { caption: 'What the browser itself sends with a call', outcomes: ['A token in the page', 'No token in the page'] })}
${lesson('On the left the browser sends the access token, so the page has it, and so does every script in the page. On the right it sends a cookie that no script can read; the server looks up the session and adds the token. The proxy is the smaller part of a BFF. The larger part is that the server logs in, keeps the tokens and ends the session. (RFC 10017, section 6.1)')}`
}

export function mediatorPage({ places, rows }: Shown): string {
  return `${claim('token-mediating', 'A token-mediating backend logs in on the server too and keeps the refresh token there. Then it gives the page an access token, so that the page can call the API by itself. That is the difference, and it is all of it.')}
${attackSteps(places, 'token-mediating', ['tmb', 'bff'], true)}
${matrixTable(rows, ['tmb', 'bff'], ['hook', 'backend', 'newFlow', 'refresh', 'afterLogout'])}
${heldToken(rows)}
${lesson('Better than tokens in the browser: the refresh token is out of reach, and the code of a foreign login cannot be redeemed. But the attacker’s machine calls the API directly, past the app, and goes on after the logout until the token expires. With a BFF there is nothing to replay. (RFC 10017, section 6.2; it is meant for where calls cannot go through a BFF.)')}`
}

function heldToken(rows: Shown['rows']): string {
  const held = rows.get('tmb')?.held
  if (held === undefined) return ''
  const { exp = 0 } = JSON.parse(Buffer.from(held.split('.')[1] ?? '', 'base64url').toString()) as { exp?: number }
  const seconds = Math.max(0, Math.round(exp - Date.now() / 1000))
  return `<p>The attacker holds a token of the token-mediating backend that works for another <b>${Math.floor(seconds / 60)} min ${seconds % 60} s</b>, whatever the user does.</p>`
}

export function cookiesPage({ places, evidence, deeds }: Shown): string {
  return `${claim('cookies', 'The fear is a fair one: a cookie is a secret too, and whoever has it is the user. So who can get it? A script in the page cannot. Somebody at the machine can.')}
<div class="try"><p class="setting">Try it</p><ol><li>${outside(`${originOf(places, 'bff')}/`, 'Open the bank')}, log in as Ada, and press <b>Inject the attacker’s script</b>. It sends home everything that it can read, <code>document.cookie</code> too.</li>
<li>${deedButton('cookies', 'scriptCookie', 'Replay what the script read of cookies')}</li>
<li>${deeds.canCopy('bff') ? deedButton('cookies', 'copy', 'Copy the cookie from the machine and use it elsewhere', 'bff') : 'Once you are logged in: copy the cookie from the machine.'}</li>
<li>Log out in the bank. ${deeds.hasCopy('bff') ? deedButton('cookies', 'copyAgain', 'Use the copy again', 'bff') : ''}</li></ol></div>
${trialTable(cookies, evidence, { caption: 'One cookie, three ways to abuse it', by: 'attack' })}
${lesson('The browser keeps an HttpOnly cookie from every script; a token in storage or in a variable has no such guard. Copied from the machine, by malware or from the developer tools, the cookie works elsewhere. That is a real weakness of every bearer secret, and a BFF does not remove it. What it adds: one place where the session ends at once, an idle timeout, and a list of sessions for the user to look at. (RFC 10017, section 6.1.3.2)')}`
}

/** The lines of the migration, counted. */
export function migration() {
  const lines = lineDiff(appScript('ls'), appScript('bff'))
  return {
    lines,
    removed: countLines(lines, 'removed'),
    added: countLines(lines, 'added'),
    same: countLines(lines, 'same'),
  }
}

export function rewritePage({ places, evidence }: Shown): string {
  const { lines, removed, added, same } = migration()
  const sign = { same: ' ', removed: '-', added: '+' } as const
  const diff = lines.map(({ kind, text }) => {
    const line = escapeHtml(`${sign[kind]} ${text}`)
    return kind === 'removed' ? `<del>${line}</del>` : kind === 'added' ? `<ins>${line}</ins>` : line
  })
  return `${claim('rewrite', `This is the whole change from the app with PKCE and localStorage to the app behind a BFF: <b>${removed} lines go, ${added} come</b>, and ${same} stay.`)}
<p>It is made from the two scripts as this lab serves them, ${outside(`${originOf(places, 'ls')}/app.js`, 'before')} and ${outside(`${originOf(places, 'bff')}/app.js`, 'after')};
the page is the same. Both were run, and these are the statuses that the API gave to the app’s own calls.</p>
${trialTable(stillWorks, evidence, { caption: 'Reading the balance and sending money', outcomes: ['It does not work', 'It works'] })}
<pre class="diff" tabindex="0" aria-label="The difference between the two scripts">${diff.join('\n')}</pre>
${lesson('What goes is the login in the browser; the server does it now. What comes is a CSRF token on calls that change something. A real app has more calls, but they are made in one place, mostly. A React app with react-oidc-context and axios is moved in two steps, with the diffs counted by a test, in “Moving bit by bit” of the documentation. And an app that keeps its tokens until the last step is not safer before it.')}`
}

export function notSolvedPage({ places, rows, evidence }: Shown): string {
  const bank = (name: string, path = '/') =>
    outside(`${originOf(places, name)}${path}`, `${name}.localhost${path === '/' ? '' : path}`)
  return `<p class="number">The other half</p><h1>What a BFF does not solve</h1>
<p class="lead">A BFF takes away the tokens, and with them what outlives the tab. This is what is left, run like the rest.</p>
<section id="riding"><h2>Riding the session</h2>
<p>While the page is open, an injected script can do what the user can do. It needs no token: it presses the app’s own buttons. Here it sends money in all five apps.</p>
${matrixTable(rows, appNames, ['rideRead', 'rideWrite'])}
<h3>What helps: a policy that keeps the script out</h3>
<p>A Content-Security-Policy tells the browser whose scripts may run. Open ${bank('bff')} and ${bank('bff', '/strict')}: the same page, the second with a policy. Press
<b>Inject the attacker’s script</b> in both, and <b>Show my balance</b>.</p>
${trialTable(ridings.slice(0, 2), evidence, { caption: 'The same injection in a page with and without a policy' })}
<h3>What helps: asking again before what matters</h3>
<p>In ${bank('step-up')} the route <code>/api/transfers</code> has a requirement of its own: <code>require: { claims: { acr: step-up } }</code>. Log in, inject, and show your balance: the script may read and
not send. Then <b>Confirm that it is me</b>, and do it again.</p>
${trialTable(ridings.slice(2), evidence, { caption: 'A transfer by the script, with a step-up' })}
<p>The second line is the limit of it: once the user has stepped up, the script rides that as well. Where each transfer matters by itself, confirm each one outside of the page.</p>
${lesson('No pattern of OAuth stops this (RFC 10017, section 5.1.4). What a BFF changes is the end of it: when the tab is closed the attacker has nothing.')}
</section><section id="phishing"><h2>Phishing in the page</h2>
<p>The script can draw a login form that looks like yours and send home what is typed. The app’s own server never hears of it. Press <b>Inject a false login form</b> in ${bank('bff')}, and type anything
but a password: the lab forgets it.</p>
${trialTable(phishings, evidence, { caption: 'A form that is not the app’s' })}
${lesson('A policy that keeps the script out helps here too. So do passkeys: they cannot be typed into anything.')}</section>
<section id="worker"><h2>A service worker that stays</h2>
<p>A service worker is a script that the browser keeps after the tab is closed and that sees every request of the page, the end of a login too. An injected script can install one if the app’s own
server gives it a file to install, such as an upload. Press <b>Inject one that installs a service worker</b> in ${bank('bff')} and ${bank('loose')}, close the tab, and open the bank once more.</p>
${trialTable(workers, evidence, { caption: 'A worker that tells the attacker of the next visit' })}
${lesson('Coatcheck gives no script as a service worker unless its path is listed in <code>serviceWorkers</code>. If you list one, nobody else may be able to fill it.')}
</section><h2 id="server">A taken-over server</h2>
<p>A BFF holds the tokens of everybody who is logged in and sees all traffic. Whoever controls its process has both. That is a real price; the gain is one place to guard instead of every browser.</p>`
}
