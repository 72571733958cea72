// L01, L02, L05 to L08: what strangers can make us keep and do. oauth2-proxy issues 2163 and 2383, nextjs-auth0 PR 2077, alkem-io/server
// PR 6333, mod_auth_mellon CVE-2016-2146, better-auth issue 8887, fastify-reply-from issues 424 and 428.
import { describe, expect, test, vi } from 'vitest'
import { rawRequest } from '../support/raw-client.ts'
import { eventually } from '../support/eventually.ts'
import { hostileScene } from './support/hostile-case.ts'
import { rawSession } from './support/raw-session.ts'

const scene = hostileScene()
const form = 'Content-Type: application/x-www-form-urlencoded'

test('logins that strangers begin leave nothing in the store', async () => {
  const { store } = scene.internet
  const add = vi.spyOn(store, 'add')
  try {
    for (let round = 0; round < 20; round++) {
      const answers = await Promise.all(
        Array.from({ length: 25 }, () =>
          scene.raw(rawRequest('GET', '/bff/login', ['Sec-Fetch-Site: none', 'Sec-Fetch-Mode: navigate', 'Connection: close'])),
        ),
      )
      for (const { status } of answers) expect([303, 429]).toContain(status)
    }
    expect(add).not.toHaveBeenCalled()
  } finally {
    add.mockRestore()
  }
})

test('callbacks with a made-up state, and calls without a session, ask neither the provider nor the store', async () => {
  const { store, provider } = scene.internet
  const spies = (['get', 'add', 'replace', 'listTagged'] as const).map((method) => vi.spyOn(store, method))
  try {
    for (let round = 0; round < 20; round++) {
      await Promise.all([
        scene.raw(
          rawRequest('GET', `/bff/callback?code=x&state=bad-${round}`, [
            'Sec-Fetch-Site: cross-site',
            'Sec-Fetch-Mode: navigate',
          ]),
        ),
        scene.raw(rawRequest('GET', '/api/x')),
        scene.raw(rawRequest('GET', '/api/x', ['Cookie: other=1; __Host-Http-coatcheck=short'])),
        scene.raw(rawRequest('GET', '/bff/session', ['Sec-Fetch-Site: same-origin'])),
      ])
    }
    expect(provider.calls.token).toEqual([])
    expect(provider.calls.jwks).toEqual([])
    for (const spy of spies) expect(spy).not.toHaveBeenCalled()
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
})

describe('what is too large is refused, and the connection ends', () => {
  test.each([
    ['a header of 64 KB', [`X-Big: ${'x'.repeat(64 << 10)}`], '/public/x', [400, 431]],
    ['2,000 headers', Array.from({ length: 2000 }, (_, index) => `X-${index}: ${'y'.repeat(20)}`), '/public/x', [400, 431]],
    [
      '60 cookies of 4 KB',
      Array.from({ length: 60 }, (_, index) => `Cookie: c${index}=${'z'.repeat(4000)}`),
      '/public/x',
      [400, 431],
    ],
    ['an address of 64 KB', [], `/public/${'a'.repeat(64 << 10)}`, [400, 414, 431]],
  ])('%s', async (_what, headers, target, statuses) => {
    scene.allow({ leftOver: true })
    const connection = await scene.connect()
    connection.send(rawRequest('GET', target, headers))
    const response = await connection.response()
    expect(statuses).toContain(response.status)
    expect(response.text).not.toContain('zzzz')
    expect(scene.internet.upstream.requests).toEqual([])
  })

  test.each(['/bff/backchannel-logout', '/bff/callback', '/bff/logout'])('1 GB to %s, declared or in chunks', async (path) => {
    for (const framing of [`Content-Length: ${1 << 30}`, 'Transfer-Encoding: chunked']) {
      const connection = await scene.connect()
      connection.send(rawRequest('POST', path, [form, framing, 'Sec-Fetch-Site: same-origin', 'Origin: https://app.test']))
      const part = 'x'.repeat(512 << 10)
      connection.send(framing.startsWith('C') ? part : `${part.length.toString(16)}\r\n${part}\r\n`)
      const response = await connection.response('POST')
      expect([303, 400, 403, 413], path).toContain(response.status)
      expect(scene.internet.provider.calls.token).toEqual([])
    }
  })
})

// Each in far less than this; the bound is that of a busy machine, and a regular expression that goes wild needs minutes.
const soonMs = 1500

describe('no text takes long to read', () => {
  const runs = ['a-', 'a.', '/./', '%2e', ';', ' ', '%', '..', '\\', 'a=', '",', '(', '[', '\t', '%25', '/a', ':', '@', '#'].map(
    (piece) => piece.repeat(Math.floor(7000 / piece.length)),
  )
  test.each([
    'Host',
    'X-Forwarded-Host',
    'X-Forwarded-For',
    'Forwarded',
    'Origin',
    'Referer',
    'Cookie',
    'Accept',
    'Accept-Encoding',
    'User-Agent',
    'Connection',
    'Via',
  ])('in %s', async (name) => {
    scene.allow({ leftOver: true })
    const session = await rawSession(scene)
    for (const run of runs) {
      const started = performance.now()
      const lines = name === 'Cookie' ? [`${session.cookie}; ${run}`] : [session.cookie, `${name}: ${run}`]
      const response = await scene.raw(
        rawRequest('GET', '/api/x', [...lines, 'Sec-Fetch-Site: same-origin', 'Connection: close']),
      )
      expect(response.status).toBeLessThan(500)
      expect(performance.now() - started, run.slice(0, 10)).toBeLessThan(soonMs)
    }
  })

  test('in a returnTo and in a path', async () => {
    scene.allow({ leftOver: true })
    for (const run of runs) {
      const path = run.replace(/[^\x21-\x7e]/g, '_')
      const started = performance.now()
      await scene.raw(
        rawRequest('GET', `/bff/login?returnTo=${encodeURIComponent(run.slice(0, 2500))}`, [
          'Sec-Fetch-Mode: navigate',
          'Sec-Fetch-Site: none',
        ]),
      )
      const response = await scene.raw(rawRequest('GET', `/public/${path}`))
      expect(response.status).toBeLessThan(500)
      expect(performance.now() - started, run.slice(0, 10)).toBeLessThan(soonMs)
    }
  })
})

test('hundreds of calls that clients give up leave nothing open', async () => {
  const { upstream, nodes } = scene.internet
  upstream.answer({ hang: true })
  const session = await rawSession(scene)
  for (let round = 0; round < 8; round++) {
    const connections = await Promise.all(Array.from({ length: 40 }, () => scene.connect()))
    for (const connection of connections) connection.send(rawRequest('GET', '/api/x', session.lines))
    await eventually(() => expect(upstream.requests.length).toBeGreaterThanOrEqual(40 * (round + 1)))
    for (const connection of connections) connection.reset()
  }
  await eventually(() => expect(upstream.openConnections()).toBeLessThan(20))
  upstream.answer(undefined)
  expect(nodes.length).toBe(1)
  const response = await scene.raw(rawRequest('GET', '/api/x', session.lines))
  expect(response.status).toBe(200)
})
