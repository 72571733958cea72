/** The head of a request or response, as it came. */
export interface MessageHead {
  /** Everything up to the empty line, byte for byte (as latin1). */
  readonly head: string
  readonly startLine: string
  readonly headers: readonly (readonly [name: string, value: string])[]
}

/** Reads a head; lenient on purpose, because it records what others must judge. */
export function parseHead(head: string): MessageHead {
  const [startLine = '', ...lines] = head.split(/\r?\n/)
  const headers = lines
    .filter((line) => line !== '')
    .map((line): readonly [string, string] => {
      const colon = line.indexOf(':')
      return colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1).trim()]
    })
  return { head, startLine, headers }
}

/** All values of a field, in order. */
export function fieldValues(message: MessageHead, name: string): string[] {
  return message.headers.filter(([field]) => field.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
}

/** The value of a field, several joined by commas; `undefined` where it is missing. */
export function fieldValue(message: MessageHead, name: string): string | undefined {
  const values = fieldValues(message, name)
  return values.length === 0 ? undefined : values.join(', ')
}

/** How a body ends: after so many bytes, with the last chunk, or with the connection. */
export type Framing = { readonly length: number } | 'chunked' | 'until-close'

/** A body that may be complete, and how many bytes of the input belong to it. */
export interface BodyReading {
  readonly body: Buffer
  readonly used: number
  readonly complete: boolean
}

/** Reads as much of a body as is there. */
export function readBody(bytes: Buffer, framing: Framing): BodyReading {
  if (framing === 'until-close') return { body: bytes, used: bytes.length, complete: false }
  if (framing !== 'chunked') {
    const body = bytes.subarray(0, framing.length)
    return { body, used: body.length, complete: body.length === framing.length }
  }
  const parts: Buffer[] = []
  let at = 0
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return { body: Buffer.concat(parts), used: bytes.length, complete: false }
    const size = Number.parseInt(bytes.subarray(at, lineEnd).toString('latin1'), 16)
    at = lineEnd + 2
    if (size === 0) {
      const end = endOfTrailers(bytes, at)
      return { body: Buffer.concat(parts), used: end ?? bytes.length, complete: end !== undefined }
    }
    if (Number.isNaN(size) || bytes.length < at + size + 2) {
      parts.push(bytes.subarray(at, at + (size || 0)))
      return { body: Buffer.concat(parts), used: bytes.length, complete: false }
    }
    parts.push(bytes.subarray(at, at + size))
    at += size + 2
  }
}

function endOfTrailers(bytes: Buffer, from: number): number | undefined {
  if (bytes.subarray(from, from + 2).toString('latin1') === '\r\n') return from + 2
  const end = bytes.indexOf('\r\n\r\n', from)
  return end < 0 ? undefined : end + 4
}
