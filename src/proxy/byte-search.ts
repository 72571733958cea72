/** Looks for any of several byte sequences in a body. */
export interface ByteSearch {
  isIn(bytes: Buffer): boolean
}

/** So many bytes are compared at each place that is looked at. */
const gramBytes = 4
/** Below this, making the table costs more than it saves. */
const smallestForTable = 16_384
/** 32 KB: with 2 KB of tokens, one place in a hundred is looked at twice for nothing. */
const tableBits = 18

/**
 * Looks only at every so-manieth place of a large chunk: a sequence of n bytes cannot lie between two places that are less
 * than n - 3 apart without covering the four bytes at one of them. Where those four stand in none of the sequences nothing
 * is near; else the neighbourhood is searched in full. Searching every byte for each token was half the cost of a download.
 */
export class SampledSearch implements ByteSearch {
  readonly #patterns: readonly Buffer[]
  readonly #longest: number
  readonly #step: number
  #table: Uint8Array | undefined

  constructor(patterns: readonly Buffer[]) {
    this.#patterns = patterns
    this.#longest = Math.max(0, ...patterns.map((pattern) => pattern.length))
    this.#step = Math.min(...patterns.map((pattern) => pattern.length)) - gramBytes + 1
  }

  isIn(bytes: Buffer): boolean {
    if (bytes.length < smallestForTable || this.#step < gramBytes) return this.#isInAll(bytes)
    this.#table ??= tableOf(this.#patterns)
    const last = bytes.length - gramBytes
    for (let at = this.#step - 1; at <= last; at += this.#step) {
      const slot = slotOf(bytes, at)
      if (((this.#table[slot >>> 3] ?? 0) & (1 << (slot & 7))) === 0) continue
      if (this.#isInAll(bytes.subarray(Math.max(0, at - this.#longest), at + this.#longest))) return true
    }
    return false
  }

  #isInAll(bytes: Buffer): boolean {
    for (const pattern of this.#patterns) if (bytes.length >= pattern.length && bytes.includes(pattern)) return true
    return false
  }
}

/** One bit for each four bytes that stand anywhere in a pattern. */
function tableOf(patterns: readonly Buffer[]): Uint8Array {
  const table = new Uint8Array((1 << tableBits) / 8)
  for (const pattern of patterns) {
    for (let at = 0; at + gramBytes <= pattern.length; at++) {
      const slot = slotOf(pattern, at)
      table[slot >>> 3] = (table[slot >>> 3] ?? 0) | (1 << (slot & 7))
    }
  }
  return table
}

/** Knuth's multiplicative hash of the four bytes. */
function slotOf(bytes: Buffer, at: number): number {
  const gram = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)
  return Math.imul(gram, 0x9e37_79b1) >>> (32 - tableBits)
}
