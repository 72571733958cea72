import { STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { TokenFilter } from './token-filter.ts'
import type { UpstreamCall } from './upstream-call.ts'

/** The flat head of a handshake towards the upstream: what belongs to the handshake comes from the client's. */
export function requestHead(req: IncomingMessage, target: URL, headers: readonly string[]): string[] {
  const flat = ['Host', target.host]
  addExcept(flat, headers, /^(host|connection|upgrade|sec-websocket-.*)$/i)
  flat.push('Connection', 'Upgrade', 'Upgrade', 'websocket', 'Sec-WebSocket-Version', '13')
  addNamed(flat, req, ['Sec-WebSocket-Key', 'Sec-WebSocket-Protocol', 'Sec-WebSocket-Extensions'])
  return flat
}

/** The bytes of the head for the client; `token` where it carries one, undefined where it may not be passed on. */
export function responseHead(
  {
    responseHeaders,
    filter,
  }: { readonly responseHeaders: UpstreamCall['responseHeaders']; readonly filter?: TokenFilter | undefined },
  status: number,
  response: IncomingMessage,
  bodyBytes: number,
): Buffer | 'token' | undefined {
  try {
    const passed = responseHeaders(status, response.rawHeaders)
    if (!Array.isArray(passed)) return undefined
    const flat: string[] = []
    addExcept(flat, passed, /^(connection|upgrade|content-length|transfer-encoding|trailer|sec-websocket-.*)$/i)
    if (status === 101) {
      flat.push('Connection', 'Upgrade', 'Upgrade', 'websocket')
      addNamed(flat, response, ['Sec-WebSocket-Accept', 'Sec-WebSocket-Protocol', 'Sec-WebSocket-Extensions'])
    } else flat.push('Connection', 'close', 'Content-Length', String(bodyBytes))
    return filter?.inHeaders(flat) === true ? 'token' : headBytes(status, flat)
  } catch {
    // The caller refused by throwing, or a name or value would not be one header field.
    return undefined
  }
}

function headBytes(status: number, flat: readonly string[]): Buffer {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index] ?? ''
    const value = flat[index + 1] ?? ''
    validateHeaderName(name)
    validateHeaderValue(name, value)
    text += `${name}: ${value}\r\n`
  }
  return Buffer.from(`${text}\r\n`, 'latin1')
}

function addNamed(flat: string[], { headers }: IncomingMessage, names: readonly string[]): void {
  for (const name of names) {
    const value = headers[name.toLowerCase()]
    if (typeof value === 'string') flat.push(name, value)
  }
}

function addExcept(flat: string[], headers: readonly string[], except: RegExp): void {
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? ''
    if (!except.test(name)) flat.push(name, headers[index + 1] ?? '')
  }
}
