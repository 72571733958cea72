import type { ServerResponse } from 'node:http'

/**
 * `res.writeHead` for a flat list of names and values, in which a name may stand more than once. Where a host has set headers
 * before (Express does), Node 20 keeps only the last of those, so that one cookie of two would be lost.
 */
export function writeHead(res: ServerResponse, status: number, flat: string[]): void {
  if (res.getHeaderNames().length === 0) {
    res.writeHead(status, flat)
    return
  }
  for (let at = 0; at + 1 < flat.length; at += 2) res.removeHeader(flat[at] ?? '')
  for (let at = 0; at + 1 < flat.length; at += 2) res.appendHeader(flat[at] ?? '', flat[at + 1] ?? '')
  res.writeHead(status)
}
