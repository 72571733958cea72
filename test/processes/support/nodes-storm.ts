import { setTimeout as delay } from 'node:timers/promises'
import type { ScriptedProvider } from '../../support/scripted-provider.ts'
import { decodeClaims } from '../../support/signing.ts'
import type { NodeClient, SignedIn } from './nodes-client.ts'
import { at } from './nodes-deployment.ts'

/** How long the provider takes for a refresh. In the middle of it, it rotates. */
const answerMs = 2_000

/** One refresh as the provider saw it. */
export interface RefreshCall {
  readonly subject: string
  /** By the node that is killed. */
  readonly byVictim: boolean
  /** Whether it was unanswered when that node was killed. */
  isCut: boolean
  isRotated: boolean
  isAnswered: boolean
}

/** A provider that gives out tokens which have expired, and takes its time to renew them. */
export class SlowProvider {
  readonly refreshes: RefreshCall[] = []
  readonly #subjects = new Map<string, string>()

  constructor(provider: ScriptedProvider) {
    provider.override('token', async (call, byDefault) => {
      if (call.form.get('grant_type') === 'authorization_code') {
        const body = Object(this.#noted((await byDefault()).body))
        return { body: { ...body, expires_in: 0 } }
      }
      const byVictim = call.client.method === 'client_secret_post'
      const subject = this.#subjects.get(call.form.get('refresh_token') ?? '') ?? 'nobody'
      const refresh: RefreshCall = { subject, byVictim, isCut: false, isRotated: false, isAnswered: false }
      this.refreshes.push(refresh)
      await delay(answerMs / 2)
      // Whoever has hung up by now gets nothing, and has spent nothing.
      if (refresh.isCut) return { status: 503 }
      const answer = await byDefault()
      refresh.isRotated = answer.status === undefined
      this.#noted(answer.body)
      await delay(answerMs / 2)
      refresh.isAnswered = true
      return answer
    })
  }

  /** To be called at the moment of the kill. */
  cut(): void {
    for (const refresh of this.refreshes) if (refresh.byVictim && !refresh.isAnswered) refresh.isCut = true
  }

  #noted(body: unknown): unknown {
    const { refresh_token: token, id_token: idToken } = Object(body)
    if (token !== undefined) this.#subjects.set(String(token), String(decodeClaims(String(idToken))['sub']))
    return body
  }
}

/** What became of the calls of one session. */
export interface StormResult {
  readonly session: SignedIn
  readonly statuses: readonly number[]
}

export interface Storm {
  readonly clients: readonly NodeClient[]
  readonly sessions: readonly SignedIn[]
  readonly callsEach: number
  /** Between the first calls of one session and those of the next. */
  readonly everyMs: number
  /** Called when half of the sessions have begun. */
  readonly atHalf: () => Promise<void>
}

/** Parallel calls of each session, spread over all nodes. A call whose connection is cut goes to the next node, as browsers do. */
export async function storm({ clients, sessions, callsEach, everyMs, atHalf }: Storm): Promise<StormResult[]> {
  const running: Promise<StormResult>[] = []
  let half: Promise<void> | undefined
  for (const [index, session] of sessions.entries()) {
    const calls = Array.from({ length: callsEach }, (_, call) => callSomewhere(clients, index + call, session.id))
    running.push(Promise.all(calls).then((statuses) => ({ session, statuses })))
    if (index >= sessions.length / 2) half ??= atHalf()
    await delay(everyMs)
  }
  await half
  return Promise.all(running)
}

async function callSomewhere(clients: readonly NodeClient[], first: number, id: string): Promise<number> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return (await at(clients, first + attempt).call(`/api/${first}`, { id })).status
    } catch (error) {
      if (attempt === clients.length) throw error
    }
  }
}
