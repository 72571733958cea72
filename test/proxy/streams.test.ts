import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { request as httpRequest } from 'node:http'
import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createTokenFilter } from '../../src/proxy/token-filter.ts'
import { RawClient, gatewayTo, httpUpstream, rawGet, rawUpstream } from './loopback.ts'

const mebibyte = 1 << 20
const tokens = createTokenFilter([`eyJhbGciOiJSUzI1NiJ9.${'x'.repeat(700)}.signature`])

/** The highest growth of the resident memory while `run` runs, in MiB. */
async function memoryGrowth(run: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage().rss
  let highest = before
  const watch = setInterval(() => (highest = Math.max(highest, process.memoryUsage().rss)), 5)
  await run()
  clearInterval(watch)
  return (highest - before) / mebibyte
}

describe('a long body', () => {
  const piece = Buffer.alloc(65_536, 'coatcheck ')
  const pieces = (200 * mebibyte) / piece.length

  it.each(['warm-up', undefined, tokens])('of 200 MB goes down in constant memory (filter: %o)', async (filter) => {
    const upstream = await httpUpstream((_req, res) => {
      res.writeHead(200, { 'Content-Length': pieces * piece.length })
      let left = pieces
      const next = () => {
        while (left-- > 0) if (!res.write(piece)) return void res.once('drain', next)
        res.end()
      }
      next()
    })
    const gateway = await gatewayTo(upstream, typeof filter === 'object' ? { filter } : {})
    const growth = await memoryGrowth(async () => {
      const bytes = await new Promise<number>((resolve, reject) => {
        httpRequest({ port: gateway.port, host: '127.0.0.1', agent: false }, (res) => {
          let count = 0
          res.on('data', (chunk: Buffer) => (count += chunk.length))
          res.on('end', () => resolve(count))
          res.on('error', reject)
        }).end()
      })
      expect(bytes).toBe(pieces * piece.length)
    })
    // The first run in a process also grows the heap and compiles code.
    expect(growth).toBeLessThan(filter === 'warm-up' ? 150 : 100)
  })

  it.each([true, false])('of 200 MB goes up in constant memory and unchanged (declared: %s)', async (isDeclared) => {
    let seenLength: string | undefined
    const upstream = await httpUpstream((req, res) => {
      seenLength = req.headers['content-length']
      const hash = createHash('sha256')
      req.on('data', (chunk: Buffer) => hash.update(chunk))
      req.on('end', () => res.end(hash.digest('hex')))
    })
    const gateway = await gatewayTo(upstream)
    const hash = createHash('sha256')
    let answer = ''
    const growth = await memoryGrowth(async () => {
      answer = await new Promise<string>((resolve, reject) => {
        const req = httpRequest(
          {
            port: gateway.port,
            host: '127.0.0.1',
            method: 'POST',
            agent: false,
            headers: isDeclared ? { 'Content-Length': pieces * piece.length } : {},
          },
          (res) => {
            let text = ''
            res.on('data', (chunk: Buffer) => (text += chunk.toString()))
            res.on('end', () => resolve(text))
          },
        )
        req.on('error', reject)
        let left = pieces
        const next = () => {
          while (left-- > 0) {
            hash.update(piece)
            if (!req.write(piece)) return void req.once('drain', next)
          }
          req.end()
        }
        next()
      })
    })
    expect(answer).toBe(hash.digest('hex'))
    expect(seenLength).toBe(isDeclared ? String(pieces * piece.length) : undefined)
    expect(growth).toBeLessThan(100)
  })

  it('waits for an upstream that does not read', async () => {
    const upstream = await rawUpstream((socket) => {
      socket.pause()
    })
    const gateway = await gatewayTo(upstream)
    const client = new RawClient(gateway.port)
    client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n')
    const growth = await memoryGrowth(async () => {
      for (let index = 0; index < 100; index++) client.send(Buffer.alloc(1_000_000, 'x'))
      await new Promise((resolve) => setTimeout(resolve, 500))
    })
    // The client's own buffer holds what was not taken: at least 80 of the 100 MB, whatever kernels buffer.
    expect(client.socket.writableLength).toBeGreaterThan(80_000_000)
    expect(growth).toBeLessThan(200)
  })

  it('waits for slow readers without filling memory', async () => {
    const upstream = await httpUpstream((_req, res) => {
      res.writeHead(200, { 'Content-Length': 1 << 30 })
      const next = () => {
        while (!res.destroyed && res.write(piece));
        if (!res.destroyed) res.once('drain', next)
      }
      next()
    })
    const gateway = await gatewayTo(upstream)
    const growth = await memoryGrowth(async () => {
      const clients = Array.from({ length: 50 }, () => new RawClient(gateway.port))
      for (const client of clients) {
        client.socket.pause()
        client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      }
      while (gateway.handles.length < clients.length) await new Promise((resolve) => setTimeout(resolve, 10))
      await new Promise((resolve) => setTimeout(resolve, 500))
      for (const client of clients) client.socket.destroy()
      for (const _client of clients) expect((await gateway.outcome()).failure).toBe('client_left')
    })
    expect(growth).toBeLessThan(100)
    expect(gateway.upstreams.callsInFlight).toBe(0)
  })
})

describe('server-sent events', () => {
  it('show their head at once and each event as it comes', async () => {
    let response: ServerResponse | undefined
    const upstream = await httpUpstream((_req, res) => {
      response = res
      res.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' })
      res.flushHeaders()
    })
    const gateway = await gatewayTo(upstream, { filter: tokens })
    const client = new RawClient(gateway.port)
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await client.until(() => client.text.includes('text/event-stream'))
    for (const data of ['one', 'the', 'eye']) {
      response?.write(`data: ${data}\n\n`)
      await client.until(() => client.text.includes(`data: ${data}\n\n`))
    }
    gateway.handles[0]?.abort('session_ended')
    await client.closed()
    expect(await gateway.outcome()).toMatchObject({ failure: 'aborted', reason: 'session_ended', isHeadSent: true })
    await closed(response)
  })

  it('of any type show their head soon', async () => {
    const upstream = await httpUpstream((_req, res) => {
      res.writeHead(200, { 'Content-Type': 'application/x-ndjson' })
      res.flushHeaders()
    })
    const gateway = await gatewayTo(upstream, { filter: tokens })
    const client = new RawClient(gateway.port)
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await client.until(() => client.text.includes('x-ndjson'))
  })
})

describe('time', () => {
  it('without a head ends in a timeout', async () => {
    const gateway = await gatewayTo(await httpUpstream(() => {}), { call: { headersTimeoutMs: 120 } })
    expect((await rawGet(gateway.port)).text).toMatch(/^HTTP\/1\.1 504 /)
    const outcome = await gateway.outcome()
    expect(outcome).toMatchObject({ failure: 'timeout', reason: 'headers' })
    expect(outcome.durationMs).toBeGreaterThanOrEqual(100)
  })

  it('for the head starts when the upload is done', async () => {
    const upstream = await httpUpstream((req, res) => {
      req.resume()
      req.on('end', () => res.end('done'))
    })
    const gateway = await gatewayTo(upstream, { call: { headersTimeoutMs: 150 } })
    for (const length of [6, 60_006]) {
      const client = new RawClient(gateway.port)
      client.send(`POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n`)
      for (let sent = 0; sent < 6; sent++) {
        client.send('x'.repeat(length / 6))
        await new Promise((resolve) => setTimeout(resolve, 60))
      }
      await client.closed()
      expect(client.text).toContain('done')
    }
  })

  it('in which nothing moves ends a stream', async () => {
    const upstream = await httpUpstream((_req, res) => {
      res.writeHead(200)
      res.write('x')
    })
    const gateway = await gatewayTo(upstream, { call: { idleTimeoutMs: 120 } })
    const { text } = await rawGet(gateway.port)
    expect(text).toContain('\r\n\r\n1\r\nx\r\n')
    expect(text).not.toContain('0\r\n\r\n')
    expect(await gateway.outcome()).toMatchObject({ failure: 'timeout', reason: 'idle', isHeadSent: true })
  })

  it('in which nothing moves ends an upload, small or large', async () => {
    const gateway = await gatewayTo(await httpUpstream((req) => req.resume()), { call: { idleTimeoutMs: 120 } })
    for (const length of [100, 1_000_000]) {
      const client = new RawClient(gateway.port)
      client.send(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\nabc`)
      await client.closed()
      expect(await gateway.outcome()).toMatchObject({ failure: 'client_left', reason: 'idle' })
    }
  })
})

describe('a kept connection that died', () => {
  /** Answers the first request of every connection, and resets the connection at the second. */
  async function forgetful(seen: string[]): Promise<number> {
    return await rawUpstream((socket: Socket) => {
      let count = 0
      socket.on('data', (chunk) => {
        seen.push(chunk.toString().split(' ', 1)[0] ?? '')
        if (++count === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
        else socket.resetAndDestroy()
      })
    })
  }

  it('is replaced once for a GET', async () => {
    const seen: string[] = []
    const gateway = await gatewayTo(await forgetful(seen))
    for (let index = 0; index < 3; index++) expect((await rawGet(gateway.port)).text).toMatch(/^HTTP\/1\.1 200 /)
    expect(seen.length).toBeGreaterThan(3)
  })

  it('is not replaced by another that may be dead too', async () => {
    const gateway = await gatewayTo(await forgetful([]))
    await Promise.all(Array.from({ length: 5 }, async () => await rawGet(gateway.port)))
    expect((await rawGet(gateway.port)).text).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('is not for a POST, nor for a body', async () => {
    const seen: string[] = []
    const gateway = await gatewayTo(await forgetful(seen))
    await rawGet(gateway.port)
    for (const [method, body] of [
      ['POST', 'Content-Length: 0\r\n\r\n'],
      ['POST', 'Content-Length: 2\r\n\r\nhi'],
      ['GET', 'Content-Length: 2\r\n\r\nhi'],
    ]) {
      const client = new RawClient(gateway.port)
      client.send(`${method} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${body}`)
      await client.closed()
      expect(client.text).toMatch(/^HTTP\/1\.1 502 [^]*unreachable/)
      await rawGet(gateway.port)
    }
    expect(seen.filter((method) => method === 'POST').length).toBe(2)
  })

  it('that was new is not worth a second request', async () => {
    const seen: string[] = []
    const upstream = await rawUpstream((socket) => {
      socket.on('data', (chunk) => {
        seen.push(chunk.toString())
        socket.resetAndDestroy()
      })
    })
    const gateway = await gatewayTo(upstream)
    expect((await rawGet(gateway.port)).text).toMatch(/^HTTP\/1\.1 502 [^]*unreachable/)
    expect(seen.length).toBe(1)
  })
})

describe('clients that leave', () => {
  it('free their upstream connections, a thousand of them', async () => {
    // undici connects again after an abort, so only connections that got a request are counted.
    const open = new Set<Socket>()
    let isDeaf = true
    const upstream = await rawUpstream((socket) => {
      socket.on('close', () => open.delete(socket))
      socket.on('end', () => socket.end())
      socket.on('data', () => {
        open.add(socket)
        if (!isDeaf) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
        else if (Math.random() < 0.2) socket.resetAndDestroy()
      })
    })
    const gateway = await gatewayTo(upstream)
    const batch = 50
    for (let round = 0; round < 20; round++) {
      const clients = Array.from({ length: batch }, () => new RawClient(gateway.port))
      for (const client of clients) client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      while (gateway.handles.length < (round + 1) * batch) await new Promise((resolve) => setImmediate(resolve))
      for (const client of clients) client.socket.destroy()
      for (const _client of clients) await gateway.outcome()
    }
    expect(gateway.outcomes.length).toBe(1000)
    expect(gateway.outcomes.filter((outcome) => outcome.failure === undefined)).toEqual([])
    expect(gateway.upstreams.callsInFlight).toBe(0)
    while (open.size > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    isDeaf = false
    expect((await rawGet(gateway.port)).text.endsWith('ok')).toBe(true)
  })

  it('during back-pressure free theirs too', async () => {
    const open = new Set<Socket>()
    const upstream = await rawUpstream((socket) => {
      socket.on('close', () => open.delete(socket))
      socket.on('data', () => {
        open.add(socket)
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n')
        for (let index = 0; index < 100; index++) socket.write(Buffer.alloc(1_000_000))
      })
    })
    const gateway = await gatewayTo(upstream)
    const client = new RawClient(gateway.port)
    client.socket.pause()
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    while (gateway.handles.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    await new Promise((resolve) => setTimeout(resolve, 200))
    client.socket.destroy()
    expect(await gateway.outcome()).toMatchObject({ failure: 'client_left', isHeadSent: true })
    while (open.size > 0) await new Promise((resolve) => setTimeout(resolve, 5))
  })

  it('behind a pipelined request are noticed', async () => {
    const gateway = await gatewayTo(await httpUpstream(() => {}))
    const client = new RawClient(gateway.port)
    client.send('GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n')
    while (gateway.handles.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
    client.socket.destroy()
    expect(await gateway.outcome()).toMatchObject({ failure: 'client_left' })
    expect(await gateway.outcome()).toMatchObject({ failure: 'client_left' })
  })
})

it('destroy ends what is in flight', async () => {
  const gateway = await gatewayTo(await httpUpstream(() => {}))
  const answer = rawGet(gateway.port)
  while (gateway.handles.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  await gateway.upstreams.destroy()
  expect((await answer).text).toMatch(/^HTTP\/1\.1 (401|502) /)
})

async function closed(res: ServerResponse | undefined): Promise<void> {
  if (res !== undefined && !res.closed) await new Promise((resolve) => res.once('close', resolve))
}
