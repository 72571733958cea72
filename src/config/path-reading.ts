/** A path that two servers could read differently, with what is wrong with it in fixed words. */
export interface AmbiguousPath {
  readonly refused: string
}

/** Decodings after which a path must hold still. Servers in a row decode once each; more rounds are an attack. */
const mostRounds = 3

const needsReading = /[%;\\]|\/[/.]/

/**
 * How the most lenient reader takes a path: decoded until nothing changes, cut at `?` and `#`, without `;parameters`, in
 * lower case. Or why there is no saying: what is a separator, a dot segment or a control character in one reading and
 * not in another (CVE-2026-33494, GHSA-3q34-rx83-r6mq). Wants visible ASCII characters only.
 *
 * Do not replace the rounds by a pattern such as `%(25)*2f`: the `25` may itself be encoded, and so may each digit.
 */
export function readPath(path: string): string | AmbiguousPath {
  if (!needsReading.test(path)) return path.toLowerCase()
  if (/%(?![0-9a-f]{2})/i.test(path)) return { refused: 'a malformed percent-encoding' }
  let reading = path
  for (let round = 0; ; round += 1) {
    const refused = readingProblem(reading)
    if (refused !== undefined) return { refused }
    const decoded = decodeOnce(reading)
    if (decoded === reading) break
    if (round === mostRounds) return { refused: 'an encoding of an encoding of an encoding' }
    reading = decoded
  }
  const bare = reading.replace(/[?#].*$/, '').replace(/;[^/]*/g, '')
  // `/;a/b`: without its parameters the segment is empty, and who merges slashes reads `/b`.
  return bare.includes('//') ? { refused: 'an empty segment' } : bare.toLowerCase()
}

function readingProblem(reading: string): string | undefined {
  if (reading.includes('//')) return 'an empty segment'
  if (reading.includes('\\')) return 'a backslash'
  if (/(^|\/)\.\.? *([/;?#]|$)/.test(reading)) return 'a dot segment'
  if (!/[%\x80-\xff]/.test(reading)) return undefined
  if (/%(2f|5c)/i.test(reading)) return 'an encoded slash or backslash'
  if (/%([01][0-9a-f]|7f)/i.test(reading)) return 'an encoded control character'
  // A longer UTF-8 encoding than needed: some decoders make `.` of C0 AE (RFC 3629 section 10).
  if (/[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f]|\xf0[\x80-\x8f]/.test(reading)) return 'an overlong encoding'
  return undefined
}

/** Byte by byte, so that text in any charset is read, and leaving alone what is no encoding, as lenient decoders do. */
function decodeOnce(text: string): string {
  if (!text.includes('%')) return text
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
