import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Slots, type Slotted } from './slots.ts'

test('holds what a Set would hold, whatever comes and goes', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(9)), { maxLength: 60 }), (steps) => {
      const items: Slotted[] = Array.from({ length: 10 }, () => ({ slot: -1 }))
      const slots = new Slots()
      const set = new Set<Slotted>()
      for (const [isComing, index] of steps) {
        const item = items[index]
        if (item === undefined) continue
        if (!isComing) slots.delete(item)
        else if (!set.has(item)) slots.add(item)
        if (isComing) set.add(item)
        else set.delete(item)
        expect(slots.size).toBe(set.size)
        expect(new Set(slots.all())).toEqual(set)
      }
    }),
  )
})

test('an item of another list is left where it is', () => {
  const [one, other] = [new Slots(), new Slots()]
  const [item, neighbour] = [{ slot: -1 }, { slot: -1 }]
  one.add(item)
  other.add(neighbour)
  other.delete(item)
  expect([one.all(), other.all()]).toEqual([[item], [neighbour]])
})
