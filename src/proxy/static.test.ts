import { mkdtemp, mkdir, rm, symlink, writeFile, chmod } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createStatic } from './static.ts'

const policy = "script-src 'self'; object-src 'none'"
const long = 'x'.repeat(70_000)
const page = '<!doctype html><title>app</title>'

let directory: string
let server: Server
let port: number

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'coatcheck-static-')), 'dist')
})

afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(dirname(directory), { recursive: true })
})

async function put(files: Record<string, string>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
  }
}

async function serve(path = '/', strictTransportSecurity = 'max-age=1'): Promise<void> {
  const files = createStatic(
    { path, directory, contentSecurityPolicy: policy.replace(' object', '\n  object') + '\n' },
    strictTransportSecurity,
  )
  server = createServer((req, res) => {
    const target = (req.url ?? '').split('?', 1)[0] ?? ''
    files(req, res, target, () => res.writeHead(404, { 'content-length': 7 }).end('missing'))
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  port = (server.address() as AddressInfo).port
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** One request over a raw socket, its path as it stands. */
async function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  const lines = Object.entries({ Host: 'app.test', Connection: 'close', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  )
  const socket = connect(port, '127.0.0.1')
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString('latin1')
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [status = '', ...fields] = head.split('\r\n')
  return {
    status: Number(status.split(' ')[1]),
    headers: Object.fromEntries(
      fields.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    ),
    body: rest.join('\r\n\r\n'),
  }
}

const spa = {
  'index.html': page,
  'assets/app-B3nX9_a1.js': 'let hashed',
  'plain.js': long,
  'caf\u00e9.txt': 'latte',
  'logo.svg': '<svg/>',
  'files/[...slug].js': 'slug',
  '.env': 'SECRET=1',
  '.git/config': 'SECRET=1',
  'sub/.hidden/x.js': 'SECRET=1',
  '.well-known/security.txt': 'Contact: x',
  '.well-known/.secret': 'SECRET=1',
  '.well-known/apple-app-site-association': '{}',
  '../outside.txt': 'SECRET=1',
}

describe('what is served', () => {
  beforeEach(async () => {
    await put(spa)
    await serve()
  })

  test.each([
    ['/', page],
    ['/index.html', page],
    ['/orders/12', page],
    ['/orders/', page],
    ['/v1.2/orders', page],
    ['/assets', page],
    ['/assets/app-B3nX9_a1.js', 'let hashed'],
    ['/assets/app-B3nX9_a1.js?v=1', 'let hashed'],
    ['/caf%C3%A9.txt', 'latte'],
    ['/files/[...slug].js', 'slug'],
    ['/files/%5B...slug%5D.js', 'slug'],
    ['/.well-known/security.txt', 'Contact: x'],
    ['/.well-known/apple-app-site-association', '{}'],
  ])('%s', async (path, body) => {
    const answer = await get(path)
    expect([answer.status, answer.body]).toEqual([200, body])
    expect(answer.headers['content-length']).toBe(String(Buffer.byteLength(body, path.includes('caf') ? 'utf8' : 'latin1')))
  })

  test.each([
    '/missing.js',
    '/assets/missing.css',
    '/orders/x.y',
    '/.well-known/openid-configuration',
    '/.well-known/',
    '/.well-known',
  ])('%s is missing', async (path) => {
    expect(await get(path)).toMatchObject({ status: 404, body: 'missing' })
  })

  test.each([
    '/.env',
    '/%2eenv',
    '/%2Eenv',
    '/.git/config',
    '/.git/',
    '/%2egit/config',
    '/sub/.hidden/x.js',
    '/sub/%2ehidden/x.js',
    '/.well-known/.secret',
    '/.well-known/%2esecret',
    '/../outside.txt',
    '/%2e%2e/outside.txt',
    '/..%2foutside.txt',
    '/assets/../../outside.txt',
    '/.well-known/../.env',
    '/.well-known/..%2f.env',
    '/..\\outside.txt',
    '/%5c..%5coutside.txt',
    '//outside.txt',
    '/index.html%00.js',
    '/%00',
    '/%zz',
    '/%',
    '/.%00env',
    '/.env%20',
    '/.well-known/%2e%2e/%2eenv',
  ])('%s gives nothing away', async (path) => {
    const answer = await get(path)
    expect([404, 200]).toContain(answer.status)
    expect([page, 'missing']).toContain(answer.body)
  })

  test.each(['/.git/config', '/.env', '/.htpasswd', '/x/.git/'])('%s is missing, and no page', async (path) => {
    expect((await get(path)).status).toBe(404)
  })

  test('HEAD has the headers of GET and no body', async () => {
    const [head, whole] = [await get('/plain.js', {}, 'HEAD'), await get('/plain.js')]
    expect(head.body).toBe('')
    expect({ ...head.headers, date: '' }).toEqual({ ...whole.headers, date: '' })
    expect(whole.body).toBe(long)
  })

  test.each([
    ['bytes=0-0', 206, 'x', 'bytes 0-0/70000'],
    ['bytes=-2', 206, 'xx', 'bytes 69998-69999/70000'],
    ['bytes=69999-', 206, 'x', 'bytes 69999-69999/70000'],
    ['bytes=70000-', 416, '', 'bytes */70000'],
    ['bytes=5-2', 416, '', 'bytes */70000'],
    ['lines=1-2', 200, long, undefined],
    ['bytes=', 200, long, undefined],
  ])('the range %s answers %i', async (range, status, body, contentRange) => {
    const answer = await get('/plain.js', { Range: range })
    expect([answer.status, answer.headers['content-range']]).toEqual([status, contentRange])
    expect(answer.body === body).toBe(true)
  })

  test('what the browser has already is not sent again', async () => {
    const { headers } = await get('/')
    const again = await get('/', { 'If-None-Match': `"other", ${headers['etag'] ?? ''}` })
    expect([again.status, again.body, again.headers['etag'], again.headers['cache-control']]).toEqual([
      304,
      '',
      headers['etag'],
      'no-cache',
    ])
  })
})

describe('headers', () => {
  beforeEach(async () => {
    await put(spa)
    await serve()
  })

  const everywhere = {
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'strict-origin-when-cross-origin',
    'cross-origin-resource-policy': 'same-origin',
    'strict-transport-security': 'max-age=1',
    vary: 'Accept-Encoding',
  }

  test.each([
    ['/', 'text/html; charset=utf-8'],
    ['/orders', 'text/html; charset=utf-8'],
    ['/logo.svg', 'image/svg+xml; charset=utf-8'],
  ])('%s, which can run scripts, has the policy', async (path, type) => {
    expect((await get(path)).headers).toMatchObject({
      ...everywhere,
      'content-type': type,
      'content-security-policy': policy,
      'cross-origin-opener-policy': 'same-origin-allow-popups',
      'cache-control': 'no-cache',
    })
  })

  test('other files have no policy', async () => {
    const { headers } = await get('/plain.js')
    expect(headers).toMatchObject({
      ...everywhere,
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'no-cache',
    })
    expect(headers).not.toHaveProperty('content-security-policy')
  })

  test('a file with its hash in its name is kept for ever, and the page in its stead never', async () => {
    expect((await get('/assets/app-B3nX9_a1.js')).headers['cache-control']).toBe('public, max-age=31536000, immutable')
    expect((await get('/assets/app-B3nX9_a1')).headers['cache-control']).toBe('no-cache')
    expect((await get('/.well-known/apple-app-site-association')).headers['content-type']).toBe('application/json; charset=utf-8')
  })

  test('a missing file inherits nothing of a page', async () => {
    expect((await get('/missing.js')).headers).not.toHaveProperty('content-security-policy')
  })
})

describe('files that come and go', () => {
  test('the folder may come later, a new build needs no restart, and lengths are never stale', async () => {
    await serve()
    expect((await get('/')).status).toBe(404)
    await put({ 'index.html': 'one' })
    expect((await get('/x')).body).toBe('one')
    await put({ 'index.html': 'twotwo' })
    expect(await get('/x')).toMatchObject({ status: 200, body: 'twotwo', headers: { 'content-length': '6' } })
    await rm(directory, { recursive: true })
    expect((await get('/')).status).toBe(404)
    await put({ 'index.html': 'three' })
    expect((await get('/')).body).toBe('three')
  })

  test('a folder, a broken link and an unreadable file end nothing', async () => {
    await put({ 'index.html': page, 'closed.js': 'x', 'dir.js/x': 'x' })
    await chmod(join(directory, 'closed.js'), 0o000)
    await symlink(join(directory, 'nowhere'), join(directory, 'broken.js'))
    await serve()
    expect((await get('/dir.js')).status).toBe(404)
    expect((await get('/broken.js')).status).toBe(404)
    // The superuser of a container reads it all the same.
    expect([200, 404, 500]).toContain((await get('/closed.js')).status)
    expect((await get('/')).status).toBe(200)
  })
})

describe('a route under a path', () => {
  test.each(['/app/', '/app'])('%s is cut off', async (path) => {
    await put(spa)
    await serve(path)
    for (const [target, body] of [
      ['/app', page],
      ['/app/', page],
      ['/app/orders', page],
      ['/app/plain.js', long],
    ] as const) {
      expect((await get(target)).body === body, target).toBe(true)
    }
    expect((await get('/app/.env')).status).toBe(404)
  })
})

describe('files that the build has compressed', () => {
  beforeEach(async () => {
    await put({
      'index.html': page,
      'index.html.br': 'BR',
      'index.html.gz': 'GZ',
      'a.js': 'plain',
      'a.js.gz': 'GZ-A',
      'b.js': 'plain-b',
      'only.js.br': 'BR-ONLY',
    })
    await serve()
  })

  test.each([
    ['/', 'gzip, deflate, br', 'BR', 'br'],
    ['/orders', 'gzip, deflate, br', 'BR', 'br'],
    ['/index.html', 'gzip', 'GZ', 'gzip'],
    ['/index.html', 'br;q=0, gzip;q=0.5', 'GZ', 'gzip'],
    ['/index.html', 'br;q=0.000, gzip;q=0', page, undefined],
    ['/index.html', 'xbr, gzipped', page, undefined],
    ['/a.js', 'br, gzip', 'GZ-A', 'gzip'],
    ['/b.js', 'br, gzip', 'plain-b', undefined],
  ])('%s for %s', async (path, accepted, body, coding) => {
    const answer = await get(path, { 'Accept-Encoding': accepted })
    expect([answer.status, answer.body, answer.headers['content-encoding'], answer.headers['vary']]).toEqual([
      200,
      body,
      coding,
      'Accept-Encoding',
    ])
    expect(answer.headers['content-type']).toBe(
      path.endsWith('.js') ? 'text/javascript; charset=utf-8' : 'text/html; charset=utf-8',
    )
  })

  test('a range is of the plain file', async () => {
    expect(await get('/a.js', { 'Accept-Encoding': 'gzip', Range: 'bytes=0-1' })).toMatchObject({ status: 206, body: 'pl' })
  })
})
