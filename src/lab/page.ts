import { escapeHtml } from '../web.ts'
import type { Attacker } from './attacker.ts'
import { exhibits } from './exhibits.ts'
import { columns, type Column, type Row } from './matrix.ts'
import { frame, matrixTable, outside } from './page-frame.ts'
import { payload } from './payload.ts'
import { inPlainWords } from './plain-words.ts'
import { appNames, appTitles, originOf, type AppName, type Places } from './places.ts'

const keys = Object.keys(columns) as Column[]

/** The lab's first page: what was tried, what came of it, and every exchange behind it. It needs no script. */
export function labPage(places: Places, rows: ReadonlyMap<AppName, Row>, { exchanges }: Attacker): string {
  const tour = exhibits.map(
    ({ slug, claim, answer }) => `<li><a href="/${slug}"><b>“${claim}”</b><span>${answer}</span></a></li>`,
  )
  return frame(
    undefined,
    'One script, five apps',
    `<h1>One script, five apps</h1>
<p class="lead">The same small bank is built five ways. In all five, an attacker gets the same script into the page. What can
the attacker’s own machine do with what the script sends home, once the user has closed the tab?</p>
<p>A <em>BFF</em>, a backend for the frontend, is a server of the app that logs the user in, keeps the tokens, and gives the browser
only a cookie. Whether that is worth it is what this lab is about. Everything runs on this machine, in memory; nothing is simulated.</p>
<h2>Seven things people say</h2>
<ul class="tour">${tour.join('')}<li><a class="other-half" href="/not-solved"><b>And what a BFF does not solve</b><span>Riding the session, phishing, service workers.</span></a></li></ul>
<h2>The experiment</h2>
<ol>
<li>Open an app, log in as Ada, and press <b>Inject the attacker’s script</b>.</li>
<li>Press <b>Show my balance</b>. The script uses this click to open a popup. Then close the tab.</li>
<li>Come back here and press <b>Attack</b>. Each request is sent by the attacker’s machine, which has no cookie of yours.</li>
<li>Open the app again, log out, and press <b>Attack after logout</b>.</li>
</ol>
<ul class="apps">${appNames.map((app) => appCard(places, app, rows.has(app))).join('')}</ul>
<h2 id="matrix">What came of it</h2>
<p>Every cell is an HTTP status that the attacker got. <span class="taken">200</span> means that the attacker has the user’s
data. The number in brackets leads to the exchange.</p>
${matrixTable(rows, appNames, keys)}
<h2>The script</h2>
<p>It is the same text in all five, and it knows nothing secret.</p>
<pre tabindex="0" aria-label="The injected script">${escapeHtml(payload(places))}</pre>
<h2>The exchanges</h2>
${exchanges.length === 0 ? '<p>None yet.</p>' : ''}
${exchanges
  .map(
    ({ id, title, request, status, response }) =>
      `<details id="x${id}"><summary>${id}. ${escapeHtml(title)}: ${status}</summary><pre tabindex="0" aria-label="Exchange ${id}">${escapeHtml(request)}\n\n${status}\n${escapeHtml(response)}</pre></details>`,
  )
  .join('')}`,
  )
}

function appCard(places: Places, app: AppName, wasAttacked: boolean): string {
  const later = wasAttacked ? '<button name="afterLogout" value="yes">Attack after logout</button>' : ''
  return `<li><h3>${appTitles[app]}</h3><p class="words">${inPlainWords[app]}</p><p>${outside(`${originOf(places, app)}/`, `Open the app<span class="for-readers"> ${appTitles[app]}</span>`)}</p>
<form method="post" action="/attack"><input type="hidden" name="app" value="${app}"><button>Attack</button> ${later}</form></li>`
}
