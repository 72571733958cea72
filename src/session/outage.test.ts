import { expect, test } from 'vitest'
import { createMemoryStore } from '../stores/memory.ts'
import { withOutageErrors } from './outage.ts'

function watched(how: 'throws' | 'rejects') {
  const store = createMemoryStore()
  const get = store.get.bind(store)
  const told: string[] = []
  let isDown = false
  store.get = (key) => {
    if (!isDown) return get(key)
    if (how === 'throws') throw new Error('down')
    return Promise.reject(new Error('down'))
  }
  const listener = { onDown: () => told.push('down'), onUp: () => told.push('up') }
  const setDown = (value: boolean): void => {
    isDown = value
  }
  return { store: withOutageErrors(store, listener), told, setDown }
}

test.each(['throws', 'rejects'] as const)('a store that %s: told once when it goes, and once when it is back', async (how) => {
  const { store, told, setDown } = watched(how)
  const ask = async (): Promise<unknown> => store.get('a')
  await ask()
  expect(told).toEqual([])
  setDown(true)
  for (let i = 0; i < 5; i += 1) await expect(ask()).rejects.toMatchObject({ code: 'store_unavailable' })
  expect(told).toEqual(['down'])
  setDown(false)
  for (let i = 0; i < 5; i += 1) await ask()
  expect(told).toEqual(['down', 'up'])
  setDown(true)
  await expect(ask()).rejects.toMatchObject({ code: 'store_unavailable' })
  expect(told).toEqual(['down', 'up', 'down'])
})
