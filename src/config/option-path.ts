/** Where an option stands in the config: names and list positions. */
export type OptionPath = readonly PropertyKey[]

/** Prints a path as in `routes[1].upstream`; names that are no identifiers stand in brackets and quotes. */
export function printPath(path: OptionPath): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else if (typeof part === 'string' && /^[A-Za-z_$][\w$-]{0,63}$/.test(part) && withoutValue(part) === part)
      text += text === '' ? part : `.${part}`
    else text += `[${printable(withoutValue(String(part)))}]`
  }
  return text
}

/** YAML reads `{secret:abc}` as one name. What looks like a value in a name is cut, for it may be a secret. */
function withoutValue(name: string): string {
  return name.replace(/[:=](?!\/\/).*$/s, (rest) => `${rest[0] ?? ''}...`).replace(/(?=\S*\d)[\w+/-]{20,}/g, '...')
}

/** Quotes a text for a terminal: cut, and without characters that could steer one. */
export function printable(text: string): string {
  const shown = text.length > 60 ? `${text.slice(0, 60).replace(/[\uD800-\uDBFF]$/, '')}...` : text
  return JSON.stringify(shown).replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (sign) => `\\u{${sign.codePointAt(0)?.toString(16) ?? ''}}`,
  )
}

/** Whether one of the paths leads to the other or to something in it. */
export function overlaps(one: OptionPath, other: OptionPath): boolean {
  const [short, long] = one.length <= other.length ? [one, other] : [other, one]
  return short.every((part, index) => part === long[index])
}

/** Whether `inner` is `outer` or lies in it. */
export function liesIn(inner: OptionPath, outer: OptionPath): boolean {
  return inner.length >= outer.length && overlaps(inner, outer)
}

/** The value at a path of a plain tree, inherited properties aside; `undefined` where there is none. */
export function valueAt(tree: unknown, path: OptionPath): unknown {
  let value = tree
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = Reflect.get(value, part)
  }
  return value
}
