import { beforeEach, expect, test } from 'vitest'
import { HeldVersions } from './postgres-held.ts'

const expiresAtMs = 10_000
let held: HeldVersions

beforeEach(() => {
  held = new HeldVersions()
  held.setListening(true)
})

/** Reads a record, with something that happens meanwhile. */
function read(key: string, version: number, meanwhile: () => void = () => undefined): void {
  const reading = held.begin(key, 0)
  meanwhile()
  held.hold(reading, version, expiresAtMs)
  held.end(reading)
}

const has = (key: string, version: number, nowMs = 0, monotonicMs = 0) => held.has(key, version, nowMs, monotonicMs)

test('what was read is held at that version, until it expires or a minute has passed', () => {
  read('k', 1)
  expect([has('k', 1), has('k', 2), has('other', 1)]).toEqual([true, false, false])
  expect([has('k', 1, 9999), has('k', 1, 10_000)]).toEqual([true, false])
  expect([has('k', 1, 0, 59_999), has('k', 1, 0, 60_000)]).toEqual([true, false])
})

test('what was dropped is not held, and neither is what was being read then', () => {
  read('k', 1)
  held.drop('k')
  expect(has('k', 1)).toBe(false)
  read('k', 1, () => held.drop('k'))
  expect(has('k', 1)).toBe(false)
  read('k', 1, () => held.dropAll())
  expect(has('k', 1)).toBe(false)
  read('k', 2, () => held.drop('other'))
  expect(has('k', 2)).toBe(true)
})

test('a write is not undone by its own announcement, but by that of another, and it ends older readings', () => {
  const older = held.begin('k', 0)
  const write = held.begin('k', 0, 'mine')
  held.drop('k', 'mine')
  held.hold(write, 2, expiresAtMs)
  held.hold(older, 1, expiresAtMs)
  expect([has('k', 1), has('k', 2)]).toEqual([false, true])
  const again = held.begin('k', 0, 'mine too')
  held.drop('k', 'of another')
  held.hold(again, 3, expiresAtMs)
  expect(has('k', 3)).toBe(false)
})

test('nothing counts that was read or begun before listening', () => {
  read('k', 1, () => held.setListening(true))
  expect(has('k', 1)).toBe(false)
  held.setListening(false)
  read('k', 1, () => held.setListening(true))
  expect(has('k', 1)).toBe(false)
  read('k', 1)
  held.setListening(false)
  expect(has('k', 1)).toBe(false)
})

test('an expiry only moves on, and only by what is current', () => {
  read('k', 1)
  const touch = held.begin('k', 0)
  held.extend(touch, 20_000)
  held.extend(touch, 15_000)
  expect([has('k', 1, 19_999), has('k', 1, 20_000)]).toEqual([true, false])
  held.drop('k')
  read('k', 1)
  held.extend(touch, 30_000)
  expect(has('k', 1, 10_000)).toBe(false)
})

test('the oldest give way', () => {
  for (let index = 0; index <= 65_536; index++) read(`k${index}`, 1)
  expect([has('k0', 1), has('k1', 1), has('k65536', 1)]).toEqual([false, true, true])
})
