import assert from 'node:assert/strict'
import { added, assertAbsent, assertHas, bytes, minuteMs } from './contract-bench.ts'
import type { Bench, Declare } from './contract-bench.ts'
import type { SessionStore } from './store.ts'

const sortedKeys = async (store: SessionStore, tag: string) => (await store.listTagged(tag)).map(({ key }) => key).toSorted()

/** Finding records by tag. */
export function declareTagTests(test: Declare): void {
  test('tags: list whole records, and a record can have several', async (bench) => {
    const a = await added(bench, 'a', 'one', ['user:1', 'login:1'])
    await added(bench, 'b', 'two', ['user:1', 'login:2', 'user:1'])
    await added(bench, 'c', 'three', ['user:2'])
    await added(bench, 'd', 'four')
    assert.deepEqual(await sortedKeys(bench.other, 'user:1'), ['a', 'b'])
    assert.deepEqual(await sortedKeys(bench.other, 'login:2'), ['b'])
    assert.deepEqual(await sortedKeys(bench.other, 'user:'), [])
    const [record] = await bench.other.listTagged('login:1')
    assert.deepEqual(
      { ...record, value: new TextDecoder().decode(record?.value) },
      { key: 'a', value: 'one', version: a, expiresAtMs: bench.now() + minuteMs },
    )
  })

  test('tags: deleteTagged deletes exactly the tagged records and names them', async (bench) => {
    await added(bench, 'a', 'one', ['user:1', 'login:1'])
    await added(bench, 'b', 'two', ['user:1'])
    const kept = await added(bench, 'c', 'three', ['user:2', 'login:1'])
    assert.deepEqual([...(await bench.other.deleteTagged('user:1'))].toSorted(), ['a', 'b'])
    await assertAbsent(bench.store, 'a')
    await assertAbsent(bench.store, 'b')
    await assertHas(bench.store, 'c', 'three', kept)
    assert.deepEqual(await sortedKeys(bench.store, 'login:1'), ['c'])
    assert.deepEqual(await bench.store.deleteTagged('user:1'), [])
    assert.deepEqual(await bench.store.deleteTagged('unknown'), [])
  })

  test('tags: an expired record is neither listed nor named', async (bench) => {
    await added(bench, 'early', 'one', ['t'])
    await bench.advance(minuteMs - 1)
    await added(bench, 'late', 'two', ['t'])
    await bench.advance(1)
    assert.deepEqual(await sortedKeys(bench.other, 't'), ['late'])
    assert.deepEqual(await bench.other.deleteTagged('t'), ['late'])
  })

  test('tags: stay when the record is replaced or touched, and go when it is deleted', async (bench) => {
    const version = await added(bench, 'k', 'one', ['t', 'u'])
    const next = await bench.other.replace('k', version, bytes('two'), bench.now() + minuteMs)
    await bench.other.touch('k', bench.now() + 2 * minuteMs)
    const [record] = await bench.store.listTagged('u')
    assert.deepEqual([record?.key, record?.version, record?.expiresAtMs], ['k', next, bench.now() + 2 * minuteMs])
    await bench.store.delete('k')
    assert.deepEqual(await sortedKeys(bench.other, 't'), [])
    await added(bench, 'k', 'three', ['v'])
    assert.deepEqual([await sortedKeys(bench.other, 't'), await sortedKeys(bench.other, 'v')], [[], ['k']])
  })
}

/** Runs `attempt` many times at once, on both clients in turn, and gives the answers that are not `lost`. */
async function race<T>(
  { store, other }: Bench,
  attempt: (client: SessionStore, index: number) => Promise<T>,
  lost: T,
): Promise<readonly T[]> {
  const attempts = Array.from({ length: 32 }, (_, index) => attempt(index % 2 === 0 ? store : other, index))
  return (await Promise.all(attempts)).filter((answer) => answer !== lost)
}

/** Two clients wanting the same. */
export function declareRaceTests(test: Declare): void {
  test('races: one of many adds of a key wins', async (bench) => {
    const expiresAtMs = bench.now() + minuteMs
    const winners = await race(
      bench,
      async (client, index) => {
        const version = await client.add('k', { value: bytes(`${index}`), expiresAtMs })
        return version === undefined ? undefined : { version, text: `${index}` }
      },
      undefined,
    )
    assert.equal(winners.length, 1)
    await assertHas(bench.other, 'k', winners[0]?.text ?? '', winners[0]?.version ?? 0)
  })

  test('races: one of many replaces of a version wins', async (bench) => {
    const version = await added(bench, 'k', 'one')
    const winners = await race(
      bench,
      async (client, index) => {
        const next = await client.replace('k', version, bytes(`${index}`), bench.now() + minuteMs)
        return next === undefined ? undefined : { next, text: `${index}` }
      },
      undefined,
    )
    assert.equal(winners.length, 1)
    await assertHas(bench.other, 'k', winners[0]?.text ?? '', winners[0]?.next ?? 0)
  })

  test('races: one of many deletes deletes', async (bench) => {
    const version = await added(bench, 'k', 'one')
    assert.deepEqual(
      await race(bench, async (client, index) => client.delete('k', index % 3 === 0 ? version : undefined), false),
      [true],
    )
    await assertAbsent(bench.store, 'k')
  })

  test('races: after a delete, no replace or touch that runs beside it brings the record back', async (bench) => {
    const version = await added(bench, 'k', 'one')
    const deleted = await race(
      bench,
      async (client, index) => {
        if (index === 16) return client.delete('k')
        if (index % 3 === 0) await client.replace('k', version, bytes('late'), bench.now() + minuteMs)
        else await client.touch('k', bench.now() + minuteMs)
        return false
      },
      false,
    )
    assert.deepEqual(deleted, [true])
    await assertAbsent(bench.store, 'k')
    await assertAbsent(bench.other, 'k')
  })
}

/** What `holds` must never say. */
export function declareHoldsTests(test: Declare): void {
  const endings: readonly (readonly [string, (bench: Bench, version: number) => Promise<unknown>])[] = [
    ['deleted', async ({ other }) => other.delete('k')],
    ['deleted at its version', async ({ other }, version) => other.delete('k', version)],
    ['deleted by its tag', async ({ other }) => other.deleteTagged('t')],
    ['replaced', async ({ other, now }, version) => other.replace('k', version, bytes('two'), now() + minuteMs)],
    ['touched to end now', async ({ other, now }) => other.touch('k', now())],
    ['left to expire', async ({ advance }) => advance(minuteMs)],
    [
      'touched to end sooner, and left to',
      async ({ other, now, advance }) => {
        await other.touch('k', now() + 5)
        await advance(5)
      },
    ],
    [
      'deleted and added anew',
      async (bench) => {
        await bench.other.delete('k')
        await added({ ...bench, store: bench.other }, 'k', 'one', ['t'])
      },
    ],
  ]
  for (const [name, end] of endings) {
    for (const by of ['another client', 'the same client'] as const) {
      test(`holds: not for a record ${name} by ${by}`, async (bench) => {
        const version = await added(bench, 'k', 'one', ['t'])
        await bench.store.get('k')
        bench.store.holds('k', version)
        await end(by === 'another client' ? bench : { ...bench, other: bench.store }, version)
        assert.equal(bench.store.holds('k', version), false)
        assert.equal(bench.other.holds('k', version), false)
        await bench.store.get('k')
        assert.equal(bench.store.holds('k', version), false, 'nor after another look')
      })
    }
  }

  test('holds: neither for an unknown key nor for another version', async (bench) => {
    const version = await added(bench, 'k', 'one')
    assert.equal(bench.store.holds('unknown', version), false)
    assert.equal(bench.store.holds('k', version + 1), false)
    assert.equal(bench.other.holds('k', version + 1), false)
  })
}

/** What `holds` says in a store where it is of use. */
export function declareCertaintyTests(test: Declare): void {
  test('holds: what was read, until its expiry, also while other records change', async (bench) => {
    const { store, other, now } = bench
    const version = await added(bench, 'k', 'one')
    await other.get('k')
    assert.deepEqual([store.holds('k', version), other.holds('k', version)], [true, true])
    await added(bench, 'another', 'two')
    await other.delete('another')
    assert.deepEqual([store.holds('k', version), other.holds('k', version)], [true, true])
    await other.touch('k', now() + 2 * minuteMs)
    await bench.advance(2 * minuteMs - 1)
    assert.deepEqual([store.holds('k', version), other.holds('k', version)], [true, true])
    const next = await other.replace('k', version, bytes('two'), now() + minuteMs)
    await store.get('k')
    assert.deepEqual([store.holds('k', next ?? 0), other.holds('k', next ?? 0)], [true, true])
  })
}

/** That the store answers for itself. */
export function declareHealthTests(test: Declare): void {
  test('check: passes where the store works, and leaves the records alone', async (bench) => {
    const version = await added(bench, 'k', 'one')
    await bench.store.check()
    await bench.other.check()
    await assertHas(bench.store, 'k', 'one', version)
  })
}
