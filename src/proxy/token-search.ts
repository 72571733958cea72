import { TokenBeginnings } from './token-beginnings.ts'
import { formsOf, needlesOf, unescaped } from './token-forms.ts'

/** So many bytes are compared at each place that is looked at. */
const gramBytes = 4
/** A character may stand as `\\u0041`. */
const mostEscaped = 6

interface Needle {
  readonly bytes: Buffer
  readonly token: string
}

/**
 * Looks for tokens, in all their spellings at once, at every so-manieth byte only: a sequence of n bytes cannot lie between two places
 * that are less than n - 3 apart without covering the four bytes at one of them. Where those four stand in no piece of a spelling
 * nothing is near. Else the piece is compared, and then the whole. Made once per session; searching every byte for each spelling
 * was half the cost of a download.
 */
export class TokenSearch {
  readonly tokens: readonly string[]
  readonly #needles: readonly Needle[]
  /** A hash table of the four bytes at every place of the needles; 0 is free, and no needle has four zeros. */
  readonly #grams: Uint32Array
  readonly #mask: number
  readonly #step: number
  readonly #longest: number
  readonly #reach: number
  /** The bytes that stand in some spelling: a chunk that ends with another ends within none. */
  #standing: Uint8Array | undefined
  #beginnings: TokenBeginnings | undefined

  constructor(tokens: readonly string[]) {
    this.tokens = tokens
    this.#reach = mostEscaped * tokens.reduce((most, { length }) => Math.max(most, length), 0)
    this.#needles = tokens.flatMap((token) => needlesOf(token).map((text) => ({ bytes: Buffer.from(text), token })))
    const lengths = this.#needles.map(({ bytes }) => bytes.length)
    this.#longest = Math.max(0, ...lengths)
    this.#step = Math.min(...lengths) - gramBytes + 1
    const count = lengths.reduce((sum, length) => sum + length, 0)
    this.#mask = (1 << Math.ceil(Math.log2(Math.max(16, count * 1.5)))) - 1
    this.#grams = new Uint32Array(this.#mask + 1)
    for (const { bytes } of this.#needles)
      for (let at = 0; at + gramBytes <= bytes.length; at++) this.#add(bytes.readUInt32LE(at))
  }

  /** Whether bytes carry a token. */
  isIn(bytes: Buffer): boolean {
    const last = bytes.length - gramBytes
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    for (let at = this.#step - 1; at <= last; at += this.#step) {
      if (this.#has(view.getUint32(at, true)) && this.#isNear(bytes, at)) return true
    }
    return false
  }

  /** The same for a header's name or value. */
  isInText(text: string): boolean {
    const last = text.length - gramBytes
    for (let at = this.#step - 1; at <= last; at += this.#step) {
      if (this.#has(gramOfText(text, at))) return this.isIn(Buffer.from(text))
    }
    return false
  }

  /** No spelling is longer than this. */
  get reach(): number {
    return this.#reach
  }

  /** How many bytes at the end may be the beginning of a token. */
  beginningAtEndOf(bytes: Buffer): number {
    this.#standing ??= standing(this.tokens)
    if (this.#standing[bytes.at(-1) ?? 0] === 0) return 0
    this.#beginnings ??= new TokenBeginnings(this.tokens)
    return this.#beginnings.atEndOf(bytes)
  }

  #isNear(bytes: Buffer, at: number): boolean {
    const start = Math.max(0, at + gramBytes - this.#longest)
    const window = bytes.subarray(start, at + this.#longest)
    return this.#needles.some(({ bytes: needle, token }) => {
      for (let found = window.indexOf(needle); found !== -1; found = window.indexOf(needle, found + 1)) {
        if (isTokenAround(bytes, start + found, needle, token)) return true
      }
      return false
    })
  }

  #add(gram: number): void {
    let slot = hashed(gram) & this.#mask
    while (this.#grams[slot] !== 0 && this.#grams[slot] !== gram) slot = (slot + 1) & this.#mask
    this.#grams[slot] = gram
  }

  #has(gram: number): boolean {
    let slot = hashed(gram) & this.#mask
    for (;;) {
      const held = this.#grams[slot]
      if (held === 0) return false
      if (held === gram) return true
      slot = (slot + 1) & this.#mask
    }
  }
}

/** Whether the piece at a place is one of a whole spelling of the token, or of any mixture of escapes. */
function isTokenAround(bytes: Buffer, at: number, needle: Buffer, token: string): boolean {
  for (const form of formsOf(token)) {
    const whole = Buffer.from(form)
    for (let offset = whole.indexOf(needle); offset !== -1; offset = whole.indexOf(needle, offset + 1)) {
      const start = at - offset
      const end = start + whole.length
      if (start >= 0 && end <= bytes.length && bytes.compare(whole, 0, whole.length, start, end) === 0) return true
    }
  }
  const reach = mostEscaped * token.length
  return unescaped(bytes.toString('latin1', Math.max(0, at - reach), Math.min(bytes.length, at + reach))).includes(token)
}

function gramOfText(text: string, at: number): number {
  const low = (text.charCodeAt(at) & 255) | ((text.charCodeAt(at + 1) & 255) << 8) | ((text.charCodeAt(at + 2) & 255) << 16)
  return (low | ((text.charCodeAt(at + 3) & 255) << 24)) >>> 0
}

/** Knuth's multiplicative hash. */
function hashed(gram: number): number {
  return Math.imul(gram, 0x9e37_79b1) >>> 16
}

/** The bytes of the tokens themselves, and those of their escapes and of base64. */
function standing(tokens: readonly string[]): Uint8Array {
  const found = new Uint8Array(256)
  const bytes = Buffer.from(`${tokens.join('')}%\\"&#;+/-_=ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789`)
  for (const byte of bytes) found[byte] = 1
  return found
}
