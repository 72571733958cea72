import { randomBytes } from 'node:crypto'
import { afterAll, describe, expect, test } from 'vitest'
import { configFolder, runCommand } from './command-line.ts'

const folder = configFolder()
afterAll(() => folder.remove())

const good = randomBytes(32).toString('base64url')

/** Each broken config with everything that is wrong with it: path and remedy. */
const configs: [what: string, source: string, problems: [path: string, remedy: string | RegExp][]][] = [
  [
    'half-written, with typing errors',
    `origin: app.example.com
provider:
  isuer: https://id.example.com
  clientID: web
session:
  secrets: [change-me]
  idleTimoutSeconds: 60
routes:
  - path: api
    upstraem: http://orders:8080
`,
    [
      ['origin', 'as in https://app.example.com'],
      ['provider.issuer', 'add it'],
      ['provider.clientId', 'add it'],
      ['provider.clientSecret', 'as in clientSecret: ${env:CLIENT_SECRET}'],
      ['provider.isuer', 'did you mean `issuer`?'],
      ['provider.clientID', 'did you mean `clientId`?'],
      ['session.secrets[0]', 'make one with: coatcheck secret'],
      ['session.idleTimoutSeconds', 'did you mean `idleTimeoutSeconds`?'],
      ['routes[0].path', 'write it as in /api'],
      ['routes[0].upstream', 'either upstream, to proxy, or static'],
      ['routes[0].upstraem', 'did you mean `upstream`?'],
    ],
  ],
  [
    'numbers and switches as texts',
    `origin: https://app.example.com
listen: { port: "8080" }
provider: { issuer: https://id.example.com, clientId: 4711, clientSecret: 12345678, userInfo: "true", timeoutSeconds: ten }
session: { secrets: ["${good}"], lifetimeSeconds: "3600", idleTimeoutSeconds: 1.5 }
csrf: { cookie: yes }
routes: [{ path: /, static: 5, timeoutSeconds: -1, maxBodyBytes: 0 }]
`,
    [
      ['listen.port', 'write the number without quotes'],
      ['provider.clientId', 'put it in quotes'],
      ['provider.clientSecret', 'put it in quotes'],
      ['provider.userInfo', 'write true or false, without quotes'],
      ['provider.timeoutSeconds', 'write a number'],
      ['session.lifetimeSeconds', 'write the number without quotes'],
      ['session.idleTimeoutSeconds', 'write a whole number'],
      ['csrf.cookie', 'write true or false'],
      ['routes[0].static', 'put it in quotes'],
      ['routes[0].timeoutSeconds', 'write at least 1'],
      ['routes[0].maxBodyBytes', 'write more than 0'],
    ],
  ],
  [
    'sections of the wrong shape',
    `origin: [https://app.example.com]
listen: 8080
admin:
provider: []
session: memory
csrf: token
routes: { /api: http://orders }
login: null
logout: /
trustedProxies: 10.0.0.0/8
limits: []
log: debug
`,
    [
      ['origin', 'write a text'],
      ['listen', 'write a mapping'],
      ['admin', 'or remove the line'],
      ['provider', 'write a mapping'],
      ['session', 'write a mapping'],
      ['csrf', 'write a mapping'],
      ['routes', 'write a list'],
      ['login', 'or remove the line'],
      ['logout', 'write a mapping'],
      ['trustedProxies', 'write a list'],
      ['limits', 'write a mapping'],
      ['log', 'write a mapping'],
    ],
  ],
  [
    'nothing but unknown names',
    'hello: world\n',
    [
      ['origin', 'add it'],
      ['provider', 'issuer, clientId'],
      ['session', 'secrets'],
      ['routes', 'add it'],
      ['hello', 'remove it (known here: origin'],
    ],
  ],
  [
    'variables and files that are not there',
    `origin: \${env:APP_ORIGIN}
provider:
  issuer: https://\${env:ID_HOST}/realms/\${env:REALM}
  clientId: \${CLIENT}
  clientSecret: \${file:/nowhere/client}
session: { secrets: ["\${env:OLD:-x}", "\${env:OPEN", "\${file:.}"] }
routes: [{ path: /, static: dist }]
`,
    [
      ['origin', 'APP_ORIGIN, which is not set; set it before the start'],
      ['provider.issuer', 'ID_HOST, which is not set'],
      ['provider.issuer', 'REALM, which is not set'],
      ['provider.clientId', 'neither ${env:NAME} nor ${file:PATH}; correct it'],
      ['provider.clientSecret', '"/nowhere/client", which does not exist; create it or correct the path'],
      ['session.secrets[0]', 'write it as in ${env:NAME}'],
      ['session.secrets[1]', 'close it'],
      ['session.secrets[2]', 'name the file itself'],
    ],
  ],
  [
    'routes that contradict each other',
    `origin: https://app.example.com
provider: { issuer: https://id.example.com, clientId: web, clientSecret: x }
session: { secrets: ["${good}"] }
routes:
  - { path: /api/, upstream: http://orders:8080 }
  - { path: /api, upstream: http://other:8080 }
  - { path: /bff/own, static: dist }
  - { path: /both, static: dist, upstream: http://orders }
  - { path: /files, static: dist, methods: [GET], token: { resource: orders } }
  - { path: /loop, upstream: https://app.example.com/x }
  - { path: /open, upstream: http://orders, auth: none, require: { scope: [a b c, ""] } }
  - { path: /star/*, upstream: ws://orders, methods: [get], cookies: ["a;b"] }
`,
    [
      ['routes[1].path', 'remove one'],
      ['routes[2].path', 'move the route or the basePath'],
      ['routes[3].static', 'remove the other'],
      ['routes[4].methods', 'remove it'],
      ['routes[4].token.resource', 'write it whole'],
      ['routes[5].upstream', 'write the address of the service behind it'],
      ['routes[6].auth', 'use required'],
      ['routes[6].require.scope[1]', 'write a value'],
      ['routes[7].path', 'write the part that stays the same'],
      ['routes[7].upstream', 'write it whole'],
      ['routes[7].methods[0]', 'did you mean GET?'],
      ['routes[7].cookies[0]', 'use letters, digits'],
    ],
  ],
  [
    'a provider that cannot be meant so',
    `origin: http://app.example.com
provider:
  issuer: http://id.example.com/.well-known/openid-configuration
  clientId: ""
  clientAuth: private_key_jwt
  clientKey: /run/secrets/key.pem
  scope: profile,email
  authorizationParameters: { state: x, audience: 5 }
  idTokenAlgorithms: [HS256, none]
  responseMode: fragment
  tls: { ca: /etc/ca.pem, cert: x }
session: { secrets: ["${good}"] }
routes: [{ path: /, static: dist }]
`,
    [
      ['origin', 'use https'],
      ['provider.issuer', 'write the issuer alone'],
      ['provider.clientId', 'write a value'],
      ['provider.clientKey', 'write ${file:PATH}'],
      ['provider.scope', 'add it'],
      ['provider.authorizationParameters.state', 'remove it'],
      ['provider.authorizationParameters.audience', 'put it in quotes'],
      ['provider.idTokenAlgorithms[0]', 'write one of: RS256'],
      ['provider.idTokenAlgorithms[1]', 'write one of: RS256'],
      ['provider.responseMode', 'write one of: query, form_post'],
      ['provider.tls.ca', 'write ${file:PATH}'],
      ['provider.tls.cert', 'write ${file:PATH}'],
      ['provider.tls.key', 'belong together'],
    ],
  ],
  [
    'session, listeners and proxies',
    `origin: https://app.example.com/app
basePath: bff/
listen: { host: "*", port: 70000 }
admin: { host: 127.0.0.1, port: 8080, path: /metrics }
provider: { issuer: https://id.example.com, clientId: web, clientSecret: x }
session:
  secrets: []
  lifetimeSeconds: 99999999
  cookie: { sameSite: none, name: sid, domain: example.com }
  store: { type: mongodb, url: mongodb://localhost }
routes: [{ path: /, static: dist }]
trustedProxies: [10.0.0.0/33, proxy.local]
strictTransportSecurity: "max-age=1\\nX: y"
`,
    [
      ['origin', 'write https://app.example.com'],
      ['basePath', 'write it as in'],
      ['listen.host', '0.0.0.0 for all'],
      ['listen.port', 'write at most 65535'],
      ['admin.path', 'remove it'],
      ['session.secrets', 'made with: coatcheck secret'],
      ['session.lifetimeSeconds', 'write at most 34560000'],
      ['session.cookie.sameSite', 'write one of: strict, lax'],
      ['session.cookie.domain', 'remove it'],
      ['session.store.type', 'write one of'],
      ['trustedProxies[0]', 'write it as in 10.0.0.0/8'],
      ['trustedProxies[1]', 'write it as in 10.0.0.0/8'],
      ['strictTransportSecurity', 'remove line breaks'],
    ],
  ],
  [
    'keys twice, tags, and other writing systems',
    `origin: https://app.example.com
origin: https://app2.example.com
provider: { issuer: https://id.example.com, clientId: web, clientSecret: x }
session: { secrets: ["${good}"] }
log: !level { level: laut }
маршруты: []
routes: [{ path: /ä, static: "", "名前": 1 }, null, [], 7]
`,
    [
      ['origin', 'keep one of the two'],
      ['log', 'remove it'],
      ['log.level', 'write one of: trace'],
      ['["маршруты"]', 'remove it'],
      ['routes[0].path', 'remove or rename'],
      ['routes[0].static', 'write a value'],
      ['routes[0]["名前"]', 'remove it'],
      ['routes[1]', 'write a mapping'],
      ['routes[2]', 'write a mapping'],
      ['routes[3]', 'write a mapping'],
    ],
  ],
  [
    'broken YAML',
    'session:\n  secrets: [ ${env:COATCHECK_SECRET} ]\n',
    [['session.secrets[0]', 'put texts with "${" in quotes']],
  ],
  ['JSON that ends too early', '{ "origin": "https://app.example.com", "routes": [', [['(config)', 'check the indentation']]],
  ['an empty file', '', [['(config)', 'write at least origin, provider, session and routes']]],
  ['a list', '- origin: https://app.example.com\n', [['(config)', 'write a mapping of options']]],
  [
    'options in the wrong section',
    `origin: https://app.example.com
issuer: https://id.example.com
secrets: ["${good}"]
provider: { issuer: https://id.example.com, clientId: web, clientSecret: x, sameSite: lax }
session: { secrets: ["${good}", ""], upstream: http://orders, cookie: { name: 7 } }
routes: [{ path: /, static: dist, port: 1 }]
`,
    [
      ['issuer', 'belongs at `provider.issuer`'],
      ['secrets', 'belongs at `session.secrets`'],
      ['provider.sameSite', 'belongs at `session.cookie.sameSite`'],
      ['session.upstream', 'belongs at `routes[].upstream`'],
      ['session.secrets[1]', 'write a value'],
      ['session.cookie.name', 'put it in quotes'],
      ['routes[0].port', 'belongs at `listen.port` or `admin.port`'],
    ],
  ],
]

describe('coatcheck check says in one run everything that is wrong with', () => {
  test.each(configs)('%s', async (_what, source, problems) => {
    const file = folder.write(source)
    const { code, stdout, stderr } = await runCommand(['check', '-c', file])
    expect(code).toBe(2)
    expect(stderr).toBe('')
    const lines = stdout.split('\n').filter((line) => line.startsWith('problem '))
    for (const [path, remedy] of problems) {
      const found = lines.filter((line) => line.includes(` ${path}: `))
      expect(
        found.some((line) => (typeof remedy === 'string' ? line.includes(remedy) : remedy.test(line))),
        `${path}: ${remedy}\n${stdout}`,
      ).toBe(true)
    }
    const known = new Set(problems.map(([path]) => path))
    expect(lines.filter((line) => ![...known].some((path) => line.includes(` ${path}: `)))).toEqual([])
    expect(stdout).toMatch(new RegExp(`\\n${lines.length} problems?, no warnings\\.\\n$`))
    expect(stdout).not.toContain(good)
  })

  test('and serve does not start with any of them', async () => {
    for (const [what, source, problems] of configs) {
      const startGateway = () => Promise.reject(new Error(`started with ${what}`))
      const { code, stderr } = await runCommand(['serve', '-c', folder.write(source)], { startGateway })
      expect(code, what).toBe(2)
      for (const [path] of problems) expect(stderr).toContain(` ${path}: `)
    }
  })
})

test('with --json the same comes as data', async () => {
  const file = folder.write('origin: 5\n')
  const { code, stdout } = await runCommand(['check', '--json', '-c', file])
  const result: unknown = JSON.parse(stdout)
  expect(code).toBe(2)
  expect(result).toMatchObject({
    ok: false,
    findings: expect.arrayContaining([
      { step: 'config', level: 'problem', path: 'origin', place: 'coatcheck.yaml:1:1', message: expect.any(String) },
    ]),
  })
})

test('a config file that is not there is a problem like any other', async () => {
  const { code, stdout } = await runCommand(['check', '-c', `${folder.path}/nowhere.yaml`])
  expect(code).toBe(2)
  expect(stdout).toContain('which does not exist; create it or correct the path')
})
