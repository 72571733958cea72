import { GramTable, gramBytes } from './gram-table.ts'
import { TokenBeginnings } from './token-beginnings.ts'
import { formsOf, needlesOf, unescaped } from './token-forms.ts'

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
 * was half the cost of a download. Every session in memory has one, so what can be made again is not kept.
 */
export class TokenSearch {
  readonly tokens: readonly string[]
  readonly #grams: GramTable
  readonly #step: number
  #beginnings: TokenBeginnings | undefined

  constructor(tokens: readonly string[]) {
    this.tokens = tokens
    const needles = tokens.flatMap(needlesOf).map((text) => Buffer.from(text))
    this.#step = needles.reduce((least, { length }) => Math.min(least, length), Infinity) - gramBytes + 1
    this.#grams = new GramTable(needles)
  }

  /** Whether bytes carry a token. */
  isIn(bytes: Buffer): boolean {
    const last = bytes.length - gramBytes
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    for (let at = this.#step - 1; at <= last; at += this.#step) {
      if (this.#grams.has(view.getUint32(at, true)) && this.#isNear(bytes, at)) return true
    }
    return false
  }

  /** The same for a header's name or value. */
  isInText(text: string): boolean {
    const last = text.length - gramBytes
    for (let at = this.#step - 1; at <= last; at += this.#step) {
      if (this.#grams.has(gramOfText(text, at))) return this.isIn(Buffer.from(text))
    }
    return false
  }

  /** No spelling is longer than this. */
  get reach(): number {
    return mostEscaped * this.tokens.reduce((most, { length }) => Math.max(most, length), 0)
  }

  /** How many bytes at the end may be the beginning of a token. */
  beginningAtEndOf(bytes: Buffer): number {
    const end = bytes.at(-1) ?? 0
    if (end < 0x80 && !standing.has(end) && !this.tokens.some((token) => token.includes(String.fromCharCode(end)))) return 0
    this.#beginnings ??= new TokenBeginnings(this.tokens)
    return this.#beginnings.atEndOf(bytes)
  }

  #isNear(bytes: Buffer, at: number): boolean {
    const { needles, longest } = piecesOf(this)
    const start = Math.max(0, at + gramBytes - longest)
    const window = bytes.subarray(start, at + longest)
    return needles.some(({ bytes: needle, token }) => {
      for (let found = window.indexOf(needle); found !== -1; found = window.indexOf(needle, found + 1)) {
        if (isTokenAround(bytes, start + found, needle, token)) return true
      }
      return false
    })
  }
}

interface Pieces {
  readonly search: TokenSearch
  readonly needles: readonly Needle[]
  readonly longest: number
}

/** Of the search that looked closely last. */
let lastPieces: Pieces | undefined

/** Rarely asked for, and then often in a row. */
function piecesOf(search: TokenSearch): Pieces {
  if (lastPieces?.search === search) return lastPieces
  const needles = search.tokens.flatMap((token) => needlesOf(token).map((text) => ({ bytes: Buffer.from(text), token })))
  const longest = needles.reduce((most, { bytes }) => Math.max(most, bytes.length), 0)
  lastPieces = { search, needles, longest }
  return lastPieces
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

/** Bytes that some spelling of some token may end a chunk with: those of tokens as they are (RFC 6750 section 2.1), of escapes and of base64. */
const standing: ReadonlySet<number> = new Set(
  Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=%\\"&#;'),
)
