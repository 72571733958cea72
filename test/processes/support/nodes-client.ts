import { Agent, request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { ScriptedProvider } from '../../support/scripted-provider.ts'
import { app, sessionCookie } from './deployment.ts'

/** An answer as far as measuring needs it. */
export interface NodeAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface NodeCall {
  /** The value of the session cookie. */
  readonly id?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** A stream that is open. */
export interface NodeStream {
  /** Resolves with the moment of its end, whoever ended it. */
  readonly endedAtMs: Promise<number>
  close(): void
}

/** A light client of one gateway process, for more calls than a browser of the test suite keeps in memory. */
export class NodeClient {
  readonly port: number
  readonly #agent = new Agent({ keepAlive: true })

  constructor(port: number) {
    this.port = port
  }

  /** Rejects where the connection is cut or refused. */
  async call(path: string, call: NodeCall = {}): Promise<NodeAnswer> {
    const response = await this.#send(path, call)
    let text = ''
    response.setEncoding('utf8')
    for await (const chunk of response) text += String(chunk)
    return { status: response.statusCode ?? 0, headers: response.headers, text }
  }

  /** Resolves with the first bytes of the stream. */
  async stream(path: string, call: NodeCall): Promise<NodeStream> {
    const response = await this.#send(path, call)
    if (response.statusCode !== 200) throw new Error(`the stream was answered with ${response.statusCode}`)
    const endedAtMs = new Promise<number>((resolve) => response.once('close', () => resolve(performance.now())))
    response.on('error', () => undefined)
    await new Promise((resolve) => response.once('data', resolve))
    return { endedAtMs, close: () => void response.destroy() }
  }

  close(): void {
    this.#agent.destroy()
  }

  #send(path: string, { id, method = 'GET', headers = {}, body }: NodeCall): Promise<IncomingMessage> {
    const session = id === undefined ? {} : { cookie: `${sessionCookie}=${id}`, 'sec-fetch-site': 'same-origin' }
    const all = { host: new URL(app).host, ...session, ...headers }
    return new Promise((resolve, reject) => {
      request({ host: '127.0.0.1', port: this.port, agent: this.#agent, path, method, headers: all }, resolve)
        .once('error', reject)
        .end(body)
    })
  }
}

/** Somebody who is logged in, without a browser. */
export interface SignedIn {
  readonly subject: string
  /** The session id of the provider. */
  readonly providerSessionId: string
  /** The value of the session cookie. */
  readonly id: string
}

/** The whole login: to the provider, back with a code, and the cookie. One at a time, because the provider knows one user. */
export async function signIn(client: NodeClient, provider: ScriptedProvider, subject: string): Promise<SignedIn> {
  provider.users.set(subject, { sub: subject, preferred_username: subject })
  provider.loginAs(subject)
  const providerSessionId = provider.currentUser?.sid ?? ''
  const started = await client.call('/bff/login?returnTo=/api/home')
  const asked = await fetch(started.headers.location ?? '', { redirect: 'manual' })
  await asked.arrayBuffer()
  const back = new URL(asked.headers.get('location') ?? '')
  const cookie = cookiesOf(started).join('; ')
  const done = await client.call(back.pathname + back.search, { headers: { cookie } })
  const id =
    cookiesOf(done)
      .find((pair) => pair.startsWith(`${sessionCookie}=`))
      ?.slice(sessionCookie.length + 1) ?? ''
  if (id === '') throw new Error(`the login of ${subject} failed: ${done.status} ${done.headers.location}`)
  return { subject, providerSessionId, id }
}

function cookiesOf({ headers }: NodeAnswer): string[] {
  return (headers['set-cookie'] ?? []).map((field) => field.split(';')[0] ?? '')
}
