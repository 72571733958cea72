import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../errors.ts'
import { resolveConfig } from './resolve.ts'
import type { ConfigSurroundings } from './resolve.ts'
import type { ConfigInput } from './schema.ts'
import { Secret } from './secret.ts'

const sessionSecret = randomBytes(32).toString('base64url')

type Changes = Record<string, unknown>

/** A valid config, with changes: `provider.issuer` as a key changes that one option; `undefined` takes it out. */
function written(changes: Changes = {}): Changes {
  const tree: Changes = {
    origin: 'https://app.example.com',
    provider: { issuer: 'https://id.example.com', clientId: 'web', clientSecret: 'hunter2hunter2' },
    session: { secrets: [sessionSecret] },
    routes: [{ path: '/api/', upstream: 'http://orders:8080/' }],
  }
  for (const [path, value] of Object.entries(changes)) {
    const names = path.split('.')
    let node = tree
    for (const name of names.slice(0, -1)) {
      const next = Object.hasOwn(node, name) ? node[name] : undefined
      const tree: Changes = typeof next === 'object' && next !== null && !Array.isArray(next) ? { ...next } : {}
      Object.defineProperty(node, name, { value: tree, enumerable: true, configurable: true, writable: true })
      node = tree
    }
    node[names.at(-1) ?? ''] = value
  }
  return tree
}

const nowhere: ConfigSurroundings = {
  env: {},
  readFile: () => {
    throw Object.assign(new Error('no file'), { code: 'ENOENT' })
  },
  baseDir: '/srv/app',
}

function problemsOf(input: unknown, surroundings = nowhere): string[] {
  try {
    resolveConfig(input, surroundings)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ path, message }) => `${path}: ${message}`)
  }
  return []
}

describe('a valid config', () => {
  test('gets its defaults, and is frozen to the ground', () => {
    const config = resolveConfig(written(), nowhere)
    expect(config.listen).toEqual({ host: '127.0.0.1', port: 8080 })
    expect(config.session.store).toEqual({ type: 'embedded', path: '/srv/app/coatcheck-data' })
    expect(config.admin).toBeUndefined()
    expect(Object.isFrozen(config.routes[0]?.cookies)).toBe(true)
    expect(() => Object.assign(config.session, { lifetimeSeconds: 1 })).toThrow(TypeError)
  })

  test('is not changed, and given back as it is when it was resolved already', () => {
    const input = written({ 'provider.clientSecret': '$${a}', 'session.store': { type: 'embedded', path: 'data' } })
    const before = JSON.stringify(input)
    const config = resolveConfig(input, nowhere)
    expect(JSON.stringify(input)).toBe(before)
    expect(config.provider.clientSecret?.reveal()).toBe('${a}')
    expect(resolveConfig(config, { ...nowhere, baseDir: '/elsewhere' })).toBe(config)
  })

  test('keeps issuer and resource to the letter', () => {
    for (const issuer of [
      'https://id.example.com',
      'https://id.example.com/',
      'https://ID.example.com/Realm',
      'https://id.example.com:443',
    ]) {
      expect(resolveConfig(written({ 'provider.issuer': issuer }), nowhere).provider.issuer).toBe(issuer)
    }
    const token = { resource: 'https://orders.example.com' }
    expect(
      resolveConfig(written({ routes: [{ path: '/', upstream: 'http://o/', token }] }), nowhere).routes[0]?.token?.resource,
    ).toBe(token.resource)
  })

  test('shows no secret when printed', () => {
    const config = resolveConfig(written({ 'provider.clientSecret': new Secret('hunter2hunter2') }), nowhere)
    expect(config.provider.clientSecret?.reveal()).toBe('hunter2hunter2')
    const printed = JSON.stringify(config)
    expect(printed).not.toContain('hunter2')
    expect(printed).not.toContain(sessionSecret)
    expect(printed).toContain('[secret]')
  })

  test('takes numbers and switches from the environment, though not as texts in the config', () => {
    const env = { PORT: '0', ON: 'true', LEVEL: 'warn' }
    const changes = { 'listen.port': '${env:PORT}', 'provider.userInfo': '${env:ON}', 'log.level': '${env:LEVEL}' }
    expect(resolveConfig(written(changes), { ...nowhere, env })).toMatchObject({
      listen: { port: 0 },
      provider: { userInfo: true },
      log: { level: 'warn' },
    })
    expect(problemsOf(written({ 'listen.port': '0' }))).toEqual(['listen.port: is the text "0"; write the number without quotes'])
  })

  test.each(['8080 ', '0x50', '1e3', '', ' ', '80.5', '08', '99999999999999999999', 'TRUE'])(
    'takes no port %j from the environment',
    (PORT) => {
      const problems = problemsOf(written({ 'listen.port': '${env:PORT}' }), { ...nowhere, env: { PORT } })
      expect(problems).toHaveLength(1)
      expect(problems[0]).toMatch(/^listen\.port: is the value of \$\{env:PORT\}; write/)
    },
  )

  test('reads files from its own folder on', () => {
    const read: string[] = []
    const readFile = (path: string) => {
      read.push(path)
      return 'x'
    }
    resolveConfig(written({ 'provider.clientSecret': '${file:secrets/client}', 'provider.clientId': '${file:/run/id}' }), {
      ...nowhere,
      readFile,
    })
    expect(read.sort()).toEqual(['/run/id', '/srv/app/secrets/client'])
  })
})

describe('one option is wrong:', () => {
  const broken: [change: Changes, ...problems: string[]][] = [
    [{ origin: undefined }, 'origin: is missing; add it. It means: The one public origin'],
    [{ origin: null }, 'origin: is empty; write a text'],
    [{ origin: '' }, 'origin: is empty; write a value'],
    [{ origin: 'app.example.com' }, 'origin: "app.example.com" is not an origin; write scheme and host'],
    [{ 'listen.port': 70000 }, 'listen.port: is the number 70000; write at most 65535'],
    [{ 'listen.port': Number.NaN }, 'listen.port: is the number NaN; write a whole number'],
    [{ 'listen.host': 'http://0.0.0.0' }, 'listen.host: "http://0.0.0.0" is not an address or host name; write 127.0.0.1'],
    [{ listen: 8080 }, 'listen: is a number; write a mapping'],
    [{ listen: null }, 'listen: is empty; write a mapping, its options indented below it, or remove the line'],
    [{ admin: { port: 8080 } }, 'admin.port: is that of listen.port too (8080); give the two listeners different ports'],
    [{ basePath: '/bff/' }, 'basePath: "/bff/" ends with "/"; write it without'],
    [{ basePath: '/' }, 'basePath: "/" ends with "/"'],
    [{ provider: undefined }, 'provider: is missing; add it, with at least issuer, clientId'],
    [{ provider: [] }, 'provider: is a list; write a mapping'],
    [{ 'provider.issuer': 'http://id.example.com' }, 'provider.issuer: "http://id.example.com" is plain http'],
    [{ 'provider.clientId': 12 }, 'provider.clientId: is the number 12; put it in quotes'],
    [{ 'provider.clientSecret': undefined }, 'provider.clientSecret: is missing; clientAuth client_secret_basic needs it'],
    [{ 'provider.clientSecret': '' }, 'provider.clientSecret: is empty'],
    [{ 'provider.clientSecret': 918273645 }, 'provider.clientSecret: is a number; put it in quotes'],
    [{ 'provider.clientSecret': ['x'] }, 'provider.clientSecret: is a list; write a text'],
    [{ 'provider.clientAuth': 'none' }, 'provider.clientAuth: is the text "none"; write one of: client_secret_basic'],
    [
      { 'provider.clientAuth': 'private_key_jwt' },
      'provider.clientKey: is missing; clientAuth private_key_jwt needs a private key',
    ],
    [{ 'provider.clientAuth': 'tls_client_auth' }, 'provider.tls.cert: is missing', 'provider.tls.key: is missing'],
    [{ 'provider.scope': 'profile' }, 'provider.scope: "profile" lacks "openid"'],
    [{ 'provider.scope': ['openid'] }, 'provider.scope: is a list; write a text'],
    [
      { 'provider.authorizationParameters': { nonce: 'x' } },
      'provider.authorizationParameters.nonce: is set by Coatcheck itself; remove it',
    ],
    [{ 'provider.idTokenAlgorithms': ['none'] }, 'provider.idTokenAlgorithms[0]: is the text "none"; write one of: RS256'],
    [{ 'provider.idTokenAlgorithms': [] }, 'provider.idTokenAlgorithms: is an empty list'],
    [{ 'provider.timeoutSeconds': 3_000_000 }, 'provider.timeoutSeconds: is the number 3000000; write at most 2147483'],
    [{ 'provider.userInfo': 'yes' }, 'provider.userInfo: is the text "yes"; write true or false, without quotes'],
    [{ session: 'x' }, 'session: is a text; write a mapping'],
    [{ 'session.secrets': sessionSecret }, 'session.secrets: is a text; write a list'],
    [{ 'session.secrets': [] }, 'session.secrets: is an empty list; it needs at least one secret, made with: coatcheck secret'],
    [
      { 'session.secrets': ['change-me'] },
      'session.secrets[0]: has less than 32 bytes of entropy; make one with: coatcheck secret',
    ],
    [{ 'session.lifetimeSeconds': 40_000_000 }, 'session.lifetimeSeconds: is the number 40000000; write at most 34560000'],
    [{ 'session.idleTimeoutSeconds': 0 }, 'session.idleTimeoutSeconds: is the number 0; write at least 1'],
    [
      { 'session.cookie': { sameSite: 'Strict' } },
      'session.cookie.sameSite: is the text "Strict"; did you mean strict? write one of: strict, lax',
    ],
    [{ 'session.cookie': { name: 'sid' } }, 'session.cookie.name: "sid" lacks the __Host- prefix'],
    [{ 'session.cookie': { name: 'a b' } }, 'session.cookie.name: "a b" is not a cookie name'],
    [{ 'session.cookie': { domain: 'x' } }, 'session.cookie.domain: unknown option; remove it (known here: sameSite, name)'],
    [{ 'session.store': 'memory' }, 'session.store: is a text; write a mapping'],
    [{ 'session.store': {} }, 'session.store.type: is missing; write one of: embedded, memory'],
    [{ 'session.store': { type: 'sqlite' } }, 'session.store.type: is the text "sqlite"; write one of: embedded, memory'],
    [{ 'session.idleTimeoutSecond': 5 }, 'session.idleTimeoutSecond: unknown option; did you mean `idleTimeoutSeconds`?'],
    [{ issuer: 'https://id.example.com' }, 'issuer: unknown option here; it belongs at `provider.issuer`, move it there'],
    [{ 'csrf.mode': true }, 'csrf.mode: is true; write one of: token, header, origin'],
    [{ routes: {} }, 'routes: is a mapping; write a list'],
    [{ routes: [] }, 'routes: is an empty list; it needs at least one route'],
    [{ routes: [null] }, 'routes[0]: is empty; write a mapping'],
    [{ routes: [{ path: '/' }] }, 'routes[0].upstream: is missing; a route has either upstream'],
    [{ routes: [{ path: '/', upstream: 'http://o/', static: 'x' }] }, 'routes[0].static: "x" stands beside upstream'],
    [{ routes: [{ path: '/', static: 'x', methods: ['GET'] }] }, 'routes[0].methods: concerns proxied calls only'],
    [
      { routes: [{ path: '/', upstream: 'http://o/', auth: 'none', require: {} }] },
      'routes[0].auth: "none" is none, but require',
    ],
    [
      { routes: [{ path: '/', upstream: 'https://app.example.com/x' }] },
      'routes[0].upstream: "https://app.example.com/x" is Coatcheck itself',
    ],
    [
      { routes: [{ path: '/', upstream: 'http://localhost:8080' }] },
      'routes[0].upstream: "http://localhost:8080" is Coatcheck itself',
    ],
    [
      { routes: [{ path: '/bff/x', static: 'x' }] },
      'routes[0].path: "/bff/x" lies under basePath /bff, which is Coatcheck\'s own',
    ],
    [
      {
        routes: [
          { path: '/', static: 'x' },
          { path: '/a', static: 'x' },
          { path: '/a/', static: 'x' },
        ],
      },
      'routes[2].path: "/a/" is the same as that of routes[1]',
    ],
    [
      { routes: [{ path: '/', upstream: 'http://o/', require: { claims: { role: ['a'] } } }] },
      'routes[0].require.claims.role: is a list; write a text, a number, true or false',
    ],
    [
      { routes: [{ path: '/', static: 'x', contentSecurityPolicy: 'a\nb' }] },
      'routes[0].contentSecurityPolicy: "a\\nb" is not one line',
    ],
    [{ trustedProxies: ['10.0.0.0/33'] }, 'trustedProxies[0]: "10.0.0.0/33" is neither an IP address'],
    [{ 'logout.postLogoutPath': 'bye' }, 'logout.postLogoutPath: "bye" does not start with "/"'],
    [{ 'ключ\u001B[31m': 1 }, '["ключ\\u001b[31m"]: unknown option; remove it'],
  ]

  test.each(broken)('%j', (changes, ...expected) => {
    const problems = problemsOf(written(changes))
    expect(problems).toHaveLength(expected.length)
    for (const [index, words] of expected.entries()) expect(problems[index]).toContain(words)
  })
})

test('a wrong option hides no other, within it, beside it or between several', () => {
  const problems = problemsOf({
    origin: 'https://app.example.com',
    listen: { port: 'x', host: 4 },
    provider: { issuer: 'http://id.example.com', timeoutSeconds: 'x', clientId: '${env:NOPE}' },
    session: { secrets: ['short', '${file:nope}', 5], cookie: { name: 'sid', sameSite: 7 } },
    routes: [
      { path: '/bff', upstream: 5 },
      { path: '/a', timeoutSeconds: null },
      { path: '/a/', static: '', auth: 'x' },
    ],
    trustedProxies: [1, 'x'],
  })
  expect(problems.map((line) => line.split(':')[0]).sort()).toEqual(
    [
      'listen.host',
      'listen.port',
      'provider.clientId',
      'provider.clientSecret',
      'provider.issuer',
      'provider.timeoutSeconds',
      'routes[0].path',
      'routes[0].upstream',
      'routes[1].timeoutSeconds',
      'routes[1].upstream',
      'routes[2].auth',
      'routes[2].path',
      'routes[2].static',
      'session.cookie.name',
      'session.cookie.sameSite',
      'session.secrets[0]',
      'session.secrets[1]',
      'session.secrets[2]',
      'trustedProxies[0]',
      'trustedProxies[1]',
    ].sort(),
  )
})

test('what is wrong in itself is not told again as an echo', () => {
  expect(problemsOf(written({ 'provider.clientSecret': '${env:NOPE}' }))).toEqual([
    'provider.clientSecret: needs the environment variable NOPE, which is not set; set it before the start',
  ])
  expect(problemsOf(written({ routes: [{ path: '/', upstream: 'x', static: 5 }] }))).toHaveLength(2)
})

test('credentials in a URL are not repeated', () => {
  const problems = problemsOf(
    written({ origin: 'https://u:hunter2@h/p', routes: [{ path: '/', upstream: 'http://a:hunter2@o/?key=hunter2' }] }),
  ).join('\n')
  expect(problems).toContain('[secret]@')
  expect(problems).not.toContain('hunter2')
})

describe('whatever the config', () => {
  test('it is taken, or refused with a ConfigError', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withSparseArray: true }),
        (input) => {
          expect(problemsOf(input).length).toBeGreaterThan(0)
        },
      ),
    )
    const option = fc.anything({ maxDepth: 2 })
    const path = fc.constantFrom(
      ...'origin listen listen.port provider provider.issuer provider.clientSecret session.secrets session.store session.store.type session.cookie.name routes routes.0 csrf login.parameters trustedProxies limits.x __proto__.x constructor'.split(
        ' ',
      ),
    )
    fc.assert(
      fc.property(fc.dictionary(path, option, { noNullPrototype: true }), (changes) => void problemsOf(written(changes))),
      { numRuns: 500 },
    )
  })

  test('no value from outside and no secret is ever told', () => {
    const secret = 'S3CRET-of-the-outside'
    const env = { S: secret }
    const readFile = () => secret
    const paths = `origin basePath listen.host listen.port admin.port provider.issuer provider.clientId
      provider.clientAuth provider.scope provider.tls.ca provider.tls.cert provider.clientKey
      provider.userInfo provider.authorizationParameters.nonce session.secrets session.cookie.name
      session.cookie.sameSite session.store.type session.lifetimeSeconds csrf trustedProxies
      login.parameters logout.postLogoutPath log.level unknown strictTransportSecurity`.split(/\s+/)
    const value = fc.constantFrom<unknown>(
      '${env:S}',
      '${file:f}',
      'http://${env:S}',
      '${env:S}\n',
      ['${env:S}'],
      ['a', '${file:f}'],
      { '${env:S}': '${env:S}' },
      '${env:S',
      '${env:S} ${env:NOPE}',
    )
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...paths), value, { noNullPrototype: true }), (changes) => {
        expect(problemsOf(written(changes), { ...nowhere, env, readFile }).join('\n')).not.toContain(secret)
      }),
      { numRuns: 500 },
    )
    const wrong = {
      authorizationParameters: { client_secret: secret, other: [secret] },
      clientSecret: [secret],
      clientKey: secret,
      tls: { cert: secret, key: { secret } },
      clientId: 5,
    }
    expect(problemsOf({ provider: wrong, session: { secrets: [secret, { secret }] } }).join('\n')).not.toContain(secret)
    for (const input of [
      secret,
      { provider: secret, session: secret, routes: secret },
      { session: { secrets: secret }, provider: { tls: secret } },
    ]) {
      expect(problemsOf(input).join('\n')).not.toContain(secret)
    }
  })
})

test('the input type is that of the file', () => {
  const input: ConfigInput = {
    origin: 'https://app.example.com',
    provider: { issuer: 'https://id.example.com', clientId: 'web', clientSecret: 'x' },
    session: { secrets: [sessionSecret] },
    routes: [{ path: '/', static: 'dist' }],
  }
  expect(resolveConfig(input, nowhere).routes[0]?.static).toBe('/srv/app/dist')
})
