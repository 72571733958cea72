import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createEmbeddedStore } from '../../src/stores/embedded.ts'
import { createRedisStore } from '../../src/stores/redis.ts'
import { configFolder, runCommand } from '../cli/command-line.ts'
import { startFurtherGateway } from '../support/further-gateway.ts'
import { serverSecret, simulateInternet } from '../support/internet.ts'
import { anyRedis } from '../support/redis-server.ts'

let redis: Awaited<ReturnType<typeof anyRedis>>
beforeAll(async () => {
  redis = await anyRedis()
})
afterAll(() => redis.stop())

test('users stay logged in from the embedded store to Redis, and are logged out there at once', async () => {
  const folder = configFolder()
  onTestFinished(() => folder.remove())
  const internet = await simulateInternet({ store: createEmbeddedStore({ path: join(folder.path, 'data') }) })
  const keyPrefix = `test-${randomUUID()}:`
  const { provider, app } = internet
  const config = (name: string, store: object) => {
    const { issuer, client } = provider
    const source = {
      origin: app.url,
      provider: { issuer, clientId: client.id, clientSecret: client.secret },
      session: { secrets: [serverSecret], store },
      routes: [{ path: '/api/', upstream: 'http://127.0.0.1:9' }],
    }
    return folder.write(JSON.stringify(source), name)
  }
  const from = config('from.yaml', { type: 'embedded', path: 'data' })
  const to = config('to.yaml', { type: 'redis', url: redis.url, keyPrefix })
  const [ada, grace] = [internet.browser(), internet.browser()]
  for (const [name, browser] of [
    ['ada', ada],
    ['grace', grace],
  ] as const) {
    provider.loginAs(name)
    await browser.login(app)
  }

  const first = await runCommand(['sessions', 'migrate', '--from', from, '--to', to])
  expect(first).toMatchObject({ code: 0, stderr: '' })
  internet.clock.advance(301_000)
  expect((await ada.fetch('/api/a')).status).toBe(200)
  const second = await runCommand(['sessions', 'migrate', '--from', from, '--to', to])
  expect(second.stdout).toContain('0 sessions copied, 1 brought up to date, 1 as they were.')

  await startFurtherGateway(internet, { store: createRedisStore({ url: redis.url, keyPrefix, clock: internet.clock }) })
  for (const browser of [ada, grace]) expect((await browser.fetch('/api/a')).status).toBe(200)
  const listed = await runCommand(['sessions', 'list', '-c', to])
  expect(listed.stdout).toContain('\n2 sessions.\n')
  const events = await ada.tab.stream('/bff/events')
  await events.until('retry:')
  const revoked = await runCommand(['sessions', 'revoke', '-c', to, '--user', 'user-ada'])
  expect(revoked).toMatchObject({ code: 0, stderr: 'Ended 1 session.\n' })
  expect((await ada.fetch('/api/a')).status).toBe(401)
  await events.until('session-ended')
  expect((await grace.fetch('/api/a')).status).toBe(200)
  expect(provider.reuseDetected).toBe(0)
})
