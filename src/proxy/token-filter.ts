import { SampledSearch, type ByteSearch } from './byte-search.ts'

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

/** RFC 6749, appendix A.12: tokens are visible ASCII. What is not has no escaped forms here. */
const visibleAscii = /^[\x20-\x7e]+$/

function spellings(token: string): string[] {
  if (!visibleAscii.test(token)) return [token]
  const percent = encodeURIComponent(token)
  const json = JSON.stringify(token).slice(1, -1)
  return [token, percent, percent.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()), json, json.replaceAll('/', '\\/')]
}

/** Looks for the tokens as they are, percent-encoded and JSON-escaped. */
export function createTokenFilter(tokens: readonly string[]): TokenFilter {
  const texts = [...new Set(tokens.filter((token) => token.length >= shortestToken).flatMap(spellings))]
  const patterns = texts.map((text) => Buffer.from(text))
  const shortest = Math.min(...texts.map((text) => text.length))
  return {
    inHeaders(flat) {
      for (const text of flat) {
        if (text.length >= shortest && texts.some((token) => text.includes(token))) return true
      }
      return false
    },
    body: () => new PlainScan(patterns),
    part(contentRange) {
      const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(contentRange ?? '')
      if (range === null) return undefined
      const first = Number(range[1])
      const last = Number(range[2])
      const isEdge = first === 0 || last + 1 === Number(range[3])
      return last - first + 1 >= shortestPart || isEdge ? new PartScan(patterns) : undefined
    },
  }
}

class PlainScan implements BodyScan {
  readonly #patterns: readonly Buffer[]
  readonly #search: ByteSearch
  #held: Buffer | undefined

  constructor(patterns: readonly Buffer[]) {
    this.#patterns = patterns
    this.#search = new SampledSearch(patterns)
  }

  get heldBytes(): number {
    return this.#held?.length ?? 0
  }

  push(chunk: Buffer): Buffer[] | 'found' {
    const bytes = this.#joined(chunk)
    if (this.#search.isIn(bytes)) return 'found'
    let held = 0
    for (const pattern of this.#patterns) held = Math.max(held, beginningAtEnd(bytes, pattern))
    if (held === 0) return [bytes]
    this.#held = bytes.subarray(bytes.length - held)
    return held === bytes.length ? [] : [bytes.subarray(0, bytes.length - held)]
  }

  last(chunk: Buffer): Buffer[] | 'found' {
    const bytes = this.#joined(chunk)
    return this.#search.isIn(bytes) ? 'found' : [bytes]
  }

  end(): Buffer[] {
    const held = this.#held
    this.#held = undefined
    return held === undefined ? [] : [held]
  }

  #joined(chunk: Buffer): Buffer {
    const held = this.#held
    this.#held = undefined
    return held === undefined ? chunk : Buffer.concat([held, chunk])
  }
}

/** Holds the beginning of a part until it is long enough to tell whether it begins inside a token. */
class PartScan implements BodyScan {
  readonly #patterns: readonly Buffer[]
  readonly #longest: number
  readonly #rest: PlainScan
  #beginning: Buffer | undefined = Buffer.alloc(0)

  constructor(patterns: readonly Buffer[]) {
    this.#patterns = patterns
    this.#longest = Math.max(0, ...patterns.map((pattern) => pattern.length))
    this.#rest = new PlainScan(patterns)
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

/** How many bytes at the end of `bytes` are the beginning of `pattern`; the most there are, never the whole pattern. */
function beginningAtEnd(bytes: Buffer, pattern: Buffer): number {
  const size = bytes.length
  const probe = pattern.subarray(0, shortestPiece)
  let at = bytes.indexOf(probe, Math.max(0, size - pattern.length + 1))
  while (at !== -1) {
    if (bytes.compare(pattern, 0, size - at, at, size) === 0) return size - at
    at = bytes.indexOf(probe, at + 1)
  }
  for (let length = Math.min(shortestPiece - 1, size); length > 0; length--) {
    if (bytes[size - length] === pattern[0] && bytes.compare(pattern, 0, length, size - length, size) === 0) return length
  }
  return 0
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
