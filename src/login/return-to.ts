import { readPath } from '../config/path-reading.ts'

/** Longer paths are refused, never cut. In characters as they are sent, so that the login cookie has room for it. */
export const longestReturnTo = 2048

export function isOverlong(value: string): boolean {
  return value.length > longestReturnTo || (encodeLoose(value)?.length ?? 0) > longestReturnTo
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
  if (value === null || value === undefined || !value.startsWith('/') || isOverlong(value)) return '/'
  const text = encodeLoose(value)
  // Control characters are dropped by URL parsers, and a backslash is a slash to them.
  if (text === undefined || /[^\x21-\x7e]|\\/.test(text)) return '/'
  const path = text.split(/[?#]/, 1)[0] ?? ''
  return typeof readPath(path) === 'string' ? text : '/'
}

/** Spaces and non-ASCII characters as a browser would send them. */
function encodeLoose(text: string): string | undefined {
  try {
    return text.replace(/[^\x00-\x1f\x21-\x7f]+/g, (run) => encodeURIComponent(run))
  } catch {
    // A lone surrogate has no encoding.
    return undefined
  }
}
