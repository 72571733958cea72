import { expect, test } from 'vitest'
import { questions, readAnswers, recommend, type Answers } from './threat-model.ts'

const usual: Answers = {
  apis: 'oauth',
  data: 'sensitive',
  server: 'yes',
  through: 'all',
  scripts: 'many',
  siblings: 'others',
  logout: 'now',
  flow: 'other',
}
const harmless = { data: 'harmless', logout: 'later', scripts: 'ours' } as const

test.each<[pattern: string, section: string, answers: Partial<Answers>]>([
  ['bff', '6.1.4.3', {}],
  ['bff', '6.2.4', { through: 'signed' }],
  ['bff, and mediated tokens for the rest', '6.2.4', { through: 'some' }],
  ['cookie session', '7.1', { apis: 'own' }],
  ['cookie session', '7.1', { apis: 'own', server: 'no', through: 'some' }],
  ['a server first', '6.3.4', { server: 'no' }],
  ['a server first', '6.3.4', { server: 'no', through: 'some' }],
  ['browser', '6.3.4', { server: 'no', data: 'harmless' }],
  ['browser', '5.1', harmless],
  ['bff', '6.1', { ...harmless, logout: 'now' }],
  ['bff', '6.1', { ...harmless, scripts: 'many' }],
])('%s, by section %s: %j', (pattern, section, answers) => {
  const advice = recommend({ ...usual, ...answers })
  expect(advice.pattern).toBe(pattern)
  expect(advice.reasons.map((reason) => reason.section)).toContain(section)
})

test.each<[section: string, answers: Partial<Answers>, without: Partial<Answers>]>([
  ['5.1.4', { scripts: 'many' }, { scripts: 'ours' }],
  ['6.1.3.3', { siblings: 'others' }, { siblings: 'nothing' }],
  ['7.2 to 7.4', { flow: 'refused' }, { flow: 'other' }],
])('what else to know, by section %s: %j', (section, answers, without) => {
  const sections = (given: Partial<Answers>) => recommend({ ...usual, ...given }).besides.map((reason) => reason.section)
  expect(sections(answers)).toContain(section)
  expect(sections(without)).not.toContain(section)
})

test('every combination of answers has a recommendation with a reason, and never tokens in the browser for sensitive data', () => {
  let combinations: Answers[] = [usual]
  for (const [name, { answers }] of Object.entries(questions))
    combinations = combinations.flatMap((one) => Object.keys(answers).map((answer) => ({ ...one, [name]: answer })))
  expect(combinations.length).toBe(384)
  for (const answers of combinations) {
    const advice = recommend(answers)
    expect(advice.reasons.length, JSON.stringify(answers)).toBeGreaterThan(0)
    if (answers.data === 'sensitive') expect(advice.pattern, JSON.stringify(answers)).not.toBe('browser')
  }
})

test('a form without answers, or with unknown ones, is read as the first answers', () => {
  expect(readAnswers(new URLSearchParams('data=constructor&server=no'))).toEqual({ ...usual, server: 'no' })
})
