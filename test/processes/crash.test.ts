import { expect, test } from 'vitest'
import { rawRequest, type RawResponse } from '../support/raw-client.ts'
import { deploy, pageRequest, sessionCookie, type Deployment } from './support/deployment.ts'

/** Logs in by hand up to the answer of the callback, which has told the browser that it is logged in. */
async function logInUpToCallback(deployment: Deployment): Promise<RawResponse> {
  const start = await deployment.exchange(rawRequest('GET', '/bff/login?returnTo=/api/home'))
  const loginCookie = start.header('set-cookie')?.split(';')[0] ?? ''
  const atProvider = await fetch(start.header('location') ?? '', { redirect: 'manual' })
  const callback = new URL(atProvider.headers.get('location') ?? '')
  const connection = await deployment.connect()
  connection.send(rawRequest('GET', callback.pathname + callback.search, [`Cookie: ${loginCookie}`]))
  return connection.response()
}

const apiCall = (cookie: string) => rawRequest('GET', '/api/home', [`Cookie: ${cookie}`, 'Sec-Fetch-Site: same-origin'])

test('a login survives kill -9 in the moment it was answered', async () => {
  const deployment = await deploy()
  const answer = await logInUpToCallback(deployment)
  await deployment.crash()
  const cookie = answer.headers.find(([name, value]) => /^set-cookie$/i.test(name) && value.startsWith(`${sessionCookie}=`))?.[1]
  const response = await deployment.exchange(apiCall(cookie?.split(';')[0] ?? ''))
  expect(response.status).toBe(200)
  expect(JSON.parse(response.text)).toMatchObject({ sub: 'user-ada' })
})

test('a callback is worth nothing a second time, after kill -9 neither', async () => {
  const deployment = await deploy()
  await logInUpToCallback(deployment)
  const [call] = deployment.provider.calls.authorize
  const codes = [...deployment.provider.issued].filter(([, kind]) => kind === 'code').map(([code]) => code)
  await deployment.crash()
  const query = new URLSearchParams({
    code: codes[0] ?? '',
    state: call?.form.get('state') ?? '',
    iss: deployment.provider.issuer,
  })
  const again = await deployment.exchange(rawRequest('GET', `/bff/callback?${query.toString()}`))
  expect(again.status).toBe(303)
  expect(again.header('location')).toMatch(/^\/bff\/error\?code=login_failed/)
  expect(again.header('set-cookie') ?? '').not.toContain(`${sessionCookie}=`)
  expect(deployment.provider.tokenCalls('authorization_code')).toHaveLength(1)
})

test('a copied cookie is worth nothing after logout, after kill -9 and a restart neither', async () => {
  const deployment = await deploy()
  const user = await deployment.user('ada')
  const refreshTokens = [...deployment.provider.issued].filter(([, kind]) => kind === 'refresh_token')
  const bystander = await deployment.user('grace')
  const thief = deployment.browser({ copyOf: user })
  expect((await thief.fetch('/api/home')).status).toBe(200)
  const callsBefore = deployment.upstream.requests.length

  const token = String((await user.session())['csrfToken'])
  const connection = await deployment.connect()
  connection.send(pageRequest(user, 'POST', '/bff/logout', [`X-CSRF-Token: ${token}`, 'Content-Length: 0']))
  const answer = await connection.response('POST')
  await deployment.node().process.kill()
  expect(answer.status).toBe(200)
  await deployment.crash()

  for (const browser of [user, deployment.browser({ copyOf: thief })]) {
    const response = await browser.fetch('/api/home')
    expect(response.status).toBe(401)
    expect(response.object()).toMatchObject({ code: 'session_required', login: '/bff/login' })
    expect(await browser.session()).toEqual({ authenticated: false })
  }
  expect(deployment.upstream.requests).toHaveLength(callsBefore)
  expect(refreshTokens.map(([token]) => deployment.provider.grants.isLive(token))).toEqual([false])
  expect((await bystander.fetch('/api/home')).status).toBe(200)
})

test('a copied cookie is worth nothing on the other process as soon as logout has answered', async () => {
  const deployment = await deploy({ processes: 2 })
  const user = await deployment.user('ada')
  const thief = deployment.browser({ node: 1, copyOf: user })
  expect((await thief.fetch('/api/home')).status).toBe(200)
  expect((await user.fetch('/bff/logout', { method: 'POST', csrf: true })).status).toBe(200)
  expect((await thief.fetch('/api/home')).status).toBe(401)
})
