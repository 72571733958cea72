import { BffError } from '../errors.ts'
import type { MaybePromise } from '../stores/store.ts'
import type { Endpoint } from '../web.ts'
import type { Open } from './open.ts'
import type { Session } from './session.ts'

export interface EventsOptions {
  readonly sessionOf: (request: Request) => MaybePromise<Session | undefined>
  readonly open: (session: Session, open: Open) => void
  readonly done: (session: Session, open: Open) => void
  /** The session as it is now: its idle end moves with use, here and on other nodes. */
  readonly latest: (session: Session) => MaybePromise<Session | undefined>
  readonly clock: () => number
}

/** `session-expiring` is sent this long before the end. */
const warningMs = 60_000
/** A comment line now and then keeps proxies from closing a silent stream. */
const heartbeatMs = 25_000

/**
 * `GET /bff/events`: tells the page at once when its session ends, and a minute before it will. It says that and why,
 * and nothing else; the page asks `/bff/session` for the rest. An open stream does not slide the idle timer.
 */
export function sessionEvents({ sessionOf, open, done, latest, clock }: EventsOptions): Endpoint {
  return async ({ request }) => {
    if (request.method !== 'GET') throw new BffError('method_not_allowed', { allow: ['GET'] })
    const session = await sessionOf(request)
    if (session === undefined) throw new BffError('session_required', { reason: 'no session' })
    let stop = (): void => undefined
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        let known = session
        let warnedForMs = 0
        const endsAtMs = (): number => Math.min(known.idleExpiresAtMs, known.meta.expiresAtMs)
        const isDue = (): boolean => endsAtMs() - clock() <= warningMs && warnedForMs !== endsAtMs()
        const send = (text: string): void => controller.enqueue(Buffer.from(text))
        const look = async (): Promise<void> => {
          if (!isDue()) return
          known = (await latest(session)) ?? known
          if (!isDue()) return
          warnedForMs = endsAtMs()
          send(`event: session-expiring\ndata: ${JSON.stringify({ expiresAt: new Date(warnedForMs).toISOString() })}\n\n`)
        }
        // An outage is no end of the session: the next look tries again.
        const lookAgain = (): void => void look().catch(() => undefined)
        const ending: Open = {
          slot: -1,
          sessionEnded: (reason) => {
            send(`event: session-ended\ndata: ${JSON.stringify({ reason })}\n\n`)
            stop()
            controller.close()
          },
        }
        const looking = setInterval(lookAgain, 1_000).unref()
        const heartbeat = setInterval(() => send(':\n\n'), heartbeatMs).unref()
        stop = () => {
          clearInterval(looking)
          clearInterval(heartbeat)
          done(session, ending)
        }
        open(session, ending)
        send('retry: 3000\n\n')
        lookAgain()
      },
      cancel: () => stop(),
    })
    return new Response(body, { headers: { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' } })
  }
}
