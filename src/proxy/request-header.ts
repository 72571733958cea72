import type { IncomingMessage } from 'node:http'

/**
 * A header of a request by its name in lower case, as it is judged: one that is repeated is joined, so that it equals nothing.
 * Reads the raw list, because Node makes an object of all headers, at three microseconds, when `req.headers` is first asked.
 */
export function headerOf(req: Pick<IncomingMessage, 'rawHeaders'>, name: string): string | undefined {
  const { rawHeaders } = req
  let found: string | undefined
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const other = rawHeaders[at] ?? ''
    if (other.length !== name.length || (other !== name && other.toLowerCase() !== name)) continue
    const value = rawHeaders[at + 1] ?? ''
    // RFC 9110 section 5.3; RFC 6265 section 5.4 for cookies, which HTTP/2 may send in several fields.
    found = found === undefined ? value : `${found}${name === 'cookie' ? '; ' : ', '}${value}`
  }
  return found
}
