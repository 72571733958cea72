import { expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { deploy } from './support/deployment.ts'
import { inTime } from './support/in-time.ts'
import { NodeClient, signIn } from './support/nodes-client.ts'
import { Asker, isAlive, workersListening, workersOf } from './support/workers.ts'

test('SIGHUP under load: a new config, new workers, and not one failed call', async () => {
  const deployment = await deploy({ workers: 2 })
  const { process: gateway, port } = deployment.node()
  const client = new NodeClient(port)
  const ada = await signIn(client, deployment.provider, 'ada')
  const askers = Array.from({ length: 8 }, () => new Asker(port, ada))
  await inTime(Promise.all(askers.map((asker) => asker.more(10))), 'calls before the reload')
  expect((await client.call('/new/thing', { id: ada.id })).status).toBe(404)

  const { routes, ...config } = deployment.config()
  deployment.writeConfig('coatcheck.json', {
    ...config,
    routes: [...routes, { path: '/new/', upstream: `${deployment.upstream.url}/v2/` }],
  })
  const old = workersOf(deployment)
  gateway.signal('SIGHUP')
  await gateway.logged((line) => line['event'] === 'reloaded', 'reloaded')
  await inTime(Promise.all(askers.map((asker) => asker.more(10))), 'calls after the reload')
  await eventually(() => expect(old.filter(({ pid }) => isAlive(pid))).toEqual([]), 10_000)
  expect((await client.call('/new/thing', { id: ada.id })).status).toBe(200)
  expect((await client.call('/api/thing', { id: ada.id })).status).toBe(200)
  await Promise.all(askers.map((asker) => asker.stop()))

  expect(askers.flatMap(({ failures }) => failures)).toEqual([])
  expect(askers.flatMap(({ closes }) => closes).length).toBeGreaterThan(0)
  expect(await workersListening(deployment, 4)).toHaveLength(4)
  const text = await (await fetch(`http://127.0.0.1:${deployment.node().adminPort}/metrics`)).text()
  const counted = Number(/coatcheck_proxied_calls_total\{route="\/api\/",outcome="2xx"\} (\d+)/.exec(text)?.[1])
  // Those of the workers that left are in it too; the login went to the page of the app once.
  expect(counted).toBeGreaterThanOrEqual(askers.reduce((sum, { answers }) => sum + answers, 0))
  client.close()
})

test('SIGHUP closes WebSockets with 1001, and they open again on a new worker', async () => {
  const deployment = await deploy({ workers: 1 })
  const user = await deployment.user('ada')
  const webSocket = await user.tab.webSocket('/api/socket')
  const closed = new Promise<number>((resolve) => webSocket.once('close', resolve))
  deployment.node().process.signal('SIGHUP')
  expect(await inTime(closed, 'the close frame')).toBe(1001)
  await user.tab.webSocket('/api/socket')
  expect(await user.session()).toMatchObject({ authenticated: true })
})

test('a bad config is told, and the old workers go on with the old one; so is one that cannot listen', async () => {
  const deployment = await deploy({ workers: 2 })
  const { process: gateway, port, adminPort } = deployment.node()
  const user = await deployment.user('ada')
  const config = deployment.config()
  deployment.writeConfig('coatcheck.json', { ...config, routes: [{ path: '/api/', upstreem: 'x' }] })
  gateway.signal('SIGHUP')
  await gateway.logged((line) => line['event'] === 'reload_refused', 'reload_refused')
  expect(gateway.stderr).toContain('did you mean `upstream`?')
  expect((await user.fetch('/api/still')).status).toBe(200)

  deployment.writeConfig('coatcheck.json', { ...config, listen: { port: adminPort } })
  gateway.signal('SIGHUP')
  await gateway.logged(
    (line) => line['event'] === 'reload_refused' && /EADDRINUSE/.test(String(line['reason'])),
    'the second refusal',
  )
  expect((await user.fetch('/api/still')).status).toBe(200)
  expect(deployment.node().port).toBe(port)
  expect(await deployment.ready()).toBe(200)

  // A worker that dies afterwards comes back with the config that is in force, not with the one in the file.
  const [victim] = workersOf(deployment)
  process.kill(victim?.pid ?? 0, 'SIGKILL')
  await workersListening(deployment, 3)
  await eventually(async () => expect((await user.fetch('/api/still')).status).toBe(200))
})
