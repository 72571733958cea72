import { mkdir, mkdtemp, rename, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises'
import { createServer, request, type IncomingHttpHeaders } from 'node:http'
import { createServer as createSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createStatic } from '../../src/proxy/static.ts'
import { deferred } from '../support/deferred.ts'
import { listenOnLoopback, type LoopbackListener } from '../support/loopback.ts'

let directory: string
let listener: LoopbackListener
/** What the file server leaves undone for whoever answers in its stead. */
let missed: IncomingHttpHeaders[]

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coatcheck-static-'))
  await writeFile(join(directory, 'index.html'), '<title>app</title>')
  await writeFile(join(directory, 'app-B3nX9_a1.js'), 'let app')
  await writeFile(join(directory, 'app-B3nX9_a1.js.gz'), 'GZ')
  missed = []
  const files = createStatic({ path: '/', directory, contentSecurityPolicy: "object-src 'none'" }, '')
  const server = createServer((req, res) => {
    files(req, res, req.url ?? '', () => {
      missed.push(res.getHeaders() as IncomingHttpHeaders)
      res
        .writeHead(404, { 'content-type': 'application/problem+json', 'cache-control': 'no-store', 'content-length': 2 })
        .end('{}')
    })
  })
  listener = await listenOnLoopback(server)
})

afterEach(async () => {
  await listener.close()
  await rm(directory, { recursive: true, force: true })
})

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly complete: boolean
}

/** One request; `onHead` runs between the head and the rest of the body. */
function get(path: string, headers: Record<string, string> = {}, onHead?: () => Promise<void>): Promise<Answer> {
  const answer = deferred<Answer>()
  const req = request({ host: '127.0.0.1', port: listener.port, path, headers, agent: false }, (res) => {
    const chunks: Buffer[] = []
    const finish = (): void =>
      answer.resolve({
        status: res.statusCode ?? 0,
        headers: res.headers,
        body: Buffer.concat(chunks).toString(),
        complete: res.complete,
      })
    res.on('error', finish).on('end', finish)
    const read = (): void => void res.on('data', (chunk: Buffer) => chunks.push(chunk))
    if (onHead === undefined) read()
    else onHead().then(read, answer.reject)
  })
  req.on('error', answer.reject).end()
  return answer.promise
}

/** A file that can be found but not opened, whoever asks: the file of a Unix socket. */
async function unopenable(name: string): Promise<() => Promise<void>> {
  const server = createSocket()
  await new Promise<void>((resolve) => server.listen(join(directory, name), resolve))
  return () => new Promise((resolve) => server.close(() => resolve()))
}

test('a file that cannot be read is missing, and what was said of it is taken back', async () => {
  const closers = await Promise.all([unopenable('x-B3nX9_a1.js'), unopenable('y.js.br')])
  await writeFile(join(directory, 'y.js'), 'plain')
  const answer = await get('/x-B3nX9_a1.js')
  expect(answer).toMatchObject({ status: 404, body: '{}', headers: { 'cache-control': 'no-store' } })
  for (const name of ['etag', 'last-modified', 'accept-ranges', 'content-encoding', 'content-security-policy'])
    expect(answer.headers).not.toHaveProperty(name)
  expect(missed).toEqual([{}])
  expect(await get('/y.js', { 'Accept-Encoding': 'br' }), 'a socket is no compressed file').toMatchObject({
    status: 200,
    body: 'plain',
  })
  expect((await get('/')).status).toBe(200)
  await Promise.all(closers.map((close) => close()))
})

test('an index that cannot be read is missing, once', async () => {
  await unlink(join(directory, 'index.html'))
  const close = await unopenable('index.html')
  expect((await get('/orders')).status).toBe(404)
  expect(missed).toHaveLength(1)
  await close()
})

test('a file that shrinks while it is sent ends the connection, and nothing else', async () => {
  const file = join(directory, 'big.bin')
  await writeFile(file, Buffer.alloc(32 << 20))
  const answer = await get('/big.bin', {}, () => truncate(file, 1))
  expect([answer.status, answer.complete]).toEqual([200, false])
  expect((await get('/')).status).toBe(200)
})

test('a file that is replaced or deleted while it is sent comes whole', async () => {
  const file = join(directory, 'big.bin')
  await writeFile(file, Buffer.alloc(8 << 20, 'a'))
  const replaced = await get('/big.bin', {}, async () => {
    await writeFile(`${file}.new`, 'b')
    await rename(`${file}.new`, file)
  })
  expect([replaced.status, replaced.complete, replaced.body.length]).toEqual([200, true, 8 << 20])
  expect((await get('/big.bin')).body).toBe('b')
})

test('a range that cannot be satisfied says so, and is not kept', async () => {
  const answer = await get('/app-B3nX9_a1.js', { Range: 'bytes=99-' })
  expect(answer).toMatchObject({ status: 416, body: '', headers: { 'content-range': 'bytes */7' } })
  expect(answer.headers['cache-control']).toBe('no-store')
  expect(answer.headers).not.toHaveProperty('etag')
})

test.each([
  'bytes=0-1,3-4',
  'bytes=0-1, 0-1, 0-1',
  'bytes=a-b',
  'bytes=--1',
  'bytes',
  'bytes=1-0x2',
  `bytes=${'0-0,'.repeat(2000)}0-0`,
  'bytes=-0',
  'bytes=9999999999999999999-',
])('the range %.30s breaks nothing', async (range) => {
  expect([200, 206, 416]).toContain((await get('/app-B3nX9_a1.js', { Range: range })).status)
  expect((await get('/')).status).toBe(200)
})

test('preconditions', async () => {
  const { headers } = await get('/app-B3nX9_a1.js')
  const etag = headers.etag ?? ''
  expect((await get('/app-B3nX9_a1.js', { 'If-Match': etag.replace('W/', '') })).status).toBe(200)
  expect(await get('/app-B3nX9_a1.js', { 'If-Match': '"other"' })).toMatchObject({ status: 412, body: '' })
  expect((await get('/app-B3nX9_a1.js', { 'If-Unmodified-Since': 'Thu, 01 Jan 1970 00:00:00 GMT' })).status).toBe(412)
  expect((await get('/app-B3nX9_a1.js', { 'If-Modified-Since': headers['last-modified'] ?? '' })).status).toBe(304)
  expect((await get('/app-B3nX9_a1.js', { Range: 'bytes=0-0', 'If-Range': '"other"' })).status).toBe(200)
  expect((await get('/app-B3nX9_a1.js', { Range: 'bytes=0-0', 'If-Range': etag })).status).toBe(206)
})

test('a compressed file and the plain one have tags of their own', async () => {
  const [plain, compressed] = [await get('/app-B3nX9_a1.js'), await get('/app-B3nX9_a1.js', { 'Accept-Encoding': 'gzip' })]
  expect([plain.body, compressed.body]).toEqual(['let app', 'GZ'])
  expect(plain.headers.etag).not.toBe(compressed.headers.etag)
  expect((await get('/app-B3nX9_a1.js', { 'Accept-Encoding': 'gzip', 'If-None-Match': plain.headers.etag ?? '' })).status).toBe(
    200,
  )
  const same = await get('/app-B3nX9_a1.js', { 'Accept-Encoding': 'gzip', 'If-None-Match': compressed.headers.etag ?? '' })
  expect([same.status, same.headers['vary'], same.headers['content-encoding']]).toEqual([304, 'Accept-Encoding', undefined])
})

test('a compressed file is found by its decoded name', async () => {
  await writeFile(join(directory, 'a b.js'), 'plain')
  await writeFile(join(directory, 'a b.js.gz'), 'GZ')
  expect(await get('/a%20b.js', { 'Accept-Encoding': 'gzip' })).toMatchObject({
    body: 'GZ',
    headers: { 'content-encoding': 'gzip' },
  })
  expect(await get('/a%20b.js')).toMatchObject({ body: 'plain' })
})

test('links are followed, out of the folder too: a build is linked into place that way', async () => {
  const builds = `${directory}-builds`
  await mkdir(builds)
  await writeFile(join(builds, 'linked.js'), 'linked')
  await symlink(builds, join(directory, 'current'))
  expect((await get('/current/linked.js')).body).toBe('linked')
  await rm(builds, { recursive: true })
  expect((await get('/current/linked.js')).status).toBe(404)
})

test('clients that leave early leave nothing open', async () => {
  await writeFile(join(directory, 'big.bin'), Buffer.alloc(8 << 20))
  for (let i = 0; i < 20; i += 1) {
    const left = deferred<void>()
    const req = request({ host: '127.0.0.1', port: listener.port, path: '/big.bin', agent: false }, () => req.destroy())
    req.on('error', () => undefined).on('close', () => left.resolve())
    req.end()
    await left.promise
  }
  expect((await get('/')).status).toBe(200)
})
