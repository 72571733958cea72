import { useEffect, useState } from 'react'
import { addOrder, listOrders } from './api'
import type { Order } from './api'

export function Orders() {
  const [orders, setOrders] = useState<Order[]>([])
  const [problem, setProblem] = useState('')

  useEffect(() => {
    listOrders().then(setOrders, (error: Error) => setProblem(error.message))
  }, [])

  const add = () =>
    addOrder('espresso').then(
      (order) => setOrders((known) => [...known, order]),
      (error: Error) => setProblem(error.message),
    )

  return (
    <section>
      <h2>Orders</h2>
      {problem && <p role="alert">{problem}</p>}
      <ul id="orders">
        {orders.map(({ id, item }) => (
          <li key={id}>{item}</li>
        ))}
      </ul>
      <button onClick={() => void add()}>Order an espresso</button>
    </section>
  )
}
