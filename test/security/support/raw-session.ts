import { setTimeout as delay } from 'node:timers/promises'
import type { RawConnection, RawResponse } from '../../support/raw-client.ts'
import type { HostileScene } from './hostile-case.ts'

/** Header lines of a logged-in page's own calls, for raw clients. */
export interface RawSession {
  readonly cookie: string
  /** The session cookie and Fetch Metadata, as a safe call of the page has them. */
  readonly lines: string[]
  /** With the proof that an unsafe method needs. */
  readonly unsafe: string[]
  readonly csrfToken: string
}

/** Logs a browser in and gives what its calls carry. */
export async function rawSession(scene: HostileScene, csrfMode: 'token' | 'header' | 'origin' = 'token'): Promise<RawSession> {
  const user = scene.internet.browser({ csrfMode })
  await user.login(scene.internet.app)
  const csrfToken = String((await user.session())['csrfToken'])
  const cookie = scene.cookieLine(user)
  const lines = [cookie, 'Sec-Fetch-Site: same-origin']
  return { cookie, lines, csrfToken, unsafe: [...lines, `Origin: ${scene.internet.app.url}`, `X-CSRF-Token: ${csrfToken}`] }
}

/** Longer than any answer here takes: what the gateway has not said by then it does not say. */
const patienceMs = 700

/** Every answer that comes until the gateway ends the connection, or has nothing more to say. Our side is not ended before. */
export async function answersUntilEnd(connection: RawConnection): Promise<RawResponse[]> {
  await Promise.race([connection.closed, delay(patienceMs)])
  connection.halfClose()
  const answers: RawResponse[] = []
  for (;;) {
    try {
      answers.push(await connection.response())
    } catch {
      return answers
    }
  }
}
