const maxKept = 16 * 1024 * 1024

/** Reads a body piece by piece, in time linear in its length, and keeps its beginning. */
export class BodyReader {
  readonly #kept: Buffer[] = []
  readonly #rawKept: Buffer[] = []
  #keptBytes = 0
  #rawBytes = 0
  /** Bytes that belong to the current chunk, or to the whole body, and have not come yet. */
  #missing: number
  #line = ''
  #state: 'data' | 'size' | 'data-end' | 'trailer' | 'done'
  readonly #chunked: boolean
  /** How many bytes of content have come. */
  bytes = 0

  constructor(framing: 'chunked' | number) {
    this.#chunked = framing === 'chunked'
    this.#missing = framing === 'chunked' ? 0 : framing
    this.#state = framing === 'chunked' ? 'size' : framing === 0 ? 'done' : 'data'
  }

  get body(): Buffer {
    return Buffer.concat(this.#kept)
  }

  /** Framing included. */
  get raw(): Buffer {
    return Buffer.concat(this.#rawKept)
  }

  /** Takes bytes; gives back what lies behind the body once it is complete, and `undefined` before. */
  push(input: Buffer): Buffer | undefined {
    let at = 0
    while (at < input.length && this.#state !== 'done')
      at = this.#state === 'data' ? this.#data(input, at) : this.#framing(input, at)
    if (this.#rawBytes < maxKept) this.#rawKept.push(input.subarray(0, at))
    this.#rawBytes += at
    return this.#state === 'done' ? input.subarray(at) : undefined
  }

  #data(input: Buffer, at: number): number {
    const piece = input.subarray(at, at + this.#missing)
    if (this.#keptBytes < maxKept) this.#kept.push(piece)
    this.#keptBytes += piece.length
    this.bytes += piece.length
    this.#missing -= piece.length
    if (this.#missing === 0) this.#state = this.#chunked ? 'data-end' : 'done'
    return at + piece.length
  }

  #framing(input: Buffer, at: number): number {
    const lineFeed = input.indexOf(0x0a, at)
    const end = lineFeed < 0 ? input.length : lineFeed + 1
    this.#line += input.subarray(at, end).toString('latin1')
    if (lineFeed >= 0) this.#take(this.#line.trim())
    return end
  }

  #take(line: string): void {
    this.#line = ''
    if (this.#state === 'data-end') {
      this.#state = 'size'
    } else if (this.#state === 'size') {
      this.#missing = Number.parseInt(line, 16) || 0
      this.#state = this.#missing === 0 ? 'trailer' : 'data'
    } else if (line === '') {
      this.#state = 'done'
    }
  }
}
