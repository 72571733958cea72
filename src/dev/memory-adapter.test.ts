import { expect, it } from 'vitest'
import { createMemoryAdapter } from './memory-adapter.ts'

it('forgets what has expired, also where it is found by another name', async () => {
  let now = 1000
  const sessions = createMemoryAdapter(() => now)('Session')
  await sessions.upsert('a', { uid: 'one' }, 60)
  now += 59_999
  expect(await sessions.findByUid('one')).toEqual({ uid: 'one' })
  now += 1
  expect([await sessions.find('a'), await sessions.findByUid('one')]).toEqual([undefined, undefined])
})

it('keeps models apart and marks what was used', async () => {
  const adapter = createMemoryAdapter(() => 5000)
  await adapter('RefreshToken').upsert('a', { grantId: 'g' }, 60)
  expect(await adapter('AccessToken').find('a')).toBeUndefined()
  await adapter('RefreshToken').consume('a')
  expect(await adapter('RefreshToken').find('a')).toEqual({ grantId: 'g', consumed: 5 })
})

it('ends everything of a grant, over all models, and nothing else', async () => {
  const adapter = createMemoryAdapter()
  await adapter('RefreshToken').upsert('a', { grantId: 'g' }, 60)
  await adapter('AccessToken').upsert('b', { grantId: 'g' }, 60)
  await adapter('AccessToken').upsert('c', { grantId: 'other' }, 60)
  await adapter('RefreshToken').revokeByGrantId('g')
  expect([await adapter('RefreshToken').find('a'), await adapter('AccessToken').find('b')]).toEqual([undefined, undefined])
  expect(await adapter('AccessToken').find('c')).toEqual({ grantId: 'other' })
})
