import { expect, test } from 'vitest'
import { measure, score, type Sample } from './judge.ts'

const windows = { faultMs: 1_000, healedMs: 4_000, endMs: 12_000 }
const allowed = { outcomes: { api: ['503'] }, p99Ms: { anonymous: 500 } }
const at = (startMs: number, outcome = 'ok', more: Partial<Sample> = {}): Sample => ({
  class: 'api',
  startMs,
  durationMs: 10,
  outcome,
  ...more,
})
const judge = (...samples: Sample[]) => score(measure(samples, windows, allowed))

test('3: errors that the fault excuses, and none afterwards', () => {
  expect(judge(at(0), at(2_000, '503 store_unavailable'), at(5_000))).toEqual({ score: 3, reason: 'as written' })
})

test('2: another error, a slow class, a slow recovery, or failures before the fault', () => {
  expect(judge(at(2_000, '500 internal_error'))).toMatchObject({ score: 2, reason: '1 x api: 500 internal_error' })
  expect(judge(at(2_000, 'ok', { class: 'anonymous', durationMs: 900 }))).toMatchObject({
    score: 2,
    reason: 'anonymous: p99 900 ms, not 500 ms',
  })
  expect(judge(at(9_500, '503 store_unavailable'))).toMatchObject({ score: 2, reason: 'recovered after 5510 ms' })
  expect(judge(at(100, '503'))).toMatchObject({ score: 2, reason: '1 failures before the fault' })
})

test('1: errors that do not end', () => {
  expect(judge(at(11_900, '503 store_unavailable'))).toMatchObject({ score: 1 })
})

test('0: a wrong answer, whenever it came', () => {
  expect(judge(at(0, 'ok', { wrong: "another user's answer" }))).toEqual({ score: 0, reason: "1 x another user's answer" })
})

test('a request that was under way when the fault began counts to the fault', () => {
  const { classes } = measure([at(995, '503 store_unavailable', { durationMs: 600 })], windows, allowed)
  expect(classes.api).toMatchObject({ before: {}, during: { '503 store_unavailable': 1 }, p99DuringMs: 600 })
})
