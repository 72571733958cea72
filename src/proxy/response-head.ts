import { CompressedScan, readableCodings } from './compressed-scan.ts'
import type { ScanSink } from './compressed-scan.ts'
import type { BodyScan, TokenFilter } from './token-filter.ts'
import type { UpstreamCall } from './upstream-call.ts'

/** An upstream's head, judged. */
export interface ResponseHead {
  /** What goes to the client, flat. */
  readonly flat: string[]
  /** HEAD, 204 and 304 have no body whatever their headers say (RFC 9112, section 6.3). */
  readonly isBodyless: boolean
  readonly isEventStream: boolean
  /** Declared bytes of the body; -1 where none are declared. */
  readonly bodyBytes: number
  /** How the body is searched for tokens; undefined where it is not. */
  readonly scan: BodyScan | CompressedScan | undefined
}

/** What a head says of its body. Fields that stand more than once are joined, so that they equal nothing. */
interface BodyFacts {
  length: string | undefined
  transferCoding: string | undefined
  coding: string | undefined
  range: string | undefined
  type: string | undefined
}

/** The head as it may be passed on, or a word for why it may not: `token` where it carries one. */
export function judgeHead(
  request: UpstreamCall,
  status: number,
  raw: readonly (Buffer | string)[],
  sink: ScanSink,
): ResponseHead | string {
  const texts: string[] = []
  for (const part of raw) texts.push(typeof part === 'string' ? part : part.toString('latin1'))
  const { length, transferCoding, coding, range, type } = factsOf(texts)
  if (transferCoding !== undefined && transferCoding.toLowerCase() !== 'chunked') return 'transfer_coding'
  const flat = request.responseHeaders(status, texts)
  if (!Array.isArray(flat)) return flat.refused
  const { filter } = request
  if (filter?.inHeaders(flat) === true) return 'token'
  const isBodyless = request.method === 'HEAD' || status === 204 || status === 304
  const isEventStream = type !== undefined && /^text\/event-stream\b/i.test(type)
  const bodyBytes = length === undefined ? -1 : Number(length)
  const isSearched = filter !== undefined && !isBodyless
  const scan = isSearched ? openScan(filter, status, coding?.toLowerCase() ?? 'identity', range, sink) : undefined
  return isSearched && scan === undefined ? 'unreadable_content' : { flat, isBodyless, isEventStream, bodyBytes, scan }
}

/** One look at each name, by its length first: most fields say nothing about the body. */
function factsOf(texts: readonly string[]): BodyFacts {
  const facts: BodyFacts = { length: undefined, transferCoding: undefined, coding: undefined, range: undefined, type: undefined }
  for (let at = 0; at + 1 < texts.length; at += 2) {
    const name = texts[at] ?? ''
    if (name.length < 12 || name.length > 17) continue
    const fact = factNames.get(name) ?? factNames.get(name.toLowerCase())
    if (fact === undefined) continue
    const value = texts[at + 1] ?? ''
    const before = facts[fact]
    facts[fact] = before === undefined ? value : `${before},${value}`
  }
  return facts
}

const factNames: ReadonlyMap<string, keyof BodyFacts> = new Map([
  ['content-length', 'length'],
  ['transfer-encoding', 'transferCoding'],
  ['content-encoding', 'coding'],
  ['content-range', 'range'],
  ['content-type', 'type'],
])

/** `undefined` where the body cannot be searched: an unknown or a second coding, a part of a compressed body or an unsuitable part. */
function openScan(
  filter: TokenFilter,
  status: number,
  coding: string,
  range: string | undefined,
  sink: ScanSink,
): BodyScan | CompressedScan | undefined {
  if (status === 206) return coding === 'identity' ? filter.part(range) : undefined
  if (coding === 'identity') return filter.body()
  return readableCodings.includes(coding) ? new CompressedScan(coding, filter, sink) : undefined
}
