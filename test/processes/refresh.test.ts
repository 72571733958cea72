import { expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import type { Browser } from '../support/browser.ts'
import { deploy, type Deployment } from './support/deployment.ts'

/** Two processes and one session, whose access token has expired; one browser with its cookie for each process. */
async function expiredSession() {
  const deployment = await deploy({ processes: 2 })
  deployment.expireNextToken()
  deployment.provider.loginAs('ada')
  const first = deployment.browser()
  // The page after the login would be the first call with the expired token.
  await first.login(undefined, '/nowhere')
  const second = deployment.browser({ node: 1, copyOf: first })
  expect(deployment.provider.tokenCalls('refresh_token')).toHaveLength(0)
  return { deployment, ...deployment, first, second, browsers: [first, second] }
}

/** Calls on connections of their own, half of them to each process. */
function callAll(browsers: readonly Browser[], count: number) {
  return Promise.all(Array.from({ length: count }, (_, index) => browsers[index % 2]?.fetch(`/api/${index}`)))
}

/** Both processes have read what came before this: they have answered what came after it. */
async function bothHaveRead(browsers: readonly Browser[]): Promise<void> {
  for (const browser of browsers) await browser.session()
}

const liveRefreshTokens = ({ provider }: Deployment) =>
  [...provider.issued].filter(([token, kind]) => kind === 'refresh_token' && provider.grants.isLive(token))

test('200 parallel calls on two processes make one refresh, and all succeed', async () => {
  const { deployment, provider, upstream, browsers } = await expiredSession()
  const held = provider.hold('token')
  const calls = callAll(browsers, 200)
  await held.arrived
  await bothHaveRead(browsers)
  held.release()
  const statuses = (await calls).map((response) => response?.status)
  expect(statuses).toEqual(Array.from({ length: 200 }, () => 200))
  expect(provider.tokenCalls('refresh_token')).toHaveLength(1)
  expect(provider.reuseDetected).toBe(0)
  expect(upstream.requests).toHaveLength(200)
  for (const { bearer } of upstream.requests) expect(provider.grants.activeAccessToken(bearer ?? '')).toBeDefined()
  await eventually(() => expect(deployment.logs.events('refresh')).toHaveLength(1))
  expect(liveRefreshTokens(deployment)).toHaveLength(1)
})

test.each(['before', 'after'] as const)(
  'a logout on one process while the other refreshes stays a logout (the provider held %s it rotates)',
  async (when) => {
    const { deployment, provider, upstream, first, second, browsers } = await expiredSession()
    const held = provider.hold('token', when)
    const calls = callAll([first, first], 20)
    await held.arrived
    expect((await second.fetch('/bff/logout', { method: 'POST', csrf: true })).status).toBe(200)
    held.release()
    for (const response of await calls) {
      expect(response?.status).toBe(401)
      expect(response?.object()).toMatchObject({ code: 'session_required' })
    }
    for (const browser of [...browsers, deployment.browser({ copyOf: first })]) {
      expect((await browser.fetch('/api/late')).status).toBe(401)
    }
    expect(upstream.requests).toHaveLength(0)
    await eventually(() => expect(deployment.logs.events('logout')).toHaveLength(1))
    // What the late refresh brought is given back as well.
    await eventually(() => expect(liveRefreshTokens(deployment)).toEqual([]))
  },
)

test('a process killed in the middle of a refresh costs the others a few seconds at most, and no session before the rotation', async () => {
  const { deployment, provider, first, second } = await expiredSession()
  const held = provider.hold('token')
  const lost = first.fetch('/api/lost').catch(() => 'cut' as const)
  await held.arrived
  provider.override('token', undefined)
  await deployment.node(0).process.kill()
  expect(await lost).toBe('cut')
  const startedMs = performance.now()
  expect((await second.fetch('/api/next')).status).toBe(200)
  expect(performance.now() - startedMs).toBeLessThan(8_000)
  expect(provider.reuseDetected).toBe(0)
})
