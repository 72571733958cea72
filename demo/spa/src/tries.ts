import { call, textOf } from './calls.ts'
import type { Answer } from './calls.ts'
import { searchForTokens } from './held.ts'

/** How an attempt went: `good` is good for the user, not for the attacker. */
export interface Outcome {
  readonly kind: 'good' | 'bad'
  readonly text: string
}

/** Attempts that an injected script or another site could make. `ownIds` are the orders that may be read. */
export const tries: Readonly<Record<string, (ownIds: readonly string[]) => Promise<Outcome>>> = {
  async token() {
    const { characters, found } = await searchForTokens()
    if (found.length > 0) return { kind: 'bad', text: `There is something like a token in ${found.join(' and ')}.` }
    return {
      kind: 'good',
      text: `Searched ${characters.toLocaleString('en')} characters of cookies, storage, page, addresses and answers: no token.`,
    }
  },

  async csrf() {
    const order = {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ item: 'Harbour Espresso', quantity: 99 }),
    }
    const answer = await call('/api/orders', order, fetch)
    if (answer.kind === 'refused' && answer.code === 'csrf_failed') {
      return { kind: 'good', text: `Coatcheck answered 403 csrf_failed. The API never saw the request.` }
    }
    return surprise(answer)
  },

  async foreign(ownIds) {
    const foreign = ['1041', '1042'].find((id) => !ownIds.includes(id)) ?? '1043'
    const answer = await call(`/api/orders/${foreign}`)
    if (answer.kind === 'refused' && answer.status === 404)
      return { kind: 'good', text: `Order ${foreign}: the API answered 404. ${answer.detail}` }
    return surprise(answer)
  },

  async bring() {
    const token = `${btoa('{"alg":"none" }')}.${btoa('{"sub":"admin"}')}.`
    const answer = await call('/api/whoami', { headers: { Authorization: `Bearer ${token}` } })
    const sub = answer.kind === 'done' ? textOf(answer.body, 'sub') : undefined
    if (sub !== undefined && sub !== 'admin') {
      return { kind: 'good', text: `Coatcheck dropped the header. The API got the session's own token, and it says ${sub}.` }
    }
    return surprise(answer)
  },
}

function surprise(answer: Answer): Outcome {
  const status = 'status' in answer ? String(answer.status) : answer.kind
  return { kind: 'bad', text: `Unexpected: the answer was ${status}.` }
}
