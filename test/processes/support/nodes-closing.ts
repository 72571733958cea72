import { setTimeout as delay } from 'node:timers/promises'
import { deferred } from '../../support/deferred.ts'
import type { NodeClient, SignedIn } from './nodes-client.ts'
import { percentile } from './nodes-deployment.ts'

/** What one closing of a session came to; times from the sending of the request that closes. */
export interface Closing {
  /** Until it was answered. */
  readonly answeredMs: number
  /** Until every node had refused a call; where calls raced. */
  readonly refusedMs: number | undefined
  /** Until every node had ended its stream. */
  readonly streamEndedMs: number
  /** Calls that were sent after the answer had come, and accepted nevertheless. */
  readonly acceptedLate: number
  readonly accepted: number
}

/**
 * Closes a session by `close`, while a stream of it is open on every node and, with `races`, calls of it race. Without them
 * it is the nodes alone that have to notice.
 */
export async function closeUnderLoad(
  clients: readonly NodeClient[],
  session: SignedIn,
  races: boolean,
  close: () => Promise<void>,
): Promise<Closing> {
  const { id } = session
  const streams = await Promise.all(clients.map((client) => client.stream('/api/events', { id })))
  const racing = races ? clients.map((client) => new Race(client, id)) : []
  await Promise.all(racing.map(({ begun }) => begun))
  const sentAtMs = performance.now()
  await close()
  const answeredAtMs = performance.now()
  const refusedAtMs = await Promise.all(racing.map((race) => race.refusedAtMs))
  const endings = await Promise.all(streams.map(({ endedAtMs }) => endedAtMs))
  const acceptedAtMs = racing.flatMap((race) => race.acceptedAtMs)
  return {
    answeredMs: answeredAtMs - sentAtMs,
    refusedMs: races ? Math.max(...refusedAtMs) - sentAtMs : undefined,
    streamEndedMs: Math.max(...endings) - sentAtMs,
    acceptedLate: acceptedAtMs.filter((atMs) => atMs > answeredAtMs).length,
    accepted: acceptedAtMs.length,
  }
}

/** Calls one after another, until one is refused. */
class Race {
  readonly begun: Promise<void>
  readonly refusedAtMs: Promise<number>
  /** When each accepted call was sent. */
  readonly acceptedAtMs: number[] = []

  constructor(client: NodeClient, id: string) {
    const begun = deferred()
    this.begun = begun.promise
    this.refusedAtMs = this.#run(client, id, begun.resolve)
  }

  async #run(client: NodeClient, id: string, onFirst: () => void): Promise<number> {
    for (;;) {
      const sentAtMs = performance.now()
      const { status } = await client.call('/api/hello', { id })
      if (status === 401) return performance.now()
      if (status !== 200) throw new Error(`a racing call was answered with ${status}`)
      this.acceptedAtMs.push(sentAtMs)
      onFirst()
      // Four nodes, their store and this process share a few cores: without a pause, it is the queue for them that is measured.
      await delay(2)
    }
  }
}

/** In words, for the log of the run. */
export function describeClosings(closings: readonly Closing[]): string {
  const spread = (values: readonly number[]) =>
    `p50 ${percentile(values, 50).toFixed(1)}, p99 ${percentile(values, 99).toFixed(1)}, max ${Math.max(...values).toFixed(1)} ms`
  const raced = closings.filter(({ refusedMs }) => refusedMs !== undefined)
  const silent = closings.filter(({ refusedMs }) => refusedMs === undefined)
  return [
    `answer: ${spread(closings.map(({ answeredMs }) => answeredMs))}`,
    `last refusal of a call: ${spread(raced.map(({ refusedMs = 0 }) => refusedMs))}`,
    `last end of a stream with calls: ${spread(raced.map(({ streamEndedMs }) => streamEndedMs))}`,
    `and without: ${spread(silent.map(({ streamEndedMs }) => streamEndedMs))}`,
    `${sumOf(raced, 'accepted')} calls accepted before, ${sumOf(raced, 'acceptedLate')} after the answer`,
  ].join('\n  ')
}

export function sumOf(closings: readonly Closing[], what: 'accepted' | 'acceptedLate'): number {
  return closings.reduce((sum, closing) => sum + closing[what], 0)
}
