import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http'

/** What came back, or why nothing did. */
export interface Reply {
  /** 0 where there was no answer, or only a part of one. */
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** The error of the connection where `status` is 0. */
  readonly trouble: string | undefined
  /** Whether the head of an answer came and its body did not. */
  readonly cutShort: boolean
  /** How often a balancer passed the request on to another node. */
  readonly passedOn: number
}

export interface Ask {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** No request waits longer: longer than every deadline of the gateway under test. */
const patienceMs = 12_000

/** Keeps connections, as a balancer does. */
export class Client {
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: 64 })

  /** One request to one port. */
  ask(port: number, { method = 'GET', path, headers = {}, body }: Ask): Promise<Reply> {
    return new Promise((resolve) => {
      const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
      let head: { readonly headers: IncomingHttpHeaders } | undefined
      const fail = (trouble: string) =>
        resolve({ status: 0, headers: head?.headers ?? {}, body: '', trouble, cutShort: head !== undefined, passedOn: 0 })
      const request = httpRequest(
        { host: '127.0.0.1', port, method, path, agent: this.#agent, headers: { host: 'app.test', ...headers, ...length } },
        (response) => {
          head = response
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', () => fail('cut short'))
          response.on('end', () => {
            clearTimeout(timer)
            const text = Buffer.concat(chunks).toString()
            const { statusCode: status = 0, headers: received } = response
            resolve({ status, headers: received, body: text, trouble: undefined, cutShort: false, passedOn: 0 })
          })
        },
      )
      const timer = setTimeout(() => request.destroy(new Error('no answer')), patienceMs)
      request.on('error', (error: Error & { code?: string }) => {
        clearTimeout(timer)
        fail(error.code ?? error.message)
      })
      request.end(body)
    })
  }

  /** As a balancer sends it: to the next node where the first one took nothing, or broke off before it answered. */
  async askAny(ports: readonly number[], ask: Ask): Promise<Reply> {
    let reply: Reply | undefined
    for (const [index, port] of ports.entries()) {
      reply = { ...(await this.ask(port, ask)), passedOn: index }
      const isRepeatable = ask.method === undefined || ask.method === 'GET'
      if (reply.status !== 0 || reply.cutShort || reply.trouble === 'no answer' || !isRepeatable) return reply
    }
    if (reply === undefined) throw new Error('there is no node')
    return reply
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** The values that an answer's Set-Cookie lines give, by name; an empty value is a deletion. */
export function cookiesOf(reply: Reply): ReadonlyMap<string, string> {
  const pairs = (reply.headers['set-cookie'] ?? []).map((line) => (line.split(';')[0] ?? '').split('='))
  return new Map(pairs.map(([name = '', value = '']) => [name, value]))
}
