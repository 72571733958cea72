import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'

export const endpoints = ['authorize', 'token', 'userinfo', 'jwks', 'discovery', 'revoke', 'end_session', 'par'] as const
export type Endpoint = (typeof endpoints)[number]

/** What the client used to authenticate with, as it came; not yet judged. */
export interface ClientCredentials {
  readonly method: 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt' | 'none'
  readonly id: string
  readonly secret: string | undefined
}

/** One request as the provider saw it. */
export interface ProviderCall {
  readonly endpoint: Endpoint
  readonly method: string
  readonly url: URL
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** The form of a POST, or the query of a GET. */
  readonly form: URLSearchParams
  readonly client: ClientCredentials
  readonly atMs: number
}

/** What the provider answers. */
export interface Answer {
  readonly status?: number
  readonly headers?: Record<string, string | string[]>
  /** Text or bytes as they are; anything else becomes JSON. */
  readonly body?: unknown
}

/** A scripted answer: fields replace those of the default answer; a function decides everything. */
export type Script =
  | ScriptedAnswer
  | ((call: ProviderCall, byDefault: () => Promise<Answer>) => Answer | ScriptedAnswer | Promise<Answer | ScriptedAnswer>)

export interface ScriptedAnswer extends Answer {
  /** Wait this long before anything else. */
  readonly delayMs?: number
  /** `before`: reset the connection and do nothing. `after`: do the work, then reset, so that the answer is lost. */
  readonly reset?: 'before' | 'after'
  /** Never answer. */
  readonly hang?: boolean
}

/** Reads a request whole. */
export async function readCall(
  endpoint: Endpoint,
  request: IncomingMessage,
  issuer: string,
  atMs: number,
): Promise<ProviderCall> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  const body = Buffer.concat(chunks).toString()
  const url = new URL(request.url ?? '/', issuer)
  const isForm =
    request.method === 'POST' && (request.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded')
  const form = isForm ? new URLSearchParams(body) : url.searchParams
  return {
    endpoint,
    method: request.method ?? '',
    url,
    headers: request.headers,
    body,
    form,
    client: credentials(request.headers, form),
    atMs,
  }
}

/** Does what a script says, and gives the answer up where the script says so. */
export async function perform(
  script: Script | undefined,
  call: ProviderCall,
  response: ServerResponse,
  work: () => Promise<Answer>,
): Promise<void> {
  const said = typeof script === 'function' ? await script(call, work) : script
  // A function has decided everything: what it leaves out is not filled in from the default answer.
  const decided = typeof script === 'function'
  const scripted: ScriptedAnswer = said ?? {}
  if (scripted.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, scripted.delayMs))
  if (scripted.hang === true) return
  if (scripted.reset === 'before') return void response.socket?.resetAndDestroy()
  const needsDefault = !decided && (scripted.reset === 'after' || (scripted.status === undefined && scripted.body === undefined))
  const answer = needsDefault ? { ...(await work()), ...definedOnly(scripted) } : scripted
  if (scripted.reset === 'after') return void response.socket?.resetAndDestroy()
  send(response, answer)
}

function send(response: ServerResponse, answer: Answer): void {
  if (response.destroyed) return
  const { body } = answer
  const isRaw = typeof body === 'string' || body instanceof Uint8Array
  if (!isRaw && body !== undefined) response.setHeader('content-type', 'application/json')
  response.setHeader('cache-control', 'no-store')
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value)
  response.statusCode = answer.status ?? 200
  response.end(isRaw ? body : body === undefined ? undefined : JSON.stringify(body))
}

function credentials(headers: IncomingHttpHeaders, form: URLSearchParams): ClientCredentials {
  const basic = /^Basic (.+)$/i.exec(headers.authorization ?? '')?.[1]
  if (basic !== undefined) {
    const [id = '', secret = ''] = Buffer.from(basic, 'base64').toString().split(':')
    return { method: 'client_secret_basic', id: formDecode(id), secret: formDecode(secret) }
  }
  const id = form.get('client_id') ?? ''
  if (form.has('client_secret')) return { method: 'client_secret_post', id, secret: form.get('client_secret') ?? '' }
  if (form.has('client_assertion')) return { method: 'private_key_jwt', id, secret: form.get('client_assertion') ?? '' }
  return { method: 'none', id, secret: undefined }
}

// RFC 6749 section 2.3.1: id and secret are form-encoded before they are joined.
function formDecode(text: string): string {
  return decodeURIComponent(text.replaceAll('+', '%20'))
}

function definedOnly(answer: Answer): Answer {
  return Object.fromEntries(Object.entries(answer).filter(([, value]) => value !== undefined))
}
