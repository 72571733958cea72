import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { PostgresPeers } from './postgres-peers.ts'

let peers: PostgresPeers

beforeEach(() => {
  vi.useFakeTimers()
  peers = new PostgresPeers(400, () => Date.now())
})

afterEach(() => {
  vi.useRealTimers()
})

/** The time after which a write that was answered now counts for every node. */
async function settledAfter(meanwhile: () => void = () => undefined): Promise<number> {
  const startedMs = Date.now()
  let tookMs = -1
  const done = peers.settled('a').then(() => (tookMs = Date.now() - startedMs))
  meanwhile()
  for (let waited = 0; waited < 3000 && tookMs < 0; waited += 10) await vi.advanceTimersByTimeAsync(10)
  await done
  return tookMs
}

async function listenForLong(): Promise<void> {
  peers.setListening(true)
  await vi.advanceTimersByTimeAsync(1000)
}

test('who does not listen waits until nobody can trust any more', async () => {
  peers.expect('a')
  expect(await settledAfter()).toBe(450)
  await listenForLong()
  peers.beat('n', 400, [])
  expect(await settledAfter(), 'and so does who heard beats, but not its own announcement').toBe(450)
})

test('alone, nobody waits', async () => {
  await listenForLong()
  peers.expect('a')
  expect(peers.cameBack('a')).toBe(true)
  expect(await settledAfter()).toBe(0)
  peers.forget('a')
  expect(peers.cameBack('a')).toBe(false)
})

test('who has listened for a moment only waits for those it may not have heard', async () => {
  peers.setListening(true)
  await vi.advanceTimersByTimeAsync(300)
  peers.expect('a')
  peers.cameBack('a')
  expect(await settledAfter()).toBe(150)
})

test('waits for each node that beat before, until it confirms, leaves or cannot trust any more', async () => {
  await listenForLong()
  for (const node of ['confirms', 'leaves', 'is silent']) peers.beat(node, 400, [])
  await vi.advanceTimersByTimeAsync(100)
  peers.expect('a')
  peers.cameBack('a')
  peers.beat('came later', 400, [])
  peers.beat('confirms', 400, ['a'])
  peers.left('leaves')
  expect(await settledAfter()).toBe(350)

  peers.left('came later')
  peers.expect('a')
  peers.beat('confirms', 400, [])
  peers.cameBack('a')
  expect(await settledAfter(() => setTimeout(() => peers.beat('confirms', 400, ['a']), 20))).toBeLessThanOrEqual(30)
})

test('a beat without the confirmation is none, and neither is the confirmation of something else', async () => {
  await listenForLong()
  peers.beat('n', 400, [])
  peers.expect('a')
  peers.cameBack('a')
  expect(await settledAfter(() => peers.beat('n', 400, ['b']))).toBe(450)
})

test('the trust that a node claims counts, up to two seconds', async () => {
  await listenForLong()
  peers.beat('n', 1000, [])
  peers.expect('a')
  peers.cameBack('a')
  expect(await settledAfter()).toBe(1050)
  peers.beat('n', 1e9, [])
  peers.cameBack('a')
  expect(await settledAfter()).toBe(2050)
})

test('when listening ends in between, it waits as if it had never listened', async () => {
  await listenForLong()
  peers.beat('n', 400, [])
  peers.expect('a')
  peers.cameBack('a')
  expect(await settledAfter(() => peers.setListening(false))).toBe(450)
})
