import type { IncomingHttpHeaders } from 'node:http'
import { CompressedScan, readableCodings } from './compressed-scan.ts'
import type { ScanSink } from './compressed-scan.ts'
import type { BodyScan, TokenFilter } from './token-filter.ts'

/**
 * Chooses how the body of an answer is searched for tokens. `undefined` where it cannot be searched: an unknown or a
 * second content coding, and a part of a compressed or of an unsuitable range.
 */
export function openScan(
  filter: TokenFilter,
  status: number,
  headers: IncomingHttpHeaders,
  sink: ScanSink,
): BodyScan | CompressedScan | undefined {
  const coding = String(headers['content-encoding'] ?? 'identity').toLowerCase()
  if (status === 206) return coding === 'identity' ? filter.part(headers['content-range']) : undefined
  if (coding === 'identity') return filter.body()
  return readableCodings.includes(coding) ? new CompressedScan(coding, filter.body(), sink) : undefined
}
