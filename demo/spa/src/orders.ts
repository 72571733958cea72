import { call, memberOf, textOf } from './calls.ts'
import type { Answer } from './calls.ts'
import { element, make } from './elements.ts'

export interface Order {
  readonly id: string
  readonly item: string
  readonly quantity: number
  readonly status: string
  readonly placedAt: string
}

export const listOrders = (): Promise<Answer> => call('/api/orders')

export function createOrder(item: string, quantity: number): Promise<Answer> {
  return call('/api/orders', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ item, quantity }),
  })
}

export function cancelOrder(id: string): Promise<Answer> {
  return call(`/api/orders/${encodeURIComponent(id)}`, { method: 'DELETE' })
}

export function readOrders(body: unknown): readonly Order[] {
  const orders = memberOf(body, 'orders')
  return Array.isArray(orders) ? orders.map(readOrder) : []
}

function readOrder(body: unknown): Order {
  return {
    id: textOf(body, 'id') ?? '',
    item: textOf(body, 'item') ?? '',
    quantity: Number(memberOf(body, 'quantity')),
    status: textOf(body, 'status') ?? '',
    placedAt: textOf(body, 'placedAt') ?? '',
  }
}

const dateFormat = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short' })

/** Draws the list. `cancel` is called with the order whose button was pressed. */
export function showOrders(orders: readonly Order[], cancel: (order: Order) => void): void {
  const list = element('orders', HTMLDivElement)
  if (orders.length === 0) {
    list.replaceChildren(make('p', { className: 'empty', textContent: 'No orders yet. Place the first one below.' }))
    return
  }
  list.replaceChildren(
    ...orders.map((order) => {
      const bags = order.quantity === 1 ? '1 bag' : `${order.quantity} bags`
      const meta = `No. ${order.id} · ${bags} · ${dateFormat.format(new Date(order.placedAt))}`
      const status = make('span', { className: 'status', textContent: order.status })
      status.dataset['status'] = order.status
      const button = make('button', { className: 'quiet small', textContent: 'Cancel' })
      button.type = 'button'
      button.setAttribute('aria-label', `Cancel order ${order.id}, ${order.item}`)
      button.addEventListener('click', () => cancel(order))
      const text = make('div', {}, make('b', { textContent: order.item }), make('span', { className: 'meta', textContent: meta }))
      return make('div', { className: 'order' }, text, status, button)
    }),
  )
}

/** Fills the choice of coffees with what the API sells, once. */
export function showItems(body: unknown): void {
  const select = element('order-item', HTMLSelectElement)
  const items = memberOf(body, 'items')
  if (select.options.length > 0 || !Array.isArray(items)) return
  select.replaceChildren(...items.map((item) => new Option(String(item))))
}
