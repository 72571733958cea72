import { claim, matrixTable } from './page-frame.ts'
import type { Shown } from './page-exhibits.ts'
import { columns, type Column } from './matrix.ts'
import { appNames } from './places.ts'
import { questions, readAnswers, recommend, type Question, type Reason } from './threat-model.ts'

/** Exhibit 7: questions, and what follows. A form that is sent by GET, so an answer is an address that can be passed on. */
export function threatModelPage({ rows }: Pick<Shown, 'rows'>, query: URLSearchParams): string {
  const answers = readAnswers(query)
  const fields = (Object.keys(questions) as Question[]).map((name, index) => {
    const { ask, answers: choices } = questions[name]
    const radios = Object.entries(choices).map(
      ([value, label]) =>
        `<label><input type="radio" name="${name}" value="${value}"${answers[name] === value ? ' checked' : ''}><span>${label}</span></label>`,
    )
    return `<fieldset><legend>${index + 1}. ${ask}</legend>${radios.join('')}</fieldset>`
  })
  return `${claim('threat-model', 'A pattern is an answer. Here are the questions: what is to be protected, from whom, and what can you run? Sometimes the answer is not a BFF.')}
<form method="get" action="/threat-model#advice" class="questions">${fields.join('')}<button class="primary">What follows?</button></form>
${query.has('apis') ? adviceFor(query, rows) : ''}`
}

function adviceFor(query: URLSearchParams, rows: Shown['rows']): string {
  const advice = recommend(readAnswers(query))
  const list = (reasons: readonly Reason[]) =>
    `<ul class="reasons">${reasons.map(({ text, section }) => `<li>${text} <span class="section">RFC 10017, ${section}</span></li>`).join('')}</ul>`
  const besides = advice.besides.length === 0 ? '' : `<h3>Besides</h3>${list(advice.besides)}`
  const table =
    advice.rows.length === 0
      ? '<p>No row of the matrix is about this: there is no token in the page, and the cookie is that of exhibit 4.</p>'
      : matrixTable(rows, appNames, Object.keys(columns) as Column[], advice.rows)
  return `<section id="advice" class="advice"><p class="number">What follows</p><h2>${advice.title}</h2>${list(advice.reasons)}${besides}
<h3>What an injected script gets then</h3>${table}</section>`
}
