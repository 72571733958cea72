/** The text under a name in a JSON object; `undefined` where there is none, or where the text is not JSON. */
export function textIn(json: string, name: string): string | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(json)
  } catch {
    return undefined
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined
  const value: unknown = Reflect.get(parsed, name)
  return typeof value === 'string' ? value : undefined
}
