/** Longer paths are refused, never cut. */
export const longestReturnTo = 2048

export function isOverlong(value: string): boolean {
  return value.length > longestReturnTo
}

/**
 * Where a login ends: a path of our own origin with its query and fragment; everything else is `/`.
 *
 * Do not replace this by `new URL(value, origin).origin === origin`: a browser that gets the path in a Location header,
 * a proxy that decodes it, or a template that joins it to the origin reads it again, and `//evil`, `/\evil`, tabs and
 * newlines inside, and encoded forms of these have all passed such checks (CVE-2020-5233, CVE-2021-43812). So only
 * text that has one reading is let through.
 */
export function readReturnTo(value: string | null | undefined): string {
  if (value === null || value === undefined || isOverlong(value)) return '/'
  if (!value.startsWith('/')) return '/'
  const text = percentEncodeNonAscii(value)
  // Whitespace and control characters are dropped or turned by URL parsers; a backslash is a slash to them.
  if (text === undefined || /[\x00-\x20\x7f\\]/.test(text)) return '/'
  const path = text.split(/[?#]/, 1)[0] ?? ''
  if (!isPlainPath(path)) return '/'
  return text
}

/** No empty, dot or encoded-slash segments, however often the path is decoded. */
function isPlainPath(path: string): boolean {
  let reading = path
  for (let round = 0; round < 3; round += 1) {
    if (/\/\/|\\|[\x00-\x1f\x7f]/.test(reading)) return false
    if (reading.split('/').some((segment) => /^\.{1,2}(;|$)/.test(segment))) return false
    const decoded = decode(reading)
    if (decoded === undefined || decoded === reading) return true
    if (decoded.split('/').length !== reading.split('/').length) return false
    reading = decoded
  }
  return false
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function percentEncodeNonAscii(text: string): string | undefined {
  try {
    return text.replace(/[^\x00-\x7f]+/g, (run) => encodeURIComponent(run))
  } catch {
    // A lone surrogate has no encoding.
    return undefined
  }
}
