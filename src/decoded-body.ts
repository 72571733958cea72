import type { IncomingMessage } from 'node:http'
import { pipeline, type Readable } from 'node:stream'
import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'

const decoders: Readonly<Record<string, () => ReturnType<typeof createGunzip>>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: () => createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH }),
}

/** The body in plain, as `fetch` gives it; `undefined` where it is plain already, or coded in a way that cannot be read. */
export function decodedBody(incoming: IncomingMessage): Readable | undefined {
  const decoder = decoders[(incoming.headers['content-encoding'] ?? '').trim().toLowerCase()]?.()
  // What breaks on either side ends the other: a broken body has no end.
  return decoder === undefined ? undefined : pipeline(incoming, decoder, () => undefined)
}
