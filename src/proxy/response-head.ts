import type { IncomingHttpHeaders } from 'node:http'
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
  /** Declared bytes of the body; -1 where none are declared. */
  readonly bodyBytes: number
  /** How the body is searched for tokens; undefined where it is not. */
  readonly scan: BodyScan | CompressedScan | undefined
}

/** The head as it may be passed on, or a word for why it may not: `token` where it carries one. */
export function judgeHead(
  request: UpstreamCall,
  status: number,
  raw: readonly (Buffer | string)[],
  headers: IncomingHttpHeaders,
  sink: ScanSink,
): ResponseHead | string {
  const transferCoding = headers['transfer-encoding']
  // Repeated fields come as lists, whatever the type says.
  if (transferCoding !== undefined && [transferCoding].flat().join().toLowerCase() !== 'chunked') return 'transfer_coding'
  const flat = request.responseHeaders(status, raw)
  if (!Array.isArray(flat)) return flat.refused
  const { filter } = request
  if (filter?.inHeaders(flat) === true) return 'token'
  const isBodyless = request.method === 'HEAD' || status === 204 || status === 304
  const bodyBytes = headers['content-length'] === undefined ? -1 : Number(headers['content-length'])
  if (filter === undefined || isBodyless) return { flat, isBodyless, bodyBytes, scan: undefined }
  const scan = openScan(filter, status, headers, sink)
  return scan === undefined ? 'unreadable_content' : { flat, isBodyless, bodyBytes, scan }
}

/** `undefined` where the body cannot be searched: an unknown or a second coding, a part of a compressed body or an unsuitable part. */
function openScan(
  filter: TokenFilter,
  status: number,
  headers: IncomingHttpHeaders,
  sink: ScanSink,
): BodyScan | CompressedScan | undefined {
  const coding = [headers['content-encoding'] ?? 'identity'].flat().join().toLowerCase()
  if (status === 206) return coding === 'identity' ? filter.part(headers['content-range']) : undefined
  if (coding === 'identity') return filter.body()
  return readableCodings.includes(coding) ? new CompressedScan(coding, filter.body(), sink) : undefined
}
