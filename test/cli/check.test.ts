import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { findFreePort, listenOnLoopback } from '../support/loopback.ts'
import { configFolder, runCommand } from './command-line.ts'

const folder = configFolder()
afterAll(() => folder.remove())

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()))
})

/** A server whose answer may name its own address. */
async function serverWith(answer: (base: string) => RequestListener): Promise<string> {
  const server = createServer()
  const listener = await listenOnLoopback(server)
  const base = `http://127.0.0.1:${listener.port}`
  server.on('request', answer(base))
  closers.push(() => listener.close())
  return base
}

const json =
  (value: unknown): RequestListener =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  }

const goodProvider =
  (changes: Record<string, unknown> = {}) =>
  (base: string): RequestListener =>
  (request, response) => {
    const keys = { keys: [{ kty: 'RSA', use: 'sig', alg: 'RS256', n: 'AQAB', e: 'AQAB' }] }
    const metadata = {
      issuer: base,
      authorization_endpoint: `${base}/authorize`,
      token_endpoint: `${base}/token`,
      jwks_uri: `${base}/jwks`,
      end_session_endpoint: `${base}/logout`,
      revocation_endpoint: `${base}/revoke`,
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
      ...changes,
    }
    json(request.url === '/jwks' ? keys : metadata)(request, response)
  }

const secret = 'qWmO0Zb1Xv9nT7rL5kJ3hG2fD8sA6pU4yE-cVxBzNiQ'

interface Place {
  readonly issuer: string
  readonly routes?: string
  readonly store?: string
}

async function check({ issuer, routes = '{ path: /, static: app }', store = 'type: memory' }: Place, ...flags: string[]) {
  mkdirSync(join(folder.path, 'app'), { recursive: true })
  writeFileSync(join(folder.path, 'app', 'index.html'), '<!doctype html>')
  const file = folder.write(`
origin: https://app.example.com
provider: { issuer: "${issuer}", clientId: web, clientSecret: hunter2hunter2 }
session: { secrets: ["${secret}"], store: { ${store} } }
routes: [${routes}]
`)
  const result = await runCommand(['check', '-c', file, ...flags])
  expect(result.stdout).not.toContain('hunter2')
  expect(result.stdout).not.toContain(secret)
  return { ...result, lines: result.stdout.split('\n') }
}

test('a config whose provider, upstreams, folders and store are all there', async () => {
  const upstream = await serverWith(() => (_request, response) => response.writeHead(404).end())
  const issuer = await serverWith(goodProvider())
  const { code, stdout } = await check({
    issuer,
    routes: `{ path: /api/, upstream: "${upstream}" }, { path: /, static: app }`,
    store: 'type: embedded, path: data',
  })
  expect(stdout).toContain('ok       provider.issuer: discovery works')
  expect(stdout).toContain('ok       provider.issuer: the key set has 1 usable key')
  expect(stdout).toContain('redirect URI https://app.example.com/bff/callback')
  expect(stdout).toContain('back-channel logout URI https://app.example.com/bff/backchannel-logout')
  expect(stdout).toMatch(/ok {7}routes\[0\]\.upstream: 127\.0\.0\.1:\d+ answers/)
  expect(stdout).toContain('ok       routes[1].static: ')
  expect(stdout).toContain('ok       session.store.path: ')
  expect(stdout).not.toContain('problem ')
  expect(code).toBe(0)
})

describe('a provider that', () => {
  const states: [what: string, answer: (base: string) => RequestListener, words: string][] = [
    [
      'answers with a page',
      () => (_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      'an HTML page that is not JSON',
    ],
    ['fails', () => (_request, response) => response.writeHead(500).end(), 'answers 500; look into the log of the provider'],
    [
      'redirects',
      () => (_request, response) => response.writeHead(301, { location: 'http://127.0.0.1:1/' }).end(),
      'which is not followed',
    ],
    [
      'is another one',
      goodProvider({ issuer: 'https://other.example.com' }),
      'the metadata name the issuer "https://other.example.com"',
    ],
    ['has no key set', goodProvider({ jwks_uri: 'http://127.0.0.1:1/' }), '127.0.0.1:1 refuses the connection'],
    ['hangs up', () => (request) => request.socket.destroy(), 'closes the connection without an answer'],
    ['sends without end', () => (_request, response) => void response.end('x'.repeat(1_100_000)), 'larger than 1 MiB'],
  ]

  test.each(states)('%s', async (_what, answer, words) => {
    const { code, lines } = await check({ issuer: await serverWith(answer) })
    const problems = lines.filter((line) => line.startsWith('problem'))
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(' provider.issuer: ')
    expect(problems[0]).toContain(words)
    expect(code).toBe(1)
  })

  test('is not there hides nothing else', async () => {
    const port = await findFreePort()
    const { code, lines } = await check({
      issuer: `http://localhost:${port}`,
      routes: `{ path: /a, upstream: "http://127.0.0.1:${port}" }, { path: /b, static: nowhere }, { path: /c, static: coatcheck.yaml }, { path: /d, static: . }`,
      store: 'type: embedded, path: coatcheck.yaml/data',
    })
    const problems = lines.filter((line) => line.startsWith('problem'))
    expect(problems.map((line) => line.split(/ +/)[1]?.slice(0, -1))).toEqual([
      'provider.issuer',
      'routes[0].upstream',
      'routes[1].static',
      'routes[2].static',
      'routes[3].static',
      'session.store.path',
    ])
    expect(problems[0]).toContain('refuses the connection; start the service')
    expect(problems[2]).toContain('does not exist; build the app first')
    expect(problems[3]).toContain('is a file')
    expect(problems[4]).toContain('has no readable index.html')
    expect(problems[5]).toContain('write permission')
    expect(lines).toContain('6 problems, no warnings.')
    expect(code).toBe(1)
  })

  test('never answers is given up in time, and so is an upstream', async () => {
    const silent = await listenOnLoopback(createTcpServer())
    closers.push(() => silent.close())
    const base = `http://127.0.0.1:${silent.port}`
    const { code, lines } = await check({ issuer: base, routes: `{ path: /, upstream: "${base}" }` }, '--timeout', '1')
    expect(lines.filter((line) => line.includes('does not answer in time'))).toHaveLength(2)
    expect(code).toBe(1)
  })
})

test('warnings alone are no failure', async () => {
  const { code, stdout } = await check({ issuer: await serverWith(goodProvider({ end_session_endpoint: undefined })) })
  expect(stdout).toContain('warning  provider.issuer: the provider has no end_session_endpoint')
  expect(stdout).toContain('warning  session.store.type: ')
  expect(stdout).toContain('no problems, 2 warnings.')
  expect(code).toBe(0)
})

test('an upstream that several routes share is asked once', async () => {
  let calls = 0
  const upstream = await serverWith(() => (_request, response) => {
    calls += 1
    response.end()
  })
  await check({
    issuer: await serverWith(goodProvider()),
    routes: `{ path: /a, upstream: "${upstream}/x" }, { path: /b, upstream: "${upstream}/y" }`,
  })
  expect(calls).toBe(1)
})

test('with --json the findings come as data', async () => {
  const { stdout } = await check({ issuer: await serverWith(goodProvider({ issuer: 'x' })) }, '--json')
  const result: unknown = JSON.parse(stdout)
  expect(result).toMatchObject({
    ok: false,
    findings: expect.arrayContaining([
      expect.objectContaining({ step: 'provider', level: 'problem', path: 'provider.issuer', remedy: expect.any(String) }),
    ]),
  })
})
