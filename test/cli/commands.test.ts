import { afterAll, describe, expect, test } from 'vitest'
import { hasEntropy } from '../../src/config/values.ts'
import { deferred } from '../support/deferred.ts'
import { configFolder, FakeHost, runCommand } from './command-line.ts'

const folder = configFolder()
afterAll(() => folder.remove())

const secret = 'qWmO0Zb1Xv9nT7rL5kJ3hG2fD8sA6pU4yE-cVxBzNiQ'
const valid = `
origin: https://app.example.com
listen: { port: 0 }
provider: { issuer: https://id.example.com, clientId: web, clientSecret: "\${env:CLIENT}" }
session: { secrets: ["${secret}"], store: { type: memory } }
routes:
  - { path: /api/, upstream: http://orders:8080/v1/, require: { scope: [orders.read] }, token: { resource: https://orders.example.com } }
  - { path: /open/, upstream: http://open:8080, auth: none, methods: [GET] }
  - { path: /, static: dist }
`
const env = { CLIENT: 'x' }

describe('the command line', () => {
  test('prints version and help', async () => {
    expect(await runCommand(['--version'])).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\S*\n$/),
      stderr: '',
    })
    const help = await runCommand(['--help'])
    expect(help.code).toBe(0)
    for (const command of ['serve', 'check', 'explain', 'secret', 'dev'])
      expect(help.stdout).toMatch(new RegExp(`^  ${command} `, 'm'))
    expect((await runCommand(['check', '--help'])).stdout).toContain('--config <file>')
  })

  test.each([
    [['chekc'], 'Did you mean check?'],
    [['serve', '--confg', 'x'], 'Did you mean --config?'],
    [['serve', 'x'], 'too many arguments'],
    [['check', '--timeout', 'soon'], 'Write a whole number from 1'],
    [['dev', '--port', '70000'], 'Write a whole number from 0 to 65535'],
    [[], 'Usage'],
  ])('refuses %j', async (args, words) => {
    const { code, stdout, stderr } = await runCommand(args)
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain(words)
  })
})

test('secret prints a good secret alone on standard output', async () => {
  const [one, other] = [await runCommand(['secret']), await runCommand(['secret'])]
  expect(one.code).toBe(0)
  expect(one.stdout).toMatch(/^[\w-]{43}\n$/)
  expect(hasEntropy(one.stdout.trim())).toBe(true)
  expect(other.stdout).not.toBe(one.stdout)
  expect(one.stderr).toContain('session.secrets')
})

describe('serve', () => {
  /** Runs until a line is printed, then does something to the process it believes to be in. */
  async function serveUntil(act: (host: FakeHost) => void, close = async () => {}) {
    const host = new FakeHost()
    let isActed = false
    const result = await runCommand(['serve', '-c', folder.write(valid)], {
      env,
      host,
      startGateway: async (config) => ({
        url: `http://127.0.0.1:4711 ${config.listen.port}`,
        adminUrl: 'http://127.0.0.1:4712',
        close,
      }),
      onPrint: () => {
        if (!isActed) setImmediate(() => act(host))
        isActed = true
      },
    })
    return { ...result, host }
  }

  test.each(['SIGTERM', 'SIGINT'])('closes at %s and ends well', async (signal) => {
    let closed = 0
    const { code, stderr, host } = await serveUntil(
      (process) => process.emit(signal, signal),
      async () => void (closed += 1),
    )
    expect(code).toBe(0)
    expect(closed).toBe(1)
    expect(host.exits).toEqual([])
    expect(host.eventNames()).toEqual([])
    expect(stderr).toContain('http://127.0.0.1:4711')
    expect(stderr).toContain('admin http://127.0.0.1:4712')
  })

  test('ends at once at a second signal', async () => {
    const closing = deferred<void>()
    const { host } = await serveUntil(
      (process) => {
        process.emit('SIGTERM', 'SIGTERM')
        process.emit('SIGINT', 'SIGINT')
        closing.resolve()
      },
      () => closing.promise,
    )
    expect(host.exits).toEqual([130])
  })

  test('tells a close that fails', async () => {
    const { code, stderr } = await serveUntil(
      (process) => process.emit('SIGTERM', 'SIGTERM'),
      () => Promise.reject(new Error('stuck')),
    )
    expect(code).toBe(1)
    expect(stderr).toContain('"msg":"closing failed"')
  })

  test.each(['uncaughtException', 'unhandledRejection'])('logs %s without long values, and ends', async (event) => {
    const { host, stderr } = await serveUntil((process) => {
      process.emit(event, new Error(`bad token ${secret}`))
      process.emit('SIGTERM', 'SIGTERM')
    })
    expect(host.exits).toEqual([1])
    const line: unknown = JSON.parse(stderr.split('\n').find((text) => text.startsWith('{')) ?? '')
    expect(line).toMatchObject({ level: 60, msg: event })
    expect(stderr).not.toContain(secret)
  })

  test('says why it cannot listen', async () => {
    const startGateway = () => Promise.reject(Object.assign(new Error('listen'), { code: 'EADDRINUSE' }))
    const { code, stderr } = await runCommand(['serve', '-c', folder.write(valid)], { env, startGateway })
    expect(code).toBe(1)
    expect(stderr).toContain('something else does already. Stop it, or change listen.port')
  })

  test('prints every problem of a bad config', async () => {
    const { code, stderr } = await runCommand(['serve', '-c', folder.write(valid.replace('dist', '""'))])
    expect(code).toBe(2)
    expect(stderr).toContain('coatcheck.yaml:4:60 provider.clientSecret: needs the environment variable CLIENT')
    expect(stderr).toContain('routes[2].static: is empty')
  })
})

test('the real gateway answers', async () => {
  const host = new FakeHost()
  let asked: Promise<number> | undefined
  const quiet = valid.replace('listen:', 'log: { level: silent }\nlisten:')
  const { code } = await runCommand(['serve', '-c', folder.write(quiet)], {
    env,
    host,
    onPrint: (printed) => {
      const url = /listens on (\S+)/.exec(printed)?.[1]
      asked ??= fetch(`${url}/bff/session`, { headers: { 'sec-fetch-site': 'same-origin' } }).then((response) => response.status)
      void asked.catch(() => undefined).then(() => host.emit('SIGTERM', 'SIGTERM'))
    },
  })
  expect(await asked).toBe(200)
  expect(code).toBe(0)
})

describe('explain', () => {
  const explain = async (...args: string[]) => (await runCommand(['explain', '-c', folder.write(valid), ...args], { env })).stdout

  test('a proxied call', async () => {
    const said = await explain('https://app.example.com/api/a?b=c', '-X', 'post')
    expect(said).toMatch(/^request +POST \/api\/a\?b=c$/m)
    expect(said).toMatch(/^route +routes\[0\] \/api\/$/m)
    expect(said).toMatch(/^session +required, .*with scope orders\.read, else 403 forbidden$/m)
    expect(said).toMatch(/^csrf +with a session cookie: .*X-CSRF-Token$/m)
    expect(said).toMatch(/^token +its own access token for https:\/\/orders\.example\.com$/m)
    expect(said).toMatch(/^target +http:\/\/orders:8080\/v1\/a\?b=c$/m)
  })

  test.each([
    ['/index', 'GET', /^target +a file in .*dist/m],
    ['/open/x', 'GET', /^token +none$/m],
    ['/open/x', 'DELETE', /405 method_not_allowed; allowed: HEAD, GET/],
    ['/bff/login', 'GET', /own endpoint "login"/],
    ['/bff/nothing', 'GET', /404 not_found/],
    ['/api/%2e%2e/x', 'GET', /400 bad_request/],
    ['/api//x', 'GET', /400 bad_request/],
  ])('%s by %s', async (url, method, words) => {
    expect(await explain(url, '-X', method)).toMatch(words)
  })
})
