import { formsOf } from './token-forms.ts'
import { TokenSearch } from './token-search.ts'

/** Looks for a session's own tokens in what goes out to the browser. Made once per session. */
export interface TokenFilter {
  /** Whether a name or value in a flat header list carries a token. */
  inHeaders(flat: readonly string[]): boolean

  /** A search through one body without a content coding. */
  body(): BodyScan

  /**
   * A search through a 206 body, which may hold only a piece of a token (RFC 9110, section 14). Besides whole tokens, a
   * part counts as carrying one when it lies inside a token, ends with 8 or more characters of its beginning, or begins
   * with 8 or more of its end. So no sequence of ranges gives more than a few characters at either end of a token.
   *
   * `undefined` where the part cannot be judged: several parts in one answer (no Content-Range), and parts below 16
   * bytes that are neither the first nor the last of the resource (`bytes=0-1`, as media players ask, is fine).
   */
  part(contentRange: string | undefined): BodyScan | undefined
}

/** A search across chunk borders in constant memory. After `found` nothing more may be released. */
export interface BodyScan {
  /** Bytes held back because they may be the beginning of a token. */
  readonly heldBytes: number
  /** What may go out now: everything but a tail that could be the beginning of a token. */
  push(chunk: Buffer): Buffer[] | 'found'
  /** `push` for a chunk that certainly ends the body: nothing is held back. */
  last(chunk: Buffer): Buffer[] | 'found'
  /** The body is over: what was still held. */
  end(): Buffer[] | 'found'
}

/** Shorter tokens are not looked for: they would match by chance. */
const shortestToken = 8
/** As many characters of a token at the edge of a 206 part count as the token. */
const shortestPiece = 8
const shortestPart = 2 * shortestPiece

/** Looks for the tokens as they are, escaped for JSON, addresses or HTML, and in base64. */
export function createTokenFilter(tokens: readonly string[]): TokenFilter {
  return new SearchingFilter(new TokenSearch([...new Set(tokens.filter((token) => token.length >= shortestToken))]))
}

class SearchingFilter implements TokenFilter {
  readonly #search: TokenSearch

  constructor(search: TokenSearch) {
    this.#search = search
  }

  inHeaders(flat: readonly string[]): boolean {
    return flat.some((text) => text.length >= shortestToken && this.#search.isInText(text))
  }

  body(): BodyScan {
    return new PlainScan(this.#search)
  }

  part(contentRange: string | undefined): BodyScan | undefined {
    const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(contentRange ?? '')
    if (range === null) return undefined
    const first = Number(range[1])
    const last = Number(range[2])
    const isEdge = first === 0 || last + 1 === Number(range[3])
    return last - first + 1 >= shortestPart || isEdge ? new PartScan(this.#search) : undefined
  }
}

class PlainScan implements BodyScan {
  readonly #search: TokenSearch
  #held: Buffer | undefined

  constructor(search: TokenSearch) {
    this.#search = search
  }

  get heldBytes(): number {
    return this.#held?.length ?? 0
  }

  push(chunk: Buffer): Buffer[] | 'found' {
    const before = this.#taken(chunk)
    if (before === 'found') return 'found'
    const [held, bytes] = before
    if (this.#search.isIn(bytes)) return 'found'
    const kept = this.#search.beginningAtEndOf(bytes)
    if (kept > 0) this.#held = bytes.subarray(bytes.length - kept)
    if (kept === bytes.length) return held === undefined ? [] : [held]
    const clean = kept === 0 ? bytes : bytes.subarray(0, bytes.length - kept)
    return held === undefined ? [clean] : [held, clean]
  }

  last(chunk: Buffer): Buffer[] | 'found' {
    const before = this.#taken(chunk)
    if (before === 'found') return 'found'
    const [held, bytes] = before
    if (this.#search.isIn(bytes)) return 'found'
    return held === undefined ? [bytes] : [held, bytes]
  }

  end(): Buffer[] {
    const held = this.#held
    this.#held = undefined
    return held === undefined ? [] : [held]
  }

  /**
   * What was held, and what is to be searched. A small chunk is put behind what was held. Of a large one only the beginning is, to look
   * at the seam: a token that begins in what was held ends there, or is none.
   */
  #taken(chunk: Buffer): [held: Buffer | undefined, bytes: Buffer] | 'found' {
    const held = this.#held
    this.#held = undefined
    if (held === undefined) return [undefined, chunk]
    if (chunk.length <= this.#search.reach) return [undefined, Buffer.concat([held, chunk])]
    const seam = Buffer.concat([held, chunk.subarray(0, this.#search.reach)])
    return this.#search.isIn(seam) ? 'found' : [held, chunk]
  }
}

/** Holds the beginning of a part until it is long enough to tell whether it begins inside a token. */
class PartScan implements BodyScan {
  readonly #patterns: readonly Buffer[]
  readonly #longest: number
  readonly #rest: PlainScan
  #beginning: Buffer | undefined = Buffer.alloc(0)

  constructor(search: TokenSearch) {
    this.#patterns = search.tokens.flatMap(formsOf).map((text) => Buffer.from(text))
    this.#longest = Math.max(0, ...this.#patterns.map((pattern) => pattern.length))
    this.#rest = new PlainScan(search)
  }

  get heldBytes(): number {
    return (this.#beginning?.length ?? 0) + this.#rest.heldBytes
  }

  push(chunk: Buffer): Buffer[] | 'found' {
    if (this.#beginning === undefined) return this.#rest.push(chunk)
    const beginning = Buffer.concat([this.#beginning, chunk])
    this.#beginning = beginning
    if (beginning.length < this.#longest) return []
    return this.#leaveBeginning(beginning)
  }

  last(chunk: Buffer): Buffer[] | 'found' {
    const before = this.push(chunk)
    if (before === 'found') return 'found'
    const after = this.end()
    return after === 'found' ? 'found' : before.concat(after)
  }

  end(): Buffer[] | 'found' {
    const before = this.#beginning === undefined ? [] : this.#leaveBeginning(this.#beginning)
    if (before === 'found' || this.#rest.heldBytes >= shortestPiece) return 'found'
    return before.concat(this.#rest.end())
  }

  #leaveBeginning(beginning: Buffer): Buffer[] | 'found' {
    this.#beginning = undefined
    if (this.#patterns.some((pattern) => beginsInside(beginning, pattern))) return 'found'
    return beginning.length === 0 ? [] : this.#rest.push(beginning)
  }
}

/** Whether `bytes` begin with 8 or more bytes from inside `pattern` that go on to its end, or to their own. */
function beginsInside(bytes: Buffer, pattern: Buffer): boolean {
  if (bytes.length < shortestPiece) return false
  const probe = bytes.subarray(0, shortestPiece)
  for (let at = pattern.indexOf(probe); at !== -1; at = pattern.indexOf(probe, at + 1)) {
    const length = Math.min(pattern.length - at, bytes.length)
    if (bytes.compare(pattern, at, at + length, 0, length) === 0) return true
  }
  return false
}
