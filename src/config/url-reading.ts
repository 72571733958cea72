/**
 * A URL, or `undefined` where the text is none. Does not ask `URL.canParse`: once V8 has optimised its caller, that of Node 20 says no to
 * every text with a letter like `ü` in it.
 */
export function parseUrl(text: string, base?: string): URL | undefined {
  try {
    return new URL(text, base)
  } catch {
    return undefined
  }
}
