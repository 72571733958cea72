import assert from 'node:assert/strict'
import { added, bytes, minuteMs } from './contract-bench.ts'
import type { Declare } from './contract-bench.ts'
import type { SessionStore } from './store.ts'

/** The keys of a whole walk, page by page. */
async function walk(store: SessionStore, prefix: string, limit: number): Promise<string[]> {
  const keys: string[] = []
  for (;;) {
    const page = await store.list(prefix, keys.at(-1), limit)
    assert.ok(page.length <= limit, 'a page has at most as many records as asked for')
    keys.push(...page.map(({ key }) => key))
    if (page.length < limit) return keys
  }
}

/** Reading the records of a prefix, page by page. */
export function declareListTests(test: Declare): void {
  // In the order of their bytes, which is not that of a dictionary. Each pattern sign is itself.
  const names = ['s:', 's: ', 's:%', 's:*', 's:-1', 's:10', 's:2', 's:?', 's:A', 's:Z', 's:[a]', 's:_', 's:a', 's:aa', 's:~']
  const others = ['S:a', 'as:a', 's', 's;a', 't:a']

  test('list: whole records of a prefix, in the order of their keys', async (bench) => {
    for (const key of [...names, ...others].toReversed()) await added(bench, key, `value of ${key}`, ['t'])
    assert.deepEqual(await walk(bench.other, 's:', 100), names)
    assert.deepEqual(await walk(bench.other, 's:%', 100), ['s:%'], 'a prefix is no pattern')
    assert.deepEqual(await walk(bench.other, 's:_', 100), ['s:_'])
    assert.deepEqual(await walk(bench.other, 's:[a]', 100), ['s:[a]'])
    assert.deepEqual(await walk(bench.other, 's:a', 100), ['s:a', 's:aa'])
    assert.deepEqual(await walk(bench.other, 'unknown:', 100), [])
    assert.deepEqual(await walk(bench.other, '', 100), [...names, ...others].toSorted(byBytes))
    const [record] = await bench.other.list('s:aa', undefined, 1)
    const kept = await bench.store.get('s:aa')
    assert.deepEqual(
      { ...record, value: new TextDecoder().decode(record?.value) },
      { key: 's:aa', value: 'value of s:aa', version: kept?.version, expiresAtMs: bench.now() + minuteMs },
    )
  })

  for (const limit of [1, 2, 7, names.length, names.length + 1]) {
    test(`list: pages of ${limit} lead to every record once`, async (bench) => {
      for (const key of [...others, ...names]) await added(bench, key, 'x')
      assert.deepEqual(await walk(bench.store, 's:', limit), names)
    })
  }

  test('list: goes on after a key, whether or not there is such a record', async (bench) => {
    for (const key of names) await added(bench, key, 'x')
    const keysAfter = async (after: string) => (await bench.other.list('s:', after, 3)).map(({ key }) => key)
    assert.deepEqual(await keysAfter('s:10'), ['s:2', 's:?', 's:A'])
    await bench.store.delete('s:10')
    assert.deepEqual(await keysAfter('s:10'), ['s:2', 's:?', 's:A'])
    assert.deepEqual(await keysAfter('a'), ['s:', 's: ', 's:%'], 'a key before all of the prefix')
    assert.deepEqual(await keysAfter('t'), [], 'a key behind all of the prefix')
    assert.deepEqual(await keysAfter('s:~'), [])
  })

  test('list: what expired or was deleted is absent, what was replaced or touched is there as it is now', async (bench) => {
    const { store, other, now } = bench
    for (const key of ['s:1', 's:2', 's:3', 's:4', 's:5']) await added(bench, key, 'one')
    await bench.advance(minuteMs - 1)
    await store.delete('s:1')
    await store.touch('s:2', now() + minuteMs)
    const version = await store.replace('s:3', (await store.get('s:3'))?.version ?? 0, bytes('two'), now() + minuteMs)
    await bench.advance(1)
    await added(bench, 's:5', 'new')
    const listed = await other.list('s:', undefined, 10)
    assert.deepEqual(
      listed.map(({ key, value }) => [key, new TextDecoder().decode(value)]),
      [
        ['s:2', 'one'],
        ['s:3', 'two'],
        ['s:5', 'new'],
      ],
    )
    assert.equal(listed[0]?.expiresAtMs, now() - 1 + minuteMs)
    assert.equal(listed[1]?.version, version)
    assert.deepEqual(
      (await other.list('s:', undefined, 2)).map(({ key }) => key),
      ['s:2', 's:3'],
      'expired records take no place in a page',
    )
  })

  test('list: neither makes `holds` true of what is gone nor changes a record', async (bench) => {
    const version = await added(bench, 's:1', 'one')
    await bench.store.list('s:', undefined, 10)
    await bench.other.delete('s:1')
    assert.equal(bench.store.holds('s:1', version), false)
    const next = await added(bench, 's:1', 'two')
    const [listed] = await bench.store.list('s:', undefined, 10)
    listed?.value.fill(0x63)
    const kept = await bench.store.get('s:1')
    assert.deepEqual([new TextDecoder().decode(kept?.value), kept?.version], ['two', next])
  })
}

function byBytes(one: string, other: string): number {
  return one < other ? -1 : 1
}
