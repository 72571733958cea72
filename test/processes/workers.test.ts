import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { deferred } from '../support/deferred.ts'
import { eventually } from '../support/eventually.ts'
import { deploy, pageRequest } from './support/deployment.ts'
import { inTime } from './support/in-time.ts'
import { NodeClient, signIn } from './support/nodes-client.ts'
import { Asker, isAlive, workersListening, workersOf } from './support/workers.ts'

async function adminText(port: number, path: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`)
  return { status: answer.status, text: await answer.text() }
}

test('workers share one port, one store and one admin listener; metrics are their sum', async () => {
  const deployment = await deploy({ workers: 2 })
  const { process: gateway, port, adminPort } = deployment.node()
  expect(deployment.logs.events('listening')).toHaveLength(1)
  expect(deployment.logs.events('listening')[0]).toMatchObject({ workers: 2, url: `http://127.0.0.1:${port}` })
  expect(new Set(workersOf(deployment).map(({ worker }) => worker))).toEqual(new Set([1, 2]))
  expect(gateway.stderr).toMatch(/^Coatcheck listens on http:\/\/127\.0\.0\.1:\d+ for /)

  const user = await deployment.user('ada')
  // Connections are dealt out in turn, so that these are two for each worker.
  const connections = await Promise.all(Array.from({ length: 4 }, () => deployment.connect()))
  for (const connection of connections) {
    connection.send(pageRequest(user, 'GET', '/api/one'))
    expect((await connection.response()).status).toBe(200)
  }
  const metrics = await adminText(adminPort, '/metrics')
  expect(metrics.text).toContain('coatcheck_proxied_calls_total{route="/api/",outcome="2xx"} 5')
  expect(metrics.text).toContain('coatcheck_proxied_call_seconds_count{route="/api/"} 5')
  expect(metrics.text).toContain('coatcheck_audit_events_total{event="login"} 1')
  expect(metrics.text).toContain('coatcheck_workers 2')
  expect(await adminText(adminPort, '/live')).toEqual({ status: 200, text: '{"status":"live"}' })
  expect(await adminText(adminPort, '/ready')).toEqual({ status: 200, text: '{"status":"ready","workers":{"ready":2,"of":2}}' })

  // What one worker closes, the others refuse at once.
  const token = String((await user.session())['csrfToken'])
  const [closing] = connections
  closing?.send(
    pageRequest(user, 'POST', '/bff/logout', ['Origin: https://app.test', `X-CSRF-Token: ${token}`, 'Content-Length: 0']),
  )
  expect((await closing?.response('POST'))?.status).toBe(200)
  for (const connection of connections) connection.send(pageRequest(user, 'GET', '/api/two'))
  for (const connection of connections) expect((await connection.response()).status).toBe(401)
})

test('an expired token is refreshed once, whatever workers the calls come to', async () => {
  const deployment = await deploy({ workers: 2 })
  deployment.expireNextToken()
  deployment.provider.loginAs('ada')
  const browser = deployment.browser()
  await browser.login(undefined, '/nowhere')
  const connections = await Promise.all(Array.from({ length: 8 }, () => deployment.connect()))
  for (const connection of connections) connection.send(pageRequest(browser, 'GET', '/api/fresh'))
  for (const connection of connections) expect((await connection.response()).status).toBe(200)
  expect(deployment.provider.tokenCalls('refresh_token')).toHaveLength(1)
})

test('kill -9 of a worker under load costs its own calls and no other, and another takes its place', async () => {
  const deployment = await deploy({ workers: 2 })
  const { port, adminPort } = deployment.node()
  const client = new NodeClient(port)
  const ada = await signIn(client, deployment.provider, 'ada')
  const askers: Asker[] = []
  // Connections that come one after the other are dealt out in turn: four for each worker.
  for (let count = 0; count < 8; count += 1) {
    const asker = new Asker(port, ada)
    askers.push(asker)
    await inTime(asker.more(1), 'the first answer')
  }
  await inTime(Promise.all(askers.map((asker) => asker.more(10))), 'calls on both workers')

  const [victim] = workersOf(deployment)
  process.kill(victim?.pid ?? 0, 'SIGKILL')
  const [, , heir] = await workersListening(deployment, 3)
  expect(heir).toMatchObject({ worker: victim?.worker })
  await inTime(Promise.all(askers.map((asker) => asker.more(10))), 'calls after the death')
  await Promise.all(askers.map((asker) => asker.stop()))

  const hit = askers.filter((asker) => asker.failures.length > 0)
  expect(hit.length).toBeLessThanOrEqual(4)
  for (const { failures } of askers) expect(failures.length).toBeLessThanOrEqual(2)
  expect(hit.flatMap(({ failures }) => failures).filter((failure) => /^\d/.test(failure))).toEqual([])
  expect(deployment.logs.events('worker_died')).toEqual([expect.objectContaining({ worker: victim?.worker, how: 'SIGKILL' })])
  await eventually(async () => expect((await adminText(adminPort, '/ready')).text).toContain('"ready":2'))
  expect((await adminText(adminPort, '/metrics')).text).toContain('coatcheck_worker_restarts_total 1')
  client.close()
})

test('SIGTERM: workers finish their calls, and the supervisor leaves with 0; SIGINT alike', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const deployment = await deploy({ workers: 2 })
    const user = await deployment.user('ada')
    const { process: gateway } = deployment.node()
    const held = deferred()
    deployment.upstream.once(async (_request, exchange) => {
      await held.promise
      exchange.respond({ body: { call: 'late' } })
    })
    const before = deployment.upstream.requests.length
    const waiting = await deployment.connect()
    waiting.send(pageRequest(user, 'GET', '/api/waiting'))
    await deployment.upstream.request(before + 1)
    gateway.signal(signal)
    await eventually(async () => expect(await deployment.ready()).toBe(503))
    held.resolve()
    const answer = await waiting.response()
    expect(answer).toMatchObject({ status: 200, complete: true })
    expect(answer.header('connection')).toBe('close')
    expect(await inTime(gateway.exited, 'the exit')).toEqual({ code: 0, signal: null })
    for (const { pid } of workersOf(deployment)) expect(isAlive(pid)).toBe(false)
    expect(gateway.lines().at(-1)).toMatchObject({ event: 'stopped' })
  }
})

test('where the supervisor is killed its workers go too, and nobody holds the port', async () => {
  const deployment = await deploy({ workers: 2 })
  await deployment.user('ada')
  const workers = workersOf(deployment)
  await deployment.node().process.kill()
  await eventually(() => expect(workers.filter(({ pid }) => isAlive(pid))).toEqual([]))
})

test('workers that die at their start over and over end the supervisor, with the reason', async () => {
  const deployment = await deploy()
  await deployment.user('ada')
  const file = join(deployment.folder, 'die.mjs')
  writeFileSync(file, "if (/worker-bin/.test(process.argv[1] ?? '')) process.kill(process.pid, 'SIGKILL')\n")
  const broken = deployment.spawn('coatcheck.json', ['--workers', '2'], { NODE_OPTIONS: `--import=${file}` })
  expect(await inTime(broken.exited, 'the exit', 25_000)).toEqual({ code: 1, signal: null })
  expect(broken.stderr).toMatch(/the worker ended at its start: SIGKILL/)
})

test('a wrong config never starts a worker: a memory store cannot be shared, and a port in use is told at once', async () => {
  const deployment = await deploy()
  await deployment.user('ada')
  const config = deployment.config()
  deployment.writeConfig('memory.json', { ...config, workers: 2, session: { ...config.session, store: { type: 'memory' } } })
  const memory = deployment.spawn('memory.json')
  expect(await inTime(memory.exited, 'the exit')).toEqual({ code: 2, signal: null })
  expect(memory.stderr).toMatch(/workers: does not go with session\.store\.type memory/)
  const byFlag = deployment.spawn('coatcheck.json', ['--workers', 'many'])
  expect(await inTime(byFlag.exited, 'the exit')).toEqual({ code: 2, signal: null })

  deployment.writeConfig('taken.json', { ...config, listen: { port: deployment.node().port }, workers: 2 })
  const taken = deployment.spawn('taken.json')
  expect(await inTime(taken.exited, 'the exit')).toEqual({ code: 1, signal: null })
  expect(taken.stderr).toMatch(/Cannot listen on .*: something else does already/)
})
