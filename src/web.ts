import type { Logger } from './log.ts'

/** One request of the web lane, with what the listener knows about it. */
export interface WebCall {
  readonly request: Request
  /** The request's path and query on our own origin: never a host that the client named. */
  readonly url: URL
  readonly requestId: string
  readonly clientAddress: string
  readonly log: Logger
  /** The fields of an urlencoded body; `undefined` where the body is something else or absent. */
  readonly form: URLSearchParams | undefined
}

/** An endpoint of the web lane. */
export type Endpoint = (call: WebCall) => Promise<Response>

/** A redirect that a POST may be answered with too (RFC 9110 section 15.4.4). */
export function seeOther(
  location: string,
  cookies: readonly string[] = [],
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(null, { status: 303, headers: withCookies({ location, ...headers }, cookies) })
}

export function json(body: unknown, cookies: readonly string[] = [], headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(body), {
    status: 200,
    headers: withCookies({ 'content-type': 'application/json', ...headers }, cookies),
  })
}

export function html(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(body, { status, headers: { 'content-type': 'text/html; charset=utf-8', ...headers } })
}

/** Text for HTML, wherever it stands. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
}

function withCookies(headers: Readonly<Record<string, string>>, cookies: readonly string[]): Headers {
  const all = new Headers(headers)
  for (const cookie of cookies) all.append('set-cookie', cookie)
  return all
}
