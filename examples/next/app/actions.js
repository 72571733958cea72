'use server'

import { revalidatePath } from 'next/cache'
import { headers } from 'next/headers'
import { bff } from '../lib/bff.js'

export async function placeOrder(form) {
  const request = await headers()
  // An action can be posted to by any page: the form's token proves that this app made the request.
  bff.guard(request, { csrfToken: form.get('_csrf') })
  const response = await bff.fetch(request, '/api/orders', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ item: form.get('item') }),
  })
  if (!response.ok) throw new Error(`the order was not taken: ${response.status}`)
  revalidatePath('/')
}
