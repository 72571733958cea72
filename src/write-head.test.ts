import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { writeHead } from './write-head.ts'

async function answered(header: [string, string] | undefined): Promise<IncomingMessage> {
  const server = createServer((_req, res) => {
    if (header !== undefined) res.setHeader(...header)
    writeHead(res, 201, ['Set-Cookie', 'a=1', 'X-Other', '1', 'Set-Cookie', 'b=2', 'Content-Length', '0'])
    res.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const response = await new Promise<IncomingMessage>((resolve) => get({ port, host: '127.0.0.1', agent: false }, resolve))
  server.close()
  return response
}

test.each<[string, [string, string] | undefined, string | undefined]>([
  ['no header', undefined, undefined],
  ['another header', ['X-Powered-By', 'a host'], 'a host'],
  ['the same header', ['x-other', 'a host'], undefined],
])('every cookie goes out where the host has set %s', async (_what, header, kept) => {
  const { statusCode, headers } = await answered(header)
  expect([statusCode, headers['set-cookie'], headers['x-other']]).toEqual([201, ['a=1', 'b=2'], '1'])
  expect(headers['x-powered-by']).toBe(kept)
})
