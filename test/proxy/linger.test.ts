import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { lingerAfterAnswer } from '../../src/proxy/linger.ts'
import { RawClient, listen } from './loopback.ts'

const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'

describe('an answer to an upload that goes on', () => {
  it.each([
    ['nothing of it was read', () => {}],
    ['it was paused', (req: IncomingMessage) => req.on('data', () => {}).pause()],
    ['it was being read', (req: IncomingMessage) => req.on('data', () => {})],
  ])('can be read where %s, and nothing behind it becomes a request', async (_what, read) => {
    const paths: (string | undefined)[] = []
    const bytesRead: number[] = []
    const port = await listen(
      createServer((req, res) => {
        paths.push(req.url)
        read(req)
        req.socket.on('close', () => bytesRead.push(req.socket.bytesRead))
        setTimeout(() => {
          lingerAfterAnswer(req)
          res.writeHead(413, ['Connection', 'close', 'Content-Length', '5']).end('large')
        }, 20)
      }),
    )
    const client = new RawClient(port)
    client.send(`POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 140000\r\n\r\n${smuggled.repeat(3000)}`)
    await client.until(() => client.text.includes('large'))
    const rest = smuggled.repeat(80_000)
    client.socket.end(rest)
    await client.closed()
    expect(client.error).toBeUndefined()
    expect(client.text).toMatch(/^HTTP\/1\.1 413 [^]*\r\n\r\nlarge$/)
    while (bytesRead.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(bytesRead[0]).toBeGreaterThan(rest.length)
    expect(paths).toEqual(['/upload'])
  })

  it('is not waited for without end', async () => {
    const bytesRead: number[] = []
    const port = await listen(
      createServer((req, res) => {
        req.socket.on('close', () => bytesRead.push(req.socket.bytesRead))
        lingerAfterAnswer(req)
        res.writeHead(413, ['Connection', 'close', 'Content-Length', '5']).end('large')
      }),
    )
    const endless = new RawClient(port)
    endless.send('POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
    for (let index = 0; index < 40; index++) endless.send(Buffer.alloc(1 << 20, 'x'))
    await endless.closed()
    while (bytesRead.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(bytesRead[0]).toBeLessThan(10 << 20)
    const silent = new RawClient(port)
    silent.socket.removeAllListeners('end')
    silent.send('POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n')
    const startedAtMs = performance.now()
    silent.socket.on('error', () => {})
    await silent.until(() => silent.text.includes('large'))
    const writing = setInterval(() => silent.send('x'), 100)
    await silent.closed()
    clearInterval(writing)
    expect(performance.now() - startedAtMs).toBeLessThan(4_000)
  })
})
