import { beforeEach, expect, test } from 'vitest'
import { RedisWalk } from './redis-walk.ts'

let nowMs: number
let present: string[]
let looks: number
let walk: RedisWalk

beforeEach(() => {
  nowMs = 0
  present = ['s:c', 's:a', 's:e', 's:b', 's:d']
  looks = 0
  walk = new RedisWalk(
    async () => {
      looks += 1
      return [...present]
    },
    async (keys) =>
      keys.filter((key) => present.includes(key)).map((key) => ({ key, value: new Uint8Array(1), version: 1, expiresAtMs: 1 })),
    () => nowMs,
  )
})

const page = async (after?: string) => (await walk.page('s:', after, 2)).map(({ key }) => key)

test('all pages of a walk come from one look at the keys', async () => {
  expect([await page(), await page('s:b'), await page('s:d')]).toEqual([['s:a', 's:b'], ['s:c', 's:d'], ['s:e']])
  expect(looks).toBe(1)
})

test('what is gone meanwhile takes no place in a page, and the next walk looks anew', async () => {
  await page()
  present = ['s:a', 's:a2', 's:b', 's:d', 's:e']
  expect(await page('s:b')).toEqual(['s:d', 's:e'])
  expect(await page('s:e')).toEqual([])
  expect(looks).toBe(1)
  expect(await page()).toEqual(['s:a', 's:a2'])
  expect(looks).toBe(2)
})

test('a page that is asked for twice, one of another prefix and one that comes late are looked for anew', async () => {
  await page()
  await page('s:b')
  present.push('s:bb')
  expect(await page('s:b')).toEqual(['s:bb', 's:c'])
  expect(looks).toBe(2)
  await walk.page('t:', 's:c', 2)
  expect(looks).toBe(3)
  await page()
  nowMs += 30_000
  expect(await page('s:b')).toEqual(['s:bb', 's:c'])
  expect(looks).toBe(5)
})

test('a page that fails is looked for anew', async () => {
  let isBroken = true
  const failing = new RedisWalk(
    async () => {
      looks += 1
      return present
    },
    async (keys) => {
      if (isBroken) throw new Error('away')
      return keys.map((key) => ({ key, value: new Uint8Array(1), version: 1, expiresAtMs: 1 }))
    },
  )
  await expect(failing.page('s:', undefined, 2)).rejects.toThrow('away')
  isBroken = false
  expect((await failing.page('s:', undefined, 2)).map(({ key }) => key)).toEqual(['s:a', 's:b'])
  expect(looks).toBe(2)
})
