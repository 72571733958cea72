import type { ServerResponse } from 'node:http'
import { brotliCompressSync, constants, deflateRawSync, deflateSync, gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { createTokenFilter } from '../../src/proxy/token-filter.ts'
import { RawClient, gatewayTo, httpUpstream, rawGet, rawUpstream, scriptedUpstream } from './loopback.ts'

const ok = 'HTTP/1.1 200 OK\r\n'

describe('an answer', () => {
  it('keeps its length, its repeated headers and its bytes', async () => {
    const gateway = await gatewayTo(
      await scriptedUpstream(`${ok}Set-Cookie: a=1\r\nX-Odd: \xe9\r\nSet-Cookie: b=2\r\nContent-Length: 5\r\n\r\nhello`),
    )
    const { text } = await rawGet(gateway.port)
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\nSet-Cookie: a=1\r\nX-Odd: .*\r\nSet-Cookie: b=2\r\nContent-Length: 5\r\n/)
    expect(text.endsWith('\r\n\r\nhello')).toBe(true)
    expect(await gateway.outcome()).toMatchObject({ status: 200, failure: undefined, isHeadSent: true })
  })

  it('without a length is chunked, and its trailers are dropped', async () => {
    const answer = `${ok}Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n`
    const gateway = await gatewayTo(await scriptedUpstream(answer))
    const { text } = await rawGet(gateway.port)
    expect(text).toContain('Transfer-Encoding: chunked')
    expect(text).toContain('5\r\nhello\r\n0\r\n\r\n')
    expect(text).not.toContain('X-Sum')
  })

  it('may end with its connection', async () => {
    const gateway = await gatewayTo(await scriptedUpstream(`${ok}\r\nhello`, 'end'))
    const { text } = await rawGet(gateway.port)
    expect(text).toContain('5\r\nhello\r\n0\r\n\r\n')
    expect(await gateway.outcome()).toMatchObject({ failure: undefined })
  })

  it.each([
    ['HEAD', '200 OK', '5'],
    ['GET', '304 Not Modified', '5'],
    ['GET', '204 No Content', ''],
  ])('to %s with %s has no body', async (method, status, length) => {
    const gateway = await gatewayTo(
      await scriptedUpstream(`HTTP/1.1 ${status}\r\n${length === '' ? '' : `Content-Length: ${length}\r\n`}ETag: "1"\r\n\r\n`),
    )
    const client = new RawClient(gateway.port)
    client.send(`${method} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    await client.closed()
    expect(client.text.startsWith(`HTTP/1.1 ${status}\r\n`)).toBe(true)
    expect(client.text.endsWith('\r\n\r\n')).toBe(true)
    expect(client.text.split('\r\n\r\n').length).toBe(2)
    if (length !== '') expect(client.text).toContain('Content-Length: 5')
    expect(await gateway.outcome()).toMatchObject({ failure: undefined })
  })

  it('to an early hint waits for the final one, and the hint is dropped', async () => {
    const hint = 'HTTP/1.1 103 Early Hints\r\nLink: </x.css>\r\n\r\n'
    const gateway = await gatewayTo(await scriptedUpstream(`${hint}${ok}Content-Length: 2\r\n\r\nhi`))
    const { text } = await rawGet(gateway.port)
    expect(text.startsWith(ok)).toBe(true)
    expect(text).not.toContain('x.css')
  })

  it('with a thousand headers goes through', async () => {
    const many = Array.from({ length: 1000 }, (_, index) => `X-${index}: ${index}\r\n`).join('')
    const gateway = await gatewayTo(await scriptedUpstream(`${ok}${many}Content-Length: 2\r\n\r\nhi`))
    const { text } = await rawGet(gateway.port)
    expect(text).toContain('X-999: 999\r\n')
    expect(text.endsWith('hi')).toBe(true)
  })
})

describe('what an upstream gets wrong', () => {
  it.each([
    ['a junk status line', 'HELLO WORLD\r\n\r\n'],
    ['an impossible status', 'HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n'],
    ['a control character in a header', `${ok}X-A: a\x01b\r\nContent-Length: 0\r\n\r\n`],
    ['200 KB of headers', `${ok}X-A: ${'a'.repeat(200_000)}\r\nContent-Length: 0\r\n\r\n`],
    ['two lengths', `${ok}Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc`],
    ['a length and chunks', `${ok}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['an unknown transfer coding', `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
    ['a switch of protocols nobody asked for', 'HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
    ['a bare 101', 'HTTP/1.1 101 Switching\r\n\r\n'],
  ])('%s is a bad response', async (_what, answer) => {
    const gateway = await gatewayTo(await scriptedUpstream(answer))
    const { text } = await rawGet(gateway.port)
    expect(text).toMatch(/^HTTP\/1\.1 502 /)
    expect(text).toContain('bad_response')
    expect(await gateway.outcome()).toMatchObject({ failure: 'bad_response', isHeadSent: false })
  })

  it('a short body cuts the client', async () => {
    const gateway = await gatewayTo(await scriptedUpstream(`${ok}Content-Length: 10\r\n\r\nhello`, 'end'))
    const { text } = await rawGet(gateway.port)
    expect(text).not.toContain('502')
    expect(await gateway.outcome()).toMatchObject({ failure: 'bad_response', isHeadSent: true })
  })

  it('chunks without an end cut the client', async () => {
    const gateway = await gatewayTo(await scriptedUpstream(`${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`, 'end'))
    const { text } = await rawGet(gateway.port)
    expect(text).not.toContain('0\r\n\r\n')
    expect(await gateway.outcome()).toMatchObject({ failure: 'bad_response', isHeadSent: true })
  })

  it('a reset is not the end of a body without a length', async () => {
    const gateway = await gatewayTo(await scriptedUpstream(`${ok}\r\nhello`, 'reset'))
    const { text } = await rawGet(gateway.port)
    expect(text).toContain('hello')
    expect(text).not.toContain('0\r\n\r\n')
    expect(await gateway.outcome()).toMatchObject({ failure: 'bad_response', isHeadSent: true })
  })

  it('a cut body is a reset to a client of HTTP/1.0, for which a close would be its end', async () => {
    const gateway = await gatewayTo(await scriptedUpstream(`${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`, 'reset'))
    const client = new RawClient(gateway.port)
    client.send('GET / HTTP/1.0\r\n\r\n')
    await client.closed()
    expect(client.error?.code).toBe('ECONNRESET')
  })

  it('surplus bytes reach nobody', async () => {
    const poison = `${ok}Content-Length: 6\r\n\r\npoison`
    const gateway = await gatewayTo(await scriptedUpstream(`${ok}Content-Length: 2\r\n\r\nok${poison}`))
    for (let index = 0; index < 5; index++) {
      const { text } = await rawGet(gateway.port)
      expect(text.endsWith('\r\n\r\nok')).toBe(true)
    }
  })

  it('an answer on an idle connection is not taken for the next one', async () => {
    let pushStale: (() => void) | undefined
    const gateway = await gatewayTo(
      await rawUpstream((socket) => {
        pushStale = () => socket.write(`${ok}Content-Length: 5\r\n\r\nstale`)
        socket.on('data', () => socket.write(`${ok}Content-Length: 2\r\n\r\nok`))
      }),
    )
    await rawGet(gateway.port)
    pushStale?.()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect((await rawGet(gateway.port)).text.endsWith('ok')).toBe(true)
  })

  it('a refused connection is told as such', async () => {
    // Nobody listens on port 1, and no test is given it.
    const gateway = await gatewayTo(1)
    expect((await rawGet(gateway.port)).text).toMatch(/^HTTP\/1\.1 502 [^]*unreachable/)
    expect(await gateway.outcome()).toMatchObject({ failure: 'unreachable', reason: 'ECONNREFUSED' })
  })

  it('heads that Node refuses to write and callers that throw do not end the process', async () => {
    const port = await scriptedUpstream(`${ok}Content-Length: 2\r\n\r\nhi`)
    for (const responseHeaders of [
      () => ['X-Bad', 'a\r\nSet-Cookie: x=1', 'Content-Length', '2'],
      () => {
        throw new Error('a mistake of the caller')
      },
    ]) {
      const gateway = await gatewayTo(port, { call: { responseHeaders } })
      expect((await rawGet(gateway.port)).text).toMatch(/^HTTP\/1\.1 502 /)
    }
    const refusing = await gatewayTo(port, { call: { responseHeaders: () => ({ refused: 'because' }) } })
    await rawGet(refusing.port)
    expect(await refusing.outcome()).toMatchObject({ failure: 'bad_response', reason: 'because' })
    const badRequest = await gatewayTo(port, { call: { headers: ['x', 'a\r\nb: c'] } })
    expect((await rawGet(badRequest.port)).text).toMatch(/^HTTP\/1\.1 502 /)
    const badPath = await gatewayTo(port, { call: { path: '/a b' } })
    expect((await rawGet(badPath.port)).text).toMatch(/^HTTP\/1\.1 502 /)
    const throwing = await gatewayTo(await scriptedUpstream('JUNK\r\n\r\n'), {
      call: {
        onFailure() {
          throw new Error('a mistake of the caller')
        },
      },
    })
    expect((await rawGet(throwing.port)).text).toBe('')
  })
})

describe('tokens', () => {
  const token = `eyJhbGciOiJSUzI1NiJ9.${'x'.repeat(700)}.signature`
  const filter = createTokenFilter([token])
  const html = `<html>${'<p>hey</p>'.repeat(50)}`

  it('in the head or at once in the body stop the answer', async () => {
    for (const answer of [
      `${ok}Location: /?t=${token}\r\nContent-Length: 0\r\n\r\n`,
      `${ok}Content-Length: ${token.length}\r\n\r\n${token}`,
      `${ok}Transfer-Encoding: chunked\r\n\r\n${token.length.toString(16)}\r\n${token}\r\n0\r\n\r\n`,
    ]) {
      const gateway = await gatewayTo(await scriptedUpstream(answer), { filter })
      const { text } = await rawGet(gateway.port)
      expect(text).toMatch(/^HTTP\/1\.1 502 [^]*token_in_response/)
      expect(text).not.toContain('eyJ')
      expect(await gateway.outcome()).toMatchObject({ failure: 'token_in_response', isHeadSent: false })
    }
  })

  it('across packets cut the connection before the token began', async () => {
    let response: ServerResponse | undefined
    const upstream = await httpUpstream((_req, res) => {
      response = res
      res.writeHead(200, { 'Content-Type': 'text/html' })
      res.write(html + token.slice(0, 300))
    })
    const gateway = await gatewayTo(upstream, { filter })
    const client = new RawClient(gateway.port)
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await client.until(() => client.text.includes('<p>hey</p>'))
    response?.end(token.slice(300))
    await client.closed()
    expect(client.text).not.toContain('eyJ')
    expect(await gateway.outcome()).toMatchObject({ failure: 'token_in_response', isHeadSent: true })
  })

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
  ])('behind the end of a stream in %s do not go out', async (coding, compress) => {
    const body = compress(Buffer.from(html))
    for (const rest of [Buffer.from(token), Buffer.concat([Buffer.alloc(4), compress(Buffer.from(token))])]) {
      const head = `${ok}Content-Encoding: ${coding}\r\nContent-Length: ${body.length + rest.length}\r\n\r\n`
      const atOnce = await gatewayTo(await scriptedUpstream(Buffer.concat([Buffer.from(head), body, rest])), { filter })
      expect((await rawGet(atOnce.port)).text).toMatch(/^HTTP\/1\.1 502 /)

      let response: ServerResponse | undefined
      const upstream = await httpUpstream((_req, res) => {
        response = res
        res.writeHead(200, { 'Content-Encoding': coding })
        res.write(body)
      })
      const later = await gatewayTo(upstream, { filter })
      const client = new RawClient(later.port)
      client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      await client.until(() => client.text.includes('\r\n\r\n'))
      response?.end(rest)
      await client.closed()
      expect(client.text).not.toContain('eyJ')
      expect(client.received.includes(rest.subarray(-10))).toBe(false)
      expect(await later.outcome()).toMatchObject({ isHeadSent: true })
    }
  })

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
  ])('are found in %s', async (coding, compress) => {
    for (const isGuilty of [true, false]) {
      const body = compress(Buffer.from(`${html}${isGuilty ? token : token.slice(1)}</html>`))
      const head = `${ok}Content-Encoding: ${coding}\r\nContent-Length: ${body.length}\r\n\r\n`
      const gateway = await gatewayTo(await scriptedUpstream(Buffer.concat([Buffer.from(head), body])), { filter })
      const { text, received } = await rawGet(gateway.port)
      if (isGuilty) expect(text).toMatch(/^HTTP\/1\.1 502 [^]*token_in_response/)
      else expect(received.subarray(-body.length).equals(body)).toBe(true)
    }
  })

  it('are found in compressed bytes that arrive one by one, and nothing of them is released', async () => {
    const body = gzipSync(Buffer.from(html + token))
    const upstream = await httpUpstream((_req, res) => {
      res.writeHead(200, { 'Content-Encoding': 'gzip', 'Content-Type': 'text/event-stream' })
      let at = 0
      const next = () => {
        if (res.destroyed || at >= body.length) res.end()
        else res.write(body.subarray(at, ++at), () => setImmediate(next))
      }
      next()
    })
    const gateway = await gatewayTo(upstream, { filter })
    const { text } = await rawGet(gateway.port)
    expect(text).toMatch(/^HTTP\/1\.1 200 /)
    const compressed = unchunked(text.slice(text.indexOf('\r\n\r\n') + 4))
    expect(body.subarray(0, compressed.length).equals(compressed)).toBe(true)
    const decoded = gunzipSync(compressed, { finishFlush: constants.Z_SYNC_FLUSH }).toString()
    expect(decoded).toContain('<p>hey')
    expect(decoded).not.toContain('eyJ')
    expect(await gateway.outcome()).toMatchObject({ failure: 'token_in_response', isHeadSent: true })
  })

  it('in a coding that cannot be read, or a part that cannot be judged, are a bad response', async () => {
    for (const answer of [
      `${ok}Content-Encoding: zstd\r\nContent-Length: 1\r\n\r\nx`,
      `${ok}Content-Encoding: gzip, br\r\nContent-Length: 1\r\n\r\nx`,
      `${ok}Content-Encoding: gzip\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx`,
      `${ok}Content-Encoding: identity\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx`,
      `${ok}Content-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip`,
      'HTTP/1.1 206 Partial Content\r\nContent-Type: multipart/byteranges; boundary=x\r\nContent-Length: 1\r\n\r\nx',
      'HTTP/1.1 206 Partial Content\r\nContent-Encoding: gzip\r\nContent-Range: bytes 0-0/9\r\nContent-Length: 1\r\n\r\nx',
    ]) {
      const gateway = await gatewayTo(await scriptedUpstream(answer), { filter })
      await rawGet(gateway.port)
      expect(await gateway.outcome(), answer).toMatchObject({ failure: 'bad_response', reason: 'unreadable_content' })
    }
    const part = `HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/9\r\nContent-Length: 5\r\n\r\nhello`
    const gateway = await gatewayTo(await scriptedUpstream(part), { filter })
    expect((await rawGet(gateway.port)).text.endsWith('\r\n\r\nhello')).toBe(true)
  })

  it('do not make a bomb of ours: 200 MB of zeros are scanned in constant memory', async () => {
    const bomb = gzipSync(Buffer.alloc(200 << 20), { level: 9 })
    const head = `${ok}Content-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`
    const gateway = await gatewayTo(await scriptedUpstream(Buffer.concat([Buffer.from(head), bomb])), { filter })
    const before = process.memoryUsage().rss
    let highest = before
    const watch = setInterval(() => (highest = Math.max(highest, process.memoryUsage().rss)), 5)
    const { received } = await rawGet(gateway.port)
    clearInterval(watch)
    expect(received.subarray(-bomb.length).equals(bomb)).toBe(true)
    expect((highest - before) / (1 << 20)).toBeLessThan(60)
  })
})

/** The data in a chunked body that may lack its end. */
function unchunked(text: string): Buffer {
  const parts: string[] = []
  let at = 0
  for (let line = text.indexOf('\r\n'); line !== -1; line = text.indexOf('\r\n', at)) {
    const size = Number.parseInt(text.slice(at, line), 16)
    parts.push(text.slice(line + 2, line + 2 + size))
    at = line + 4 + size
  }
  return Buffer.from(parts.join(''), 'latin1')
}
