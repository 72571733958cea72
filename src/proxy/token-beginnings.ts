import { beginningsOf, formsOf, isBeginningOf } from './token-forms.ts'

/** A character may stand as `\\u0041`. */
const mostEscaped = 6

/** Finds what may be the beginning of a token at the end of a chunk. Made once per session; whole spellings only where one seems to begin. */
export class TokenBeginnings {
  /** With the tokens that begin so, all of one byte a character. */
  readonly #probes: readonly { readonly text: string; readonly tokens: readonly string[] }[]

  constructor(tokens: readonly string[]) {
    const byText = new Map<string, string[]>()
    for (const token of tokens) for (const text of beginningsOf(token)) byText.set(text, [...(byText.get(text) ?? []), token])
    this.#probes = [...byText].map(([text, owners]) => ({ text: Buffer.from(text).toString('latin1'), tokens: owners }))
  }

  /** How many bytes at the end are the beginning of some spelling; the most there are, never a whole one. */
  atEndOf(bytes: Buffer): number {
    let most = 0
    for (const probe of this.#probes) most = Math.max(most, this.#atEnd(bytes, probe.text, probe.tokens))
    return most
  }

  #atEnd(bytes: Buffer, probe: string, tokens: readonly string[]): number {
    const size = bytes.length
    const reach = mostEscaped * tokens.reduce((most, { length }) => Math.max(most, length), 0)
    for (
      let at = bytes.indexOf(probe, Math.max(0, size - reach), 'latin1');
      at !== -1;
      at = bytes.indexOf(probe, at + 1, 'latin1')
    ) {
      const length = size - at
      const begins = (form: Buffer): boolean => length < form.length && bytes.compare(form, 0, length, at, size) === 0
      if (tokens.flatMap(formsOf).some((form) => begins(Buffer.from(form)))) return length
      const text = bytes.toString('latin1', at)
      if (tokens.some((token) => isBeginningOf(token, text))) return length
    }
    for (let length = Math.min(probe.length - 1, size); length > 0; length--) {
      if (bytes[size - length] !== probe.charCodeAt(0)) continue
      if (bytes.toString('latin1', size - length) === probe.slice(0, length)) return length
    }
    return 0
  }
}
