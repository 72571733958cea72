import { expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import type { ScriptedAnswer } from '../support/provider-call.ts'
import { rawRequest } from '../support/raw-client.ts'
import { app, deploy, sessionCookie, type Deployment } from './support/deployment.ts'
import { inTime } from './support/in-time.ts'
import { Victim } from './support/victim.ts'

const html: ScriptedAnswer = { status: 200, headers: { 'content-type': 'text/html' }, body: '<h1>Maintenance</h1>' }

/** How a token endpoint is in trouble. Nothing is rotated in any of these. */
const scripts: Record<string, ScriptedAnswer> = {
  'resets the connection': { reset: 'before' },
  hangs: { hang: true },
  'answers HTML': html,
  'answers HTML from a proxy in front': { ...html, status: 502 },
  'answers 500': { status: 500, body: { error: 'server_error' } },
  'answers 429': { status: 429, headers: { 'retry-after': '7' }, body: { error: 'slow_down' } },
  'answers an empty 200': { status: 200, body: '' },
  'answers a redirect': { status: 302, headers: { location: 'https://evil.test/token' }, body: '' },
}

const isWell = { body: 'all is well' }

/** A victim whose token lives on, and a user whose token has expired. */
async function deployBoth() {
  const deployment = await deploy()
  deployment.upstream.answer(isWell)
  const victim = new Victim(deployment, await deployment.user('grace'))
  deployment.expireNextToken()
  deployment.provider.loginAs('ada')
  const user = deployment.browser()
  await user.login(undefined, '/nowhere')
  return { deployment, provider: deployment.provider, user, victim }
}

test('a refresh while the provider is in trouble: 503 with Retry-After, one line each, and no session is lost', async () => {
  const { deployment, provider, user, victim } = await deployBoth()
  const down = 'is down'
  for (const what of [...Object.keys(scripts), down]) {
    const failures = () => deployment.logs.events('refresh_failed')
    const before = failures().length
    if (what === down) await provider.stop()
    else provider.override('token', scripts[what])
    const response = await inTime(user.fetch('/api/x'), what, 5_000)
    expect(response.status, what).toBe(503)
    expect(response.object(), what).toMatchObject({ code: 'provider_unavailable' })
    expect(Number(response.header('retry-after')), what).toBeGreaterThan(0)
    expect(response.setCookies, what).toEqual([])
    await eventually(() => expect(failures(), what).toHaveLength(before + 1))
    expect(failures().at(-1), what).toMatchObject({ level: 40, ended: false, reason: expect.stringMatching(/./) })
    await victim.goesOn()
  }
  expect(await user.session()).toMatchObject({ authenticated: true })
  await provider.start()
  provider.override('token', undefined)
  expect((await user.fetch('/api/x')).text).toBe('all is well')
  expect(provider.reuseDetected).toBe(0)
  await victim.expectUnharmed()
})

/** A login, up to where it ends. */
async function logIn(deployment: Deployment) {
  const browser = deployment.browser()
  deployment.provider.loginAs('ada')
  return { browser, response: await inTime(browser.login(undefined, '/api/home'), 'the end of a login', 5_000) }
}

test('a login while the token endpoint is in trouble: the error page, one line, and the next try works', async () => {
  const { deployment, provider, victim } = await deployBoth()
  for (const [what, script] of Object.entries(scripts)) {
    const failures = () => deployment.logs.events('login_failed')
    const before = failures().length
    provider.override('token', script)
    const { browser, response } = await logIn(deployment)
    expect(new URL(response.url).pathname, what).toBe('/bff/error')
    expect(response.text, what).toMatch(/provider_unavailable|login_failed/)
    expect(response.text, what).not.toContain('Maintenance')
    expect(browser.jar.get(sessionCookie), what).toBeUndefined()
    await eventually(() => expect(failures(), what).toHaveLength(before + 1))
    provider.override('token', undefined)
    const link = /href="(\/bff\/login[^"]*)"/.exec(response.text)?.[1]?.replaceAll('&amp;', '&') ?? '/no-link'
    expect((await browser.tab.click(link, app)).text, what).toBe('all is well')
  }
  await victim.expectUnharmed()
})

test('a gateway starts without its provider, says so, and finds it later', async () => {
  const deployment = await deploy({ providerDown: true })
  const { process: gateway } = deployment.node()
  deployment.upstream.answer(isWell)
  expect(await deployment.ready()).toBe(200)
  const unreachable = await gateway.logged((line) => line['event'] === 'provider_unreachable')
  expect(unreachable).toMatchObject({ level: 40 })
  const login = await deployment.exchange(
    rawRequest('GET', '/bff/login', ['Accept: text/html', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document']),
  )
  expect(login.status).toBe(503)
  expect(Number(login.header('retry-after'))).toBeGreaterThan(0)
  expect(login.header('set-cookie')).toBeUndefined()
  expect(login.text).toContain('provider_unavailable')
  const call = await deployment.exchange(rawRequest('GET', '/api/x'))
  expect(JSON.parse(call.text)).toMatchObject({ status: 401, code: 'session_required' })
  await deployment.provider.start()
  await gateway.logged((line) => line['event'] === 'provider_reached')
  const { response } = await logIn(deployment)
  expect(response.text).toBe('all is well')
})
