import { escapeHtml } from '../web.ts'
import { exhibits, pageNames, type PageName } from './exhibits.ts'
import { columns, type Cell, type Column, type Row } from './matrix.ts'
import { appTitles, type AppName } from './places.ts'
import type { Evidence, Trial, Verdict } from './trials.ts'

const titleOf = (name: PageName) => exhibits.find(({ slug }) => slug === name)?.claim ?? 'What a BFF does not solve'

/** What all pages of the lab have around them. */
export function frame(current: PageName | undefined, title: string, body: string): string {
  const entries = pageNames.map((name, index) => {
    const number = name === 'not-solved' ? '' : `${index + 1}. `
    return `<li><a href="/${name}"${name === current ? ' aria-current="page"' : ''}>${number}${titleOf(name)}</a></li>`
  })
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)} - the attack lab of Coatcheck</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/lab.css"></head>
<body><a class="skip" href="#content">To the content</a>
<header class="top"><nav aria-label="Exhibits"><a class="home" href="/"${current === undefined ? ' aria-current="page"' : ''}>The attack lab</a>
<details${current === undefined ? ' class="closed"' : ''}><summary>All exhibits</summary><ul>${entries.join('')}</ul></details></nav></header>
<main id="content"><p id="not-yet" class="notice">Nothing was sent yet: the script has not come home from there, or there is no cookie to copy. The steps before come first.</p>
${body}${current === undefined ? '' : onward(current)}</main></body></html>`
}

function onward(current: PageName): string {
  const index = pageNames.indexOf(current)
  const [before, after] = [pageNames[index - 1], pageNames[index + 1]]
  const link = (name: PageName, word: string) => `<a href="/${name}"><small>${word}</small> ${titleOf(name)}</a>`
  return `<nav class="onward" aria-label="Next and previous exhibit">${before ? link(before, 'Before') : '<a href="/"><small>Before</small> The matrix</a>'}${after ? link(after, 'Next') : '<a href="/"><small>Back to</small> The matrix</a>'}</nav>`
}

/** The head of an exhibit: what people say, and the answer in one breath. */
export function claim(name: PageName, lead: string): string {
  const index = pageNames.indexOf(name)
  return `<p class="number">Exhibit ${index + 1}</p><h1>“${titleOf(name)}”</h1><p class="lead">${lead}</p>`
}

type Outcomes = readonly [taken: string, held: string]

function cellOf(found: Verdict | undefined, [taken, held]: Outcomes): string {
  if (found === undefined) return '<td class="open">not tried yet</td>'
  const [style, word] = found.isTaken ? ['taken', taken] : ['held', held]
  return `<td class="${style}"><b>${word}.</b> ${escapeHtml(found.what)}: ${found.statuses.join(', ')}${rawOf(found)}</td>`
}

function rawOf({ raw }: Verdict): string {
  const label = raw.length === 1 ? 'The exchange' : 'The exchanges'
  return `<details><summary>${label}</summary>${raw.map((text) => `<pre tabindex="0" aria-label="${label}">${escapeHtml(text)}</pre>`).join('')}</details>`
}

/** Rows of the matrix, some columns of it. Where rows are chosen by answers, the others stay and the chosen are marked. */
export function matrixTable(
  rows: ReadonlyMap<AppName, Row>,
  apps: readonly AppName[],
  keys: readonly Column[],
  chosen: readonly AppName[] = [],
): string {
  const body = apps.map((app) => {
    const mark = chosen.includes(app) ? ' <span class="mark">recommended for you</span>' : ''
    const cells = keys.map((key) => matrixCell(rows.get(app)?.cells[key]))
    return `<tr${mark === '' ? '' : ' class="chosen"'}><th scope="row">${appTitles[app]}${mark}</th>${cells.join('')}</tr>`
  })
  return `<div class="wide" role="region" aria-label="What came of it" tabindex="0"><table>
<thead><tr><th scope="col">App</th>${keys.map((key) => `<th scope="col">${columns[key]}</th>`).join('')}</tr></thead>
<tbody>${body.join('')}</tbody></table></div>`
}

function matrixCell(cell: Cell | undefined): string {
  if (cell === undefined) return '<td class="open">not tried</td>'
  const links = cell.exchanges.map((id) => `<a href="/#x${id}" aria-label="Exchange ${id}">[${id}]</a>`).join(' ')
  return `<td class="${cell.isTaken ? 'taken' : 'held'}">${escapeHtml(cell.what)}: ${cell.statuses.join(', ')} ${links}</td>`
}

interface TrialWords {
  readonly caption: string
  /** What tells the rows apart: what is attacked, or by what. */
  readonly by?: 'setting' | 'attack'
  readonly outcomes?: Outcomes
}

/** Trials as a table, each with what it came to by now. */
export function trialTable(trials: readonly Trial[], evidence: Evidence, words: TrialWords): string {
  const { caption, by = 'setting', outcomes = ['Attack succeeds', 'Attack fails'] } = words
  const body = trials.map(
    (trial) => `<tr><th scope="row">${escapeHtml(trial[by])}</th>${cellOf(trial.judge(evidence), outcomes)}</tr>`,
  )
  return `<table class="trials"><caption>${caption}</caption>
<thead><tr><th scope="col">${by === 'setting' ? 'Where' : 'Attack'}</th><th scope="col">What came of it</th></tr></thead><tbody>${body.join('')}</tbody></table>`
}

/** A button that makes the attacker's machine do something, and comes back to this page. */
export function deedButton(page: PageName, deed: string, label: string, bank?: string): string {
  const hidden = Object.entries({ page, deed, ...(bank !== undefined && { bank }) })
  return `<form method="post" action="/attack">${hidden.map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`).join('')}<button>${label}</button></form>`
}

/** A link that leaves the lab's own pages: to an app, or to a page of the attacker. */
export function outside(url: string, label: string): string {
  return `<a href="${escapeHtml(url)}" target="_blank">${label}<span class="for-readers"> (opens in a new tab)</span></a>`
}
