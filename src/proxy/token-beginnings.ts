import { formsOf } from './token-forms.ts'

/** Spellings that begin alike are looked for together. */
const probeBytes = 8

interface Group {
  readonly probe: Buffer
  readonly forms: Buffer[]
  longest: number
}

/** Finds what may be the beginning of a token at the end of a chunk. Made once per streamed body: the spellings are long. */
export class TokenBeginnings {
  readonly #groups = new Map<string, Group>()

  constructor(tokens: readonly string[]) {
    for (const form of tokens.flatMap(formsOf).map((text) => Buffer.from(text))) {
      const probe = form.subarray(0, probeBytes)
      const key = probe.toString('latin1')
      const group: Group = this.#groups.get(key) ?? { probe, forms: [], longest: 0 }
      group.forms.push(form)
      group.longest = Math.max(group.longest, form.length)
      this.#groups.set(key, group)
    }
  }

  /** How many bytes at the end are the beginning of some spelling; the most there are, never a whole one. */
  atEndOf(bytes: Buffer): number {
    let most = 0
    for (const group of this.#groups.values()) most = Math.max(most, atEnd(bytes, group))
    return most
  }
}

function atEnd(bytes: Buffer, { probe, forms, longest }: Group): number {
  const size = bytes.length
  for (let at = bytes.indexOf(probe, Math.max(0, size - longest + 1)); at !== -1; at = bytes.indexOf(probe, at + 1)) {
    const length = size - at
    if (forms.some((form) => length < form.length && bytes.compare(form, 0, length, at, size) === 0)) return length
  }
  for (let length = Math.min(probeBytes - 1, size); length > 0; length--) {
    if (bytes[size - length] === probe[0] && bytes.compare(probe, 0, length, size - length, size) === 0) return length
  }
  return 0
}
