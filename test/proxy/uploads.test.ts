import { describe, expect, it } from 'vitest'
import { RawClient, gatewayTo, httpUpstream, rawUpstream } from './loopback.ts'

/** What an upstream makes of the bodies it is sent. */
interface Seen {
  body: string
  isWhole: boolean
}

async function collecting(seen: Seen[]): Promise<number> {
  return await httpUpstream((req, res) => {
    const entry: Seen = { body: '', isWhole: false }
    seen.push(entry)
    req.on('data', (chunk: Buffer) => (entry.body += chunk.toString()))
    req.on('end', () => {
      entry.isWhole = req.complete
      res.end(`got ${entry.body.length} ${req.headers['content-length'] ?? req.headers['transfer-encoding'] ?? 'none'}`)
    })
  })
}

describe('a request body', () => {
  it('keeps its length or its chunks', async () => {
    const seen: Seen[] = []
    const gateway = await gatewayTo(await collecting(seen))
    const large = 'y'.repeat(70_000)
    const cases: [string, string][] = [
      ['Content-Length: 5\r\n\r\nhello', 'got 5 5'],
      ['Content-Length: 0\r\n\r\n', 'got 0 0'],
      [`Content-Length: 70000\r\n\r\n${large}`, 'got 70000 70000'],
      ['Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', 'got 5 chunked'],
    ]
    for (const [body, expected] of cases) {
      const client = new RawClient(gateway.port)
      client.send(`POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${body}`)
      await client.closed()
      expect(client.text).toContain(expected)
    }
    expect(seen.map(({ body }) => body)).toEqual(['hello', '', large, 'hello'])
  })

  it('leaves its connection usable', async () => {
    const gateway = await gatewayTo(await collecting([]))
    const client = new RawClient(gateway.port)
    client.send(`POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n${'a'.repeat(20_000)}`)
    await client.until(() => client.text.includes('got 20000'))
    client.send('POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc')
    await client.until(() => client.text.includes('got 3'))
  })

  it.each([
    ['small', 'Content-Length: 10\r\n\r\nhalf'],
    ['large', 'Content-Length: 100000\r\n\r\nhalf'],
    ['chunked', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
  ])('that a client cuts short is never whole for the upstream (%s)', async (_what, body) => {
    for (const isReset of [true, false]) {
      const seen: Seen[] = []
      const gateway = await gatewayTo(await collecting(seen))
      const client = new RawClient(gateway.port)
      client.send(`POST / HTTP/1.1\r\nHost: x\r\n${body}`)
      while (gateway.handles.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
      await new Promise((resolve) => setTimeout(resolve, 30))
      if (isReset) client.socket.resetAndDestroy()
      else client.socket.end()
      expect(await gateway.outcome()).toMatchObject({ failure: 'client_left' })
      await new Promise((resolve) => setTimeout(resolve, 30))
      expect(seen.filter(({ isWhole }) => isWhole)).toEqual([])
    }
  })

  it('over the limit is stopped, declared or not', async () => {
    const seen: Seen[] = []
    const gateway = await gatewayTo(await collecting(seen), { call: { maxBodyBytes: 1000 } })
    const chunks = `400\r\n${'x'.repeat(0x400)}\r\n`.repeat(20)
    for (const body of [`Content-Length: 5000000\r\n\r\n${'x'.repeat(50_000)}`, `Transfer-Encoding: chunked\r\n\r\n${chunks}`]) {
      const client = new RawClient(gateway.port)
      client.send(`POST / HTTP/1.1\r\nHost: x\r\n${body}`)
      await client.until(() => client.text.includes('content_too_large'))
      expect(client.text).toMatch(/^HTTP\/1\.1 413 [^]*Connection: close/)
      expect(await gateway.outcome()).toMatchObject({ failure: 'content_too_large' })
    }
    expect(seen.filter(({ isWhole }) => isWhole)).toEqual([])
  })
})

describe('an answer before the upload is done', () => {
  it('is passed on, and what is left of the upload never becomes a request', async () => {
    const paths: string[] = []
    const upstream = await rawUpstream((socket) => {
      socket.once('data', (chunk) => {
        paths.push(chunk.toString().split(' ', 2)[1] ?? '')
        socket.end('HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nlarge')
      })
    })
    const gateway = await gatewayTo(upstream)
    const client = new RawClient(gateway.port)
    const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
    client.send('POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 140000\r\n\r\n')
    client.send(smuggled.repeat(2000))
    await client.until(() => client.text.includes('large'))
    for (let index = 0; index < 40; index++) client.send(smuggled.repeat(2000))
    // All of it is read, more than buffers on the way could hold, or the close would be a reset.
    while (client.socket.writableLength > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    await client.closed()
    expect(client.text).toMatch(/^HTTP\/1\.1 413 [^]*Connection: close[^]*\r\n\r\nlarge$/)
    expect(client.error).toBeUndefined()
    expect(paths).toEqual(['/upload'])
    expect(gateway.handles.length).toBe(1)
    expect(await gateway.outcome()).toMatchObject({ status: 413, failure: undefined })
  })

  it('from the gateway itself is readable too', async () => {
    const gateway = await gatewayTo(await httpUpstream(() => {}), { call: { headersTimeoutMs: 100, maxBodyBytes: 10 } })
    const client = new RawClient(gateway.port)
    client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n')
    for (let index = 0; index < 30; index++) client.send('z'.repeat(100_000))
    await client.closed()
    expect(client.text).toMatch(/^HTTP\/1\.1 413 /)
    expect(client.error).toBeUndefined()
  })

  it('may be a conversation: the upload goes on while the answer streams', async () => {
    const upstream = await httpUpstream((req, res) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' })
      req.on('data', (chunk: Buffer) => res.write(chunk))
      req.on('end', () => res.end('bye'))
    })
    const gateway = await gatewayTo(upstream)
    const client = new RawClient(gateway.port)
    client.send('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
    for (const word of ['one', 'two', 'six']) {
      client.send(`3\r\n${word}\r\n`)
      await client.until(() => client.text.includes(word))
    }
    client.send('0\r\n\r\n')
    await client.closed()
    expect(client.text).toMatch(/bye\r\n0\r\n\r\n$/)
  })
})

describe('Expect: 100-continue', () => {
  it('is answered once the upstream is there', async () => {
    const gateway = await gatewayTo(await collecting([]), { holdContinue: true })
    for (const length of [5, 50_000]) {
      const client = new RawClient(gateway.port)
      client.send(`POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`)
      await client.until(() => client.text.startsWith('HTTP/1.1 100 Continue\r\n\r\n'))
      client.send('x'.repeat(length))
      await client.closed()
      expect(client.text).toContain(`got ${length} ${length}`)
      expect(client.text.split('100 Continue').length).toBe(2)
    }
  })

  it('is not where the answer is a refusal, and the body is no request', async () => {
    const gateway = await gatewayTo(await collecting([]), { holdContinue: true, call: { maxBodyBytes: 10 } })
    const client = new RawClient(gateway.port)
    client.send('POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 60\r\n\r\n')
    await client.until(() => client.text.includes('content_too_large'))
    client.send('GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n')
    await client.closed()
    expect(client.text).toMatch(/^HTTP\/1\.1 413 /)
    expect(gateway.handles.length).toBe(1)
  })
})
