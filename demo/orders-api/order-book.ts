export interface Order {
  readonly id: string
  readonly item: string
  readonly quantity: number
  readonly status: 'received' | 'roasting' | 'shipped'
  /** ISO 8601. */
  readonly placedAt: string
}

/** What can be ordered. */
export const items = ['Harbour Espresso', 'Slow Morning Filter', 'Night Shift Decaf', 'Single Farm Huila'] as const

const seed: ReadonlyArray<
  readonly [owner: string, item: (typeof items)[number], quantity: number, status: Order['status'], daysAgo: number]
> = [
  ['ada', 'Harbour Espresso', 4, 'shipped', 9],
  ['ben', 'Night Shift Decaf', 1, 'shipped', 7],
  ['ada', 'Single Farm Huila', 2, 'roasting', 2],
  ['ben', 'Slow Morning Filter', 3, 'received', 1],
]

/** Everybody's orders, in memory. Each method takes the caller's subject first and reaches that user's orders only. */
export interface OrderBook {
  list(owner: string): readonly Order[]
  find(owner: string, id: string): Order | undefined
  add(owner: string, item: string, quantity: number): Order
  remove(owner: string, id: string): boolean
}

export function createOrderBook(now: () => number = Date.now): OrderBook {
  const orders = new Map<string, { owner: string; order: Order }>()
  let lastNumber = 1040
  const place = (owner: string, item: string, quantity: number, status: Order['status'], placedAtMs: number) => {
    const order: Order = { id: String(++lastNumber), item, quantity, status, placedAt: new Date(placedAtMs).toISOString() }
    orders.set(order.id, { owner, order })
    return order
  }
  for (const [owner, item, quantity, status, daysAgo] of seed) place(owner, item, quantity, status, now() - daysAgo * 86_400_000)

  // Order numbers are easy to guess, so the owner is part of every look-up and not a check that could be forgotten.
  const owned = (owner: string, id: string) => {
    const entry = orders.get(id)
    return entry?.owner === owner ? entry.order : undefined
  }
  return {
    list: (owner) =>
      [...orders.values()]
        .filter((entry) => entry.owner === owner)
        .map((entry) => entry.order)
        .reverse(),
    find: owned,
    add: (owner, item, quantity) => place(owner, item, quantity, 'received', now()),
    remove: (owner, id) => owned(owner, id) !== undefined && orders.delete(id),
  }
}
