import { escapeHtml } from '../web.ts'
import type { Attacker } from './attacker.ts'
import { columns, type Cell, type Column, type Row } from './matrix.ts'
import { payload } from './payload.ts'
import { inPlainWords, notSolved } from './plain-words.ts'
import { appNames, appTitles, originOf, type AppName, type Places } from './places.ts'

export { labStyle } from './page-style.ts'

const keys = Object.keys(columns) as Column[]

/** The lab's page: what was tried, what came of it, and every exchange behind it. It needs no script. */
export function labPage(places: Places, rows: ReadonlyMap<AppName, Row>, { exchanges }: Attacker): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Attack lab - Coatcheck</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/lab.css"></head>
<body><main>
<h1>One script, five apps</h1>
<p class="lead">The same small bank is built five ways. In all five, an attacker gets the same script into the page. What can
the attacker’s own machine do with what the script sends home, once the user has closed the tab?</p>
<h2>Try it</h2>
<ol>
<li>Open an app, log in as Ada, and press <b>Inject the attacker’s script</b>.</li>
<li>Press <b>Show my balance</b>. The script uses this click to open a popup. Then close the tab.</li>
<li>Come back here and press <b>Attack</b>. Each request is sent by the attacker’s machine, which has no cookie of yours.</li>
<li>Open the app again, log out, and press <b>Attack after logout</b>.</li>
</ol>
<p id="not-yet" class="notice">Nothing was sent: the script has not come home from this app yet. Steps 1 and 2 come first.</p>
<ul class="apps">${appNames.map((app) => appCard(places, app, rows.has(app))).join('')}</ul>
<h2 id="matrix">What came of it</h2>
<p>Every cell is an HTTP status that the attacker got. <span class="taken">200</span> means that the attacker has the user’s
data. The number in brackets leads to the exchange.</p>
<div class="wide" role="region" aria-labelledby="matrix" tabindex="0"><table>
<thead><tr><th scope="col">App</th>${keys.map((key) => `<th scope="col">${columns[key]}</th>`).join('')}</tr></thead>
<tbody>${appNames
    .map(
      (app) =>
        `<tr><th scope="row">${appTitles[app]}</th>${keys.map((key) => tableCell(rows.get(app)?.cells[key])).join('')}</tr>`,
    )
    .join('')}</tbody></table></div>
<h2>What a BFF does not solve</h2>
<p>A BFF takes away the tokens and everything that outlives the tab. What is left:</p>
<ul class="left">${notSolved.map(([what, why]) => `<li><b>${what}</b> ${why}</li>`).join('')}</ul>
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
  .join('')}
</main></body></html>`
}

function appCard(places: Places, app: AppName, wasAttacked: boolean): string {
  const later = wasAttacked ? '<button name="afterLogout" value="yes">Attack after logout</button>' : ''
  return `<li><h3>${appTitles[app]}</h3><p class="words">${inPlainWords[app]}</p><p><a href="${originOf(places, app)}/" target="_blank">Open the app<span class="for-readers"> ${appTitles[app]} in a new tab</span></a></p>
<form method="post" action="/attack"><input type="hidden" name="app" value="${app}"><button>Attack</button> ${later}</form></li>`
}

function tableCell(cell: Cell | undefined): string {
  if (cell === undefined) return '<td class="open">not tried</td>'
  const links = cell.exchanges.map((id) => `<a href="#x${id}">[${id}]</a>`).join(' ')
  return `<td class="${cell.isTaken ? 'taken' : 'held'}">${escapeHtml(cell.what)}: ${cell.statuses.join(', ')} ${links}</td>`
}
