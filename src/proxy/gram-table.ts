/** So many bytes are compared at each place that is looked at. */
export const gramBytes = 4

/**
 * Which sequences of four bytes stand anywhere in some texts. Keeps 16 bits of a hash of each, two kilobytes for a session: one other
 * sequence in some twenty thousand is taken for one of them.
 */
export class GramTable {
  /** Open addressing; 0 is free. */
  readonly #marks: Uint16Array

  constructor(texts: readonly Buffer[]) {
    const count = texts.reduce((sum, { length }) => sum + Math.max(0, length - gramBytes + 1), 0)
    // Half of the table stays free, more or less: a quarter of the sequences stand in several texts.
    this.#marks = new Uint16Array(1 << Math.ceil(Math.log2(Math.max(4, count * 1.2))))
    for (const text of texts) for (let at = 0; at + gramBytes <= text.length; at++) this.#add(text.readUInt32LE(at))
  }

  /** Never false for a sequence that is there. */
  has(gram: number): boolean {
    const marks = this.#marks
    const last = marks.length - 1
    const hash = hashed(gram)
    const mark = markOf(hash)
    for (let slot = hash >>> 16; ; slot++) {
      const held = marks[slot & last]
      if (held === mark) return true
      if (held === 0) return false
    }
  }

  #add(gram: number): void {
    const marks = this.#marks
    const hash = hashed(gram)
    const mark = markOf(hash)
    const last = marks.length - 1
    let slot = hash >>> 16
    while (marks[slot & last] !== 0 && marks[slot & last] !== mark) slot++
    marks[slot & last] = mark
  }
}

/** MurmurHash3's last step: each bit of the sequence changes all bits of the hash. */
function hashed(gram: number): number {
  const first = Math.imul(gram ^ (gram >>> 16), 0x85eb_ca6b)
  const second = Math.imul(first ^ (first >>> 13), 0xc2b2_ae35)
  return second ^ (second >>> 16)
}

function markOf(hash: number): number {
  const mark = hash & 0xffff
  return mark === 0 ? 1 : mark
}
