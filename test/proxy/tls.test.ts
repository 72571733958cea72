import { createServer } from 'node:https'
import type { ServerOptions } from 'node:https'
import { createServer as createHttpServer } from 'node:http'
import type { RequestListener } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { createFetch } from '../../src/proxy/upstream.ts'
import { makeCertificate } from './certificates.ts'
import { gatewayTo, listen, rawGet } from './loopback.ts'

const server = makeCertificate('server')
const client = makeCertificate('client')

async function tlsServer(handle: RequestListener, options: ServerOptions = {}): Promise<number> {
  return await listen(createServer({ ...server, ...options }, handle))
}

describe('an upstream behind TLS', () => {
  it('is used with a certificate that can be checked, and only then', async () => {
    const port = await tlsServer((_req, res) => res.end('inside'))
    const trusting = await gatewayTo(port, { scheme: 'https', ca: server.cert })
    expect((await rawGet(trusting.port)).text).toContain('inside')
    const strict = await gatewayTo(port, { scheme: 'https' })
    expect((await rawGet(strict.port)).text).toMatch(/^HTTP\/1\.1 502 /)
    expect(await strict.outcome()).toMatchObject({ failure: 'unreachable', reason: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  })

  it('is checked even where the environment says otherwise', async () => {
    const port = await tlsServer((_req, res) => res.end('inside'))
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    try {
      const strict = await gatewayTo(port, { scheme: 'https' })
      expect((await rawGet(strict.port)).text).toMatch(/^HTTP\/1\.1 502 /)
      await expect(createFetch({ timeoutMs: 2_000 })(`https://127.0.0.1:${port}/`)).rejects.toThrow()
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
    }
  })
})

describe('the fetch for a provider', () => {
  it('shows its client certificate', async () => {
    const port = await tlsServer((req, res) => res.end((req.socket as TLSSocket).getPeerCertificate().subject?.CN ?? 'nobody'), {
      requestCert: true,
      rejectUnauthorized: false,
    })
    const answer = await createFetch({ ca: server.cert, ...client, timeoutMs: 2_000 })(`https://127.0.0.1:${port}/`)
    expect(await answer.text()).toBe('client')
    const without = await createFetch({ ca: server.cert, timeoutMs: 2_000 })(`https://127.0.0.1:${port}/`)
    expect(await without.text()).toBe('nobody')
  })

  it('sends bodies, keeps heads, and follows no redirect', async () => {
    const paths: string[] = []
    const port = await listen(
      createHttpServer((req, res) => {
        paths.push(`${req.method ?? ''} ${req.url ?? ''}`)
        if (req.url === '/moved') res.writeHead(302, { Location: '/elsewhere' }).end()
        else if (req.url === '/none') res.writeHead(204).end()
        else {
          res.writeHead(400, {
            'Content-Encoding': 'gzip',
            'Content-Type': 'application/json',
            'X-Type': req.headers['content-type'],
          })
          req.on('data', (chunk: Buffer) => res.end(gzipSync(JSON.stringify({ body: chunk.toString() }))))
        }
      }),
    )
    const fetch = createFetch({ timeoutMs: 2_000 })
    const posted = await fetch(`http://127.0.0.1:${port}/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'refresh_token' }),
    })
    expect(posted.status).toBe(400)
    expect(posted.headers.get('x-type')).toContain('application/x-www-form-urlencoded')
    expect(await posted.json()).toEqual({ body: 'grant_type=refresh_token' })
    const moved = await fetch(`http://127.0.0.1:${port}/moved`)
    expect([moved.status, moved.headers.get('location')]).toEqual([302, '/elsewhere'])
    expect((await fetch(`http://127.0.0.1:${port}/none`)).status).toBe(204)
    expect(paths).toEqual(['POST /token', 'GET /moved', 'GET /none'])
  })

  it('gives up on silence, on a body that does not end, and on more than 2 MB, compressed or not', async () => {
    const bomb = gzipSync(Buffer.alloc(50 << 20))
    const port = await listen(
      createHttpServer((req, res) => {
        if (req.url === '/bomb') res.writeHead(200, { 'Content-Encoding': 'gzip' }).end(bomb)
        else if (req.url === '/large') res.end(Buffer.alloc(3 << 20))
        else if (req.url === '/endless') res.write('x')
      }),
    )
    const fetch = createFetch({ timeoutMs: 300 })
    for (const path of ['/bomb', '/large']) await expect(fetch(`http://127.0.0.1:${port}${path}`), path).rejects.toThrow('2 MB')
    for (const path of ['/silent', '/endless']) {
      await expect(fetch(`http://127.0.0.1:${port}${path}`), path).rejects.toMatchObject({ name: 'TimeoutError' })
    }
    const stop = new AbortController()
    const stopped = fetch(`http://127.0.0.1:${port}/silent`, { signal: stop.signal })
    stop.abort(new Error('stopped'))
    await expect(stopped).rejects.toThrow('stopped')
  })
})
