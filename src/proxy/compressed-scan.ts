import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  type BrotliDecompress,
  type Gunzip,
  type Inflate,
  type InflateRaw,
} from 'node:zlib'
import type { BodyScan, TokenFilter } from './token-filter.ts'

/** Content codings that can be read. What is offered to an upstream on a scanned call is held against this list. */
export const readableCodings: readonly string[] = ['gzip', 'x-gzip', 'br', 'deflate']

/** Who gets the result of a scan. Each is called outside of `push` and `end`, and never after `destroy`. */
export interface ScanSink {
  /** The last pushed chunk is decoded and scanned; these compressed chunks may go out (maybe none yet). */
  scanReleased(chunks: readonly Buffer[]): void
  scanFound(): void
  /** The bytes cannot be decoded, so nobody can say that they are clean. */
  scanBroken(): void
  /** Everything is scanned and released. */
  scanEnded(): void
}

/** Compressed bytes that may wait for the rest of a possible token. More is taken for an attack. */
const mostHeldBytes = 1 << 20

type Decoder = BrotliDecompress | Gunzip | Inflate | InflateRaw

interface HeldChunk {
  readonly chunk: Buffer
  /** Where its last byte stands in the body as it comes. */
  readonly endsAt: number
  /** Where in the decoded body its last decoded byte stands. */
  decodedEndsAt: number
}

/**
 * Scans a decoded copy of a compressed body. A compressed chunk is released once all that it decodes to is known to be
 * clean. So are the bytes as they come: a decoder skips some, like the comment of gzip. Decoded bytes are dropped piece by
 * piece, so that a bomb costs time of the upstream's own stream, not memory.
 *
 * One chunk at a time: after `push`, wait for `scanReleased`.
 */
export class CompressedScan {
  readonly #coding: string
  readonly #scan: BodyScan
  readonly #wireScan: BodyScan
  readonly #sink: ScanSink
  #decoder: Decoder | undefined
  #held: HeldChunk[] = []
  #heldBytes = 0
  #pushedBytes = 0
  #decodedBytes = 0
  #isOver = false

  constructor(coding: string, filter: TokenFilter, sink: ScanSink) {
    this.#coding = coding
    this.#scan = filter.body()
    this.#wireScan = filter.body()
    this.#sink = sink
  }

  push(chunk: Buffer): void {
    if (this.#isOver || chunk.length === 0) return
    this.#decoder ??= this.#openDecoder(chunk)
    this.#pushedBytes += chunk.length
    this.#held.push({ chunk, endsAt: this.#pushedBytes, decodedEndsAt: Infinity })
    this.#heldBytes += chunk.length
    if (this.#wireScan.push(chunk) === 'found') setImmediate(this.#tokenFound)
    else this.#decoder.write(chunk, this.#chunkDecoded)
  }

  end(): void {
    if (this.#isOver) return
    if (this.#decoder === undefined) setImmediate(this.#decoderEnded)
    else this.#decoder.end()
  }

  destroy(): void {
    this.#isOver = true
    this.#held = []
    this.#decoder?.destroy()
  }

  #openDecoder(firstChunk: Buffer): Decoder {
    const decoder = createDecoder(this.#coding, firstChunk)
    decoder.on('data', this.#decoded)
    decoder.on('end', this.#decoderEnded)
    decoder.on('error', this.#decoderBroke)
    return decoder
  }

  readonly #decoded = (piece: Buffer): void => {
    if (this.#isOver) return
    this.#decodedBytes += piece.length
    if (this.#scan.push(piece) === 'found') this.#tokenFound()
  }

  readonly #tokenFound = (): void => {
    if (this.#isOver) return
    this.destroy()
    this.#sink.scanFound()
  }

  readonly #chunkDecoded = (error?: Error | null): void => {
    if (this.#isOver || error) return
    if (this.#decoder !== undefined && this.#decoder.readableLength > 0) {
      setImmediate(this.#chunkDecoded)
      return
    }
    const newest = this.#held.at(-1)
    if (newest !== undefined) newest.decodedEndsAt = this.#decodedBytes
    const cleanTo = this.#pushedBytes - this.#wireScan.heldBytes
    const decodedCleanTo = this.#decodedBytes - this.#scan.heldBytes
    const released: Buffer[] = []
    for (let next = this.#held[0]; next !== undefined; next = this.#held[0]) {
      if (next.endsAt > cleanTo || next.decodedEndsAt > decodedCleanTo) break
      this.#held.shift()
      this.#heldBytes -= next.chunk.length
      released.push(next.chunk)
    }
    if (this.#heldBytes > mostHeldBytes) this.#decoderBroke()
    else this.#sink.scanReleased(released)
  }

  readonly #decoderEnded = (): void => {
    if (this.#isOver) return
    // What stands behind the end of the compressed stream was not decoded, and yet it would go out (Node stops there
    // without an error, for gzip where a zero follows).
    if (this.#decoder !== undefined && this.#decoder.bytesWritten !== this.#pushedBytes) {
      this.#decoderBroke()
      return
    }
    const rest = this.#scan.end()
    const released = this.#held.map((held) => held.chunk)
    this.destroy()
    if (rest === 'found') {
      this.#sink.scanFound()
      return
    }
    if (released.length > 0) this.#sink.scanReleased(released)
    this.#sink.scanEnded()
  }

  readonly #decoderBroke = (): void => {
    if (this.#isOver) return
    this.destroy()
    this.#sink.scanBroken()
  }
}

function createDecoder(coding: string, firstChunk: Buffer): Decoder {
  // With sync flush, all that can be decoded from the bytes so far comes out, as it does in the browser.
  const options = { flush: constants.Z_SYNC_FLUSH }
  if (coding === 'br') return createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH })
  if (coding !== 'deflate') return createGunzip(options)
  // Browsers take both the zlib format that RFC 9110 means and the bare one that some servers send.
  return ((firstChunk[0] ?? 0) & 0x0f) === 8 ? createInflate(options) : createInflateRaw(options)
}
