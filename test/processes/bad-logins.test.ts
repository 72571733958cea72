import { expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { rawRequest } from '../support/raw-client.ts'
import { deploy, sessionCookie, type Deployment } from './support/deployment.ts'
import { Victim } from './support/victim.ts'

/** Sends somebody through a login that must fail, and gives what the browser ended with. */
async function failingLogin(deployment: Deployment) {
  const browser = deployment.browser()
  deployment.provider.loginAs('mallory')
  const response = await browser.login(undefined, '/api/home')
  expect(browser.jar.get(sessionCookie)).toBeUndefined()
  expect(await browser.session()).toEqual({ authenticated: false })
  return response
}

test('forged callbacks and wrong ID tokens: the error page, one audit line, and no session', async () => {
  const deployment = await deploy()
  const { provider } = deployment
  deployment.upstream.answer({ body: 'all is well' })
  const user = await deployment.user('ada')
  const victim = new Victim(deployment, await deployment.user('grace'))
  const tokenCalls = provider.calls.token.length
  const forged = [
    '',
    '?code=abc',
    '?code=abc&state=xyz',
    `?code=abc&state=${'A'.repeat(60)}&iss=https://evil.test`,
    '?code=a&code=b&state=c',
    '?error=access_denied',
  ]
  for (const query of forged) {
    const response = await deployment.exchange(rawRequest('GET', `/bff/callback${query}`))
    expect(response.status, query).toBe(303)
    expect(response.header('location'), query).toMatch(/^\/bff\/error\?code=login_failed(&|$)/)
    expect(response.text, query).toBe('')
  }
  expect(provider.calls.token).toHaveLength(tokenCalls)
  await eventually(() => expect(deployment.logs.events('login_failed')).toHaveLength(forged.length))

  const past = Math.floor(Date.now() / 1000) - 3_600
  const foreign = provider.rotateKeys()
  provider.jwksKeys = provider.jwksKeys.filter((key) => key !== foreign)
  const wrong: Record<string, (claims: Record<string, unknown>) => string> = {
    'another nonce': (claims) => provider.signIdToken({ ...claims, nonce: 'n'.repeat(43) }),
    'no nonce': (claims) => provider.signIdToken({ ...claims, nonce: undefined }),
    'another audience': (claims) => provider.signIdToken({ ...claims, aud: 'other-client' }),
    'another issuer': (claims) => provider.signIdToken({ ...claims, iss: 'https://evil.test' }),
    expired: (claims) => provider.signIdToken({ ...claims, iat: past, exp: past + 60 }),
    'a foreign key': (claims) => provider.signIdToken(claims, { key: foreign.privateKey }),
    'no signature': (claims) => provider.signIdToken(claims, { alg: 'none' }),
    'no token at all': () => 'not a token',
  }
  const asMade = provider.makeIdToken
  for (const [what, make] of Object.entries(wrong)) {
    const before = deployment.logs.events('login_failed').length
    provider.makeIdToken = make
    const response = await failingLogin(deployment)
    provider.makeIdToken = asMade
    expect(new URL(response.url).pathname, what).toBe('/bff/error')
    expect(response.text, what).toContain('login_failed')
    const failures = () => deployment.logs.events('login_failed').slice(before)
    await eventually(() => expect(failures(), what).toMatchObject([{ code: 'login_failed', reason: expect.stringMatching(/./) }]))
  }
  await victim.expectUnharmed()
  expect((await user.fetch('/api/fine')).status).toBe(200)
})
