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
    if (!isNamed(other, name)) continue
    const value = rawHeaders[at + 1] ?? ''
    // RFC 9110 section 5.3; RFC 6265 section 5.4 for cookies, which HTTP/2 may send in several fields.
    found = found === undefined ? value : `${found}${name === 'cookie' ? '; ' : ', '}${value}`
  }
  return found
}

/** Whether a header's name is this one of lower case. Most others differ in length or in their last letter, which costs no new text to see. */
function isNamed(other: string, name: string): boolean {
  const last = name.length - 1
  if (other.length !== name.length || (other.charCodeAt(last) | 0x20) !== (name.charCodeAt(last) | 0x20)) return false
  return other === name || other.toLowerCase() === name
}
