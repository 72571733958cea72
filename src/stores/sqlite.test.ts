import { expect, test } from 'vitest'
import { isSafelyShared, openSqlite, sqliteCode, sqliteCodeOf } from './sqlite.ts'

test.each([
  ['3.51.3', true],
  ['3.51.10', true],
  ['3.52.0', true],
  ['3.53.4', true],
  ['4.0.0', true],
  ['3.50.7', true],
  ['3.44.6', true],
  ['3.51.2', false],
  ['3.51', false],
  ['3.50.6', false],
  ['3.49.9', false],
  ['3.45.7', false],
  ['3.44.5', false],
  ['2.8.17', false],
  ['', false],
])('SQLite %s: may be shared by processes: %s', (version, safe) => {
  expect(isSafelyShared(version)).toBe(safe)
})

test('openSqlite makes no file', () => {
  expect(() => openSqlite('/nowhere/at/all.db')).toThrow('unable to open')
})

test('sqliteCodeOf gives the primary code, and nothing for errors of others', () => {
  const extended = Object.assign(new Error('locked'), { errcode: 517 })
  expect(sqliteCodeOf(extended)).toBe(sqliteCode.busy)
  expect(sqliteCodeOf(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBe(undefined)
  expect(sqliteCodeOf('busy')).toBe(undefined)
})
