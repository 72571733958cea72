import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runDev } from '../../src/cli/dev.ts'
import { listenOnLoopback } from '../../src/dev/listen.ts'
import { CookieBrowser } from './cookie-browser.ts'

/** An API that gives back what reached it. */
const api = createServer((request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ url: request.url, authorizationLength: request.headers.authorization?.length ?? 0 }))
  lastAuthorization = request.headers.authorization
})
let lastAuthorization: string | undefined
let apiUrl = ''
let folder = ''

beforeAll(async () => {
  apiUrl = `http://127.0.0.1:${await listenOnLoopback(api, 0, 'the test')}/v1/`
  folder = await mkdtemp(join(tmpdir(), 'coatcheck-dev-'))
  await writeFile(join(folder, 'index.html'), '<!doctype html><title>page of the test</title>')
})

afterAll(async () => {
  api.closeAllConnections()
  await new Promise((resolve) => api.close(resolve))
  await rm(folder, { recursive: true })
})

async function logIn(url: string, sub: string): Promise<CookieBrowser> {
  const browser = new CookieBrowser()
  const signIn = await browser.navigate(`${url}/bff/login?returnTo=/`)
  expect(signIn.text).toContain('Who are you today?')
  const page = await browser.submit(signIn.url, { sub })
  expect(page.text).toContain('page of the test')
  return browser
}

it('serves an app from flags alone, with tokens as it says they are', async () => {
  const printed: string[] = []
  const dev = await runDev({
    static: folder,
    upstream: [`/api/=${apiUrl}`],
    scope: 'openid profile email offline_access things.read',
    port: 0,
    providerPort: 0,
    print: (line) => printed.push(line),
  })
  try {
    const browser = await logIn(dev.url, 'ada')
    const session = JSON.parse((await browser.fetch(`${dev.url}/bff/session`)).text) as unknown
    expect(session).toMatchObject({ authenticated: true, user: { sub: 'ada', name: 'Ada Lovelace' } })

    expect((await browser.fetch(`${dev.url}/api/things?x=1`)).text).toContain('"url":"/v1/things?x=1"')
    const said = printed.join('\n')
    const audience = /audience {2}(\S+)/.exec(said)?.[1] ?? ''
    const keys = /keys {6}(\S+)/.exec(said)?.[1] ?? ''
    const { payload } = await jwtVerify(lastAuthorization?.replace('Bearer ', '') ?? '', createRemoteJWKSet(new URL(keys)), {
      audience,
      issuer: dev.issuer,
      typ: 'at+jwt',
    })
    expect(payload).toMatchObject({ sub: 'ada', scope: 'things.read' })
    expect(said).toContain('FOR DEVELOPMENT ONLY')
    expect(said).toContain('Ada Lovelace or Ben Okri')
  } finally {
    await dev.close()
  }
})

it('takes over a production config', async () => {
  const file = join(folder, 'coatcheck.yaml')
  await writeFile(
    file,
    `origin: https://app.example.com
provider: { issuer: "https://id.example.com", clientId: web, clientSecret: "\${env:NOT_SET_IN_THIS_TEST}", scope: openid things.read }
session: { secrets: ["\${env:NOT_SET_IN_THIS_TEST}"] }
routes:
  - { path: /api/, upstream: "${apiUrl}", token: { resource: "https://things.example.com" } }
  - { path: /, static: . }
`,
  )
  const dev = await runDev({ config: file, port: 0, providerPort: 0, print: () => undefined })
  try {
    const browser = await logIn(dev.url, 'ben')
    expect((await browser.fetch(`${dev.url}/api/things`)).status).toBe(200)
    const { payload } = await jwtVerify(
      lastAuthorization?.replace('Bearer ', '') ?? '',
      createRemoteJWKSet(new URL('/jwks', dev.issuer)),
    )
    expect(payload).toMatchObject({ sub: 'ben', aud: 'https://things.example.com', scope: 'things.read' })
  } finally {
    await dev.close()
  }
})

it('logs out at both ends', async () => {
  const dev = await runDev({ static: folder, upstream: [`/api/=${apiUrl}`], port: 0, providerPort: 0, print: () => undefined })
  try {
    const browser = await logIn(dev.url, 'ada')
    const { csrfToken } = JSON.parse((await browser.fetch(`${dev.url}/bff/session`)).text) as { csrfToken: string }
    const answer = await browser.fetch(`${dev.url}/bff/logout`, { method: 'POST', headers: { 'x-csrf-token': csrfToken } })
    expect(answer.status).toBe(200)
    const { logoutUrl } = JSON.parse(answer.text) as { logoutUrl: string }
    expect(logoutUrl.startsWith(dev.issuer)).toBe(true)
    expect((await browser.fetch(`${dev.url}/api/things`)).status).toBe(401)

    const page = await browser.navigate(logoutUrl)
    const action = /action="([^"]+)"/.exec(page.text)?.[1] ?? ''
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
    const back = await browser.submit(new URL(action, page.url).href, { xsrf, logout: 'yes' })
    expect([new URL(back.url).origin, back.status]).toEqual([dev.url, 200])
    expect((await browser.navigate(`${dev.url}/bff/login`)).text).toContain('Who are you today?')
  } finally {
    await dev.close()
  }
})

it('lets other users be picked', async () => {
  const users = join(folder, 'users.yaml')
  await writeFile(users, '- { sub: "7", name: Grace Hopper, email: grace@example.com, roles: [admiral] }\n')
  const options = { static: folder, port: 0, providerPort: 0, print: () => undefined }
  const dev = await runDev({ ...options, users })
  try {
    const browser = await logIn(dev.url, '7')
    const session = JSON.parse((await browser.fetch(`${dev.url}/bff/session`)).text) as unknown
    expect(session).toMatchObject({ user: { sub: '7', roles: ['admiral'] } })
  } finally {
    await dev.close()
  }
  await writeFile(users, '- { sub: "7", name: Grace Hopper, email: nowhere }\n')
  await expect(runDev({ ...options, users })).rejects.toThrow('0.email')
})

it('says what is wrong with what it was given', async () => {
  const print = () => undefined
  await expect(runDev({ print })).rejects.toThrow('Say what stands behind')
  await expect(runDev({ print, config: join(folder, 'missing.yaml') })).rejects.toThrow('which does not exist')
  await expect(runDev({ print, config: join(folder, 'coatcheck.yaml'), static: folder })).rejects.toThrow(
    'stand in for a config file',
  )
  await writeFile(join(folder, 'broken.yaml'), 'routes: [\n')
  await expect(runDev({ print, config: join(folder, 'broken.yaml') })).rejects.toThrow('broken.yaml:')
})
