import assert from 'node:assert/strict'
import { added, assertAbsent, assertHas, bytes, minuteMs } from './contract-bench.ts'
import type { Declare } from './contract-bench.ts'

/** Reading and writing one record. */
export function declareRecordTests(test: Declare): void {
  test('add: what was added is there, for each client', async (bench) => {
    const version = await added(bench, 'k', 'one')
    const record = await bench.store.get('k')
    assert.deepEqual([...(record?.value ?? [])], [...bytes('one')])
    assert.equal(record?.expiresAtMs, bench.now() + minuteMs)
    await assertHas(bench.other, 'k', 'one', version)
    await assertAbsent(bench.store, 'unknown')
  })

  test('add: only where there is no record', async (bench) => {
    const version = await added(bench, 'k', 'one')
    const again = { value: bytes('two'), expiresAtMs: bench.now() + 2 * minuteMs, tags: ['t'] }
    assert.equal(await bench.store.add('k', again), undefined)
    assert.equal(await bench.other.add('k', again), undefined)
    await assertHas(bench.other, 'k', 'one', version)
    assert.deepEqual(await bench.store.listTagged('t'), [], 'a refused add leaves no tag')
  })

  test('add: again after the record was deleted or has expired', async (bench) => {
    const versions = [await added(bench, 'k', 'one')]
    await bench.other.delete('k')
    versions.push(await added(bench, 'k', 'two'))
    await bench.advance(minuteMs)
    versions.push(await added(bench, 'k', 'three'))
    await assertHas(bench.other, 'k', 'three', versions[2] ?? 0)
  })

  test('replace: only at the version that is there', async (bench) => {
    const { store, other, now } = bench
    const first = await added(bench, 'k', 'one')
    const second = await other.replace('k', first, bytes('two'), now() + 2 * minuteMs)
    assert.ok(second !== undefined && second !== first, 'a write of the value makes a new version')
    assert.equal(await store.replace('k', first, bytes('stale'), now() + minuteMs), undefined)
    await assertHas(store, 'k', 'two', second)
    assert.equal((await store.get('k'))?.expiresAtMs, now() + 2 * minuteMs)
    assert.equal(await store.replace('unknown', first, bytes('x'), now() + minuteMs), undefined)
    await assertAbsent(store, 'unknown')
  })

  test('replace: brings nothing back that was deleted or has expired', async (bench) => {
    const { store, other, now } = bench
    const deleted = await added(bench, 'deleted', 'one')
    const expired = await added(bench, 'expired', 'one')
    await other.delete('deleted')
    await bench.advance(minuteMs)
    assert.equal(await store.replace('deleted', deleted, bytes('two'), now() + minuteMs), undefined)
    assert.equal(await store.replace('expired', expired, bytes('two'), now() + minuteMs), undefined)
    await assertAbsent(other, 'deleted')
    await assertAbsent(other, 'expired')
  })

  test('delete: without a version, and only once', async (bench) => {
    await added(bench, 'k', 'one')
    assert.equal(await bench.other.delete('k'), true)
    await assertAbsent(bench.store, 'k')
    assert.equal(await bench.store.delete('k'), false)
    assert.equal(await bench.store.delete('unknown'), false)
  })

  test('delete: with a version, only where it is still that one', async (bench) => {
    const first = await added(bench, 'k', 'one')
    const second = await bench.store.replace('k', first, bytes('two'), bench.now() + minuteMs)
    assert.ok(second !== undefined)
    assert.equal(await bench.other.delete('k', first), false)
    await assertHas(bench.store, 'k', 'two', second)
    assert.equal(await bench.other.delete('k', second), true)
    await assertAbsent(bench.store, 'k')
    assert.equal(await bench.other.delete('k', second), false)
  })

  test('versions: never given twice for a key', async (bench) => {
    const seen = new Set<number>()
    for (let round = 0; round < 20; round++) {
      const version = await added(bench, 'k', `round ${round}`)
      const next = await bench.other.replace('k', version, bytes('next'), bench.now() + minuteMs)
      assert.ok(next !== undefined)
      seen.add(version).add(next)
      if (round % 2 === 0) await bench.store.delete('k')
      else await bench.advance(minuteMs)
    }
    assert.equal(seen.size, 40)
  })

  test('versions: the holder of a lease that ran out cannot end the lease of the next one', async (bench) => {
    const late = await added(bench, 'lease', 'A')
    await bench.advance(minuteMs)
    const current = await added(bench, 'lease', 'B')
    assert.equal(await bench.other.delete('lease', late), false)
    assert.equal(await bench.other.replace('lease', late, bytes('A'), bench.now() + minuteMs), undefined)
    await assertHas(bench.store, 'lease', 'B', current)

    await bench.store.delete('lease', current)
    const next = await added(bench, 'lease', 'C')
    assert.equal(await bench.other.delete('lease', current), false)
    await assertHas(bench.store, 'lease', 'C', next)
  })

  test('touch: moves the expiry and nothing else', async (bench) => {
    const { store, other, now } = bench
    const version = await added(bench, 'k', 'one', ['t'])
    assert.equal(await other.touch('k', now() + 3 * minuteMs), true)
    assert.equal((await store.get('k'))?.expiresAtMs, now() + 3 * minuteMs)
    await bench.advance(2 * minuteMs)
    await assertHas(store, 'k', 'one', version)
    assert.deepEqual(
      (await store.listTagged('t')).map(({ key }) => key),
      ['k'],
    )
    assert.equal(await store.touch('k', now() + 1), true, 'the expiry can move back, too')
    await bench.advance(1)
    await assertAbsent(other, 'k')
  })

  test('touch: brings nothing back that was deleted, has expired or never was', async (bench) => {
    const { store, other, now } = bench
    await added(bench, 'deleted', 'one')
    await added(bench, 'expired', 'one', ['t'])
    await other.delete('deleted')
    await bench.advance(minuteMs)
    for (const key of ['deleted', 'expired', 'unknown']) {
      assert.equal(await store.touch(key, now() + minuteMs), false, key)
      await assertAbsent(other, key)
    }
    assert.deepEqual(await store.listTagged('t'), [])
  })

  test('expiry: there until the last millisecond, and absent for every method from then on', async (bench) => {
    const { store, other, now } = bench
    const version = await added(bench, 'k', 'one', ['t'])
    await bench.advance(minuteMs - 1)
    await assertHas(store, 'k', 'one', version)
    await assertHas(other, 'k', 'one', version)
    assert.equal((await store.listTagged('t')).length, 1)
    await bench.advance(1)
    await assertAbsent(store, 'k')
    await assertAbsent(other, 'k')
    assert.deepEqual(await store.listTagged('t'), [])
    assert.deepEqual(await other.deleteTagged('t'), [])
    assert.equal(store.holds('k', version), false)
    assert.equal(await store.delete('k', version), false)
    assert.equal(await store.delete('k'), false)
    assert.equal(await store.touch('k', now() + minuteMs), false)
    assert.equal(await store.replace('k', version, bytes('two'), now() + minuteMs), undefined)
    await added(bench, 'k', 'two')
    assert.deepEqual(await store.listTagged('t'), [], 'the tags went with the expired record')
  })
}

/** What a value and a key may be. */
export function declareSizeTests(test: Declare): void {
  const everyByte = Uint8Array.from({ length: 256 }, (_, index) => index)
  const large = Uint8Array.from({ length: 2 ** 20 }, (_, index) => (index * 31) % 251)
  const values = [
    ['no bytes', new Uint8Array(0)],
    ['every byte', everyByte],
    ['a megabyte', large],
  ] as const
  for (const [name, value] of values) {
    test(`values: ${name}`, async ({ store, other, now }) => {
      const version = await store.add('k', { value, expiresAtMs: now() + minuteMs, tags: ['t'] })
      assert.ok(version !== undefined)
      assert.deepEqual([...((await other.get('k'))?.value ?? bytes('absent'))], [...value])
      assert.deepEqual([...((await other.listTagged('t'))[0]?.value ?? bytes('absent'))], [...value])
      assert.ok((await other.replace('k', version, bytes('small'), now() + minuteMs)) !== undefined)
      const small = await store.get('k')
      assert.ok((await other.replace('k', small?.version ?? 0, value, now() + minuteMs)) !== undefined)
      assert.deepEqual([...((await store.get('k'))?.value ?? bytes('absent'))], [...value])
    })
  }

  test('values: neither what was given nor what was got can change what is kept', async (bench) => {
    const given = bytes('aaaa')
    const version = await bench.store.add('k', { value: given, expiresAtMs: bench.now() + minuteMs, tags: ['t'] })
    given.fill(0x62)
    await assertHas(bench.store, 'k', 'aaaa', version ?? 0)
    ;(await bench.store.get('k'))?.value.fill(0x63)
    ;(await bench.store.listTagged('t'))[0]?.value.fill(0x64)
    await assertHas(bench.store, 'k', 'aaaa', version ?? 0)
    const replacement = bytes('eeee')
    const next = await bench.store.replace('k', version ?? 0, replacement, bench.now() + minuteMs)
    replacement.fill(0x66)
    await assertHas(bench.store, 'k', 'eeee', next ?? 0)
  })

  test('values: a view into a larger buffer, and a Buffer', async (bench) => {
    const view = new Uint8Array(bytes('--inside--').buffer, 2, 6)
    const version = await bench.store.add('view', { value: view, expiresAtMs: bench.now() + minuteMs })
    await assertHas(bench.other, 'view', 'inside', version ?? 0)
    const next = await bench.store.replace('view', version ?? 0, Buffer.from('buffer'), bench.now() + minuteMs)
    await assertHas(bench.other, 'view', 'buffer', next ?? 0)
  })

  test('keys and tags: any printable ASCII, up to 200 characters, and each one itself', async (bench) => {
    const printable = Array.from({ length: 95 }, (_, index) => String.fromCharCode(0x20 + index)).join('')
    const long = 'k'.repeat(200)
    const keys = [
      printable,
      long,
      `${long.slice(1)}K`,
      long.toUpperCase(),
      '*',
      '%',
      '_',
      '__proto__',
      "';drop table record;--",
      'a:b',
      'a',
    ]
    for (const key of keys) await added(bench, key, `value of ${key}`, [key])
    for (const near of ['A', 'a:', 'a ', ' a', long.slice(1)]) await assertAbsent(bench.other, near)
    for (const key of keys) {
      assert.equal(new TextDecoder().decode((await bench.other.get(key))?.value), `value of ${key}`)
      assert.deepEqual(
        (await bench.other.listTagged(key)).map((record) => record.key),
        [key],
      )
    }
    for (const key of keys) {
      assert.equal(await bench.other.delete(key), true)
      await assertAbsent(bench.store, key)
    }
  })
}
