import { expect, test } from 'vitest'
import type { LogLine } from '../support/captured-log.ts'
import { findFreePort } from '../support/loopback.ts'
import { rawRequest } from '../support/raw-client.ts'
import { deploy, pageRequest, type Deployment } from './support/deployment.ts'
import { inTime } from './support/in-time.ts'
import { troubles, upstreamScripts } from './support/troubles.ts'
import { Victim } from './support/victim.ts'

async function deployTrouble() {
  const closedPort = await findFreePort()
  const deployment = await deploy({
    routes: ({ url }) => [
      { path: '/api/', upstream: `${url}/v1/` },
      { path: '/api/small/', upstream: `${url}/v1/small/`, maxBodyBytes: 1_000 },
      { path: '/api/quick/', upstream: `${url}/v1/quick/`, timeoutSeconds: 1 },
      { path: '/api/nobody/', upstream: `http://127.0.0.1:${closedPort}/` },
    ],
  })
  deployment.upstream.answer((request, exchange) => {
    const script = upstreamScripts[request.target]
    if (script === undefined) exchange.respond({ body: 'all is well' })
    else script(exchange, request)
  })
  return deployment
}

/** Warnings and errors in the log since then; a request that is refused marks where to stop. */
async function warningsSince(deployment: Deployment, linesBefore: number): Promise<LogLine[]> {
  const { process: gateway } = deployment.node()
  const marker = (await deployment.exchange(rawRequest('GET', '/marker'))).header('x-request-id') ?? ''
  const isMarker = (line: LogLine) => line['requestId'] === marker
  await gateway.logged(isMarker, 'the marker')
  return gateway
    .lines()
    .slice(linesBefore)
    .filter((line) => Number(line['level']) >= 40 && !isMarker(line))
}

test('bad requests and bad upstreams: a clear error, one log line, and nothing for anybody else', async () => {
  const deployment = await deployTrouble()
  const user = await deployment.user('ada')
  const token = String((await user.session())['csrfToken'])
  const victim = new Victim(deployment, await deployment.user('grace'))
  const { process: gateway } = deployment.node()
  const ownCalls = () => deployment.upstream.requests.filter(({ target }) => target !== '/v1/victim').length
  const deviations: string[] = []
  for (const { what, request, method = 'GET', status, code, logged, mostUpstreamCalls = 0, cut = false } of troubles) {
    await victim.goesOn()
    const callsBefore = ownCalls()
    const linesBefore = gateway.lines().length
    const response = await inTime(deployment.exchange(request(user, token), { method }), what)
    const warnings = await warningsSince(deployment, linesBefore)
    const deviate = (how: string) => deviations.push(`${what}: ${how}`)
    if (response.status !== status) deviate(`status ${response.status}`)
    if (response.complete === cut) deviate(cut ? 'looks whole' : 'is cut off')
    if (code === undefined && !cut && response.text !== '') deviate(`body ${response.text}`)
    if (code !== undefined && JSON.parse(response.text || '{}').code !== code) deviate(`body ${response.text}`)
    if (code !== undefined && response.header('content-type') !== 'application/problem+json')
      deviate(`type ${response.header('content-type')}`)
    if (ownCalls() - callsBefore > mostUpstreamCalls) deviate(`${ownCalls() - callsBefore} calls of the upstream`)
    const lines = warnings.map((line) => JSON.stringify(line))
    // An event of the audit log may come with the line of the refused request.
    const audits = warnings.filter((line) => line['audit'] === true).length
    if (audits > 1 || lines.length - audits > 1 || !lines.some((line) => logged.test(line)))
      deviate(`logged ${lines.join('\n') || 'nothing'}`)
    const requestId = response.header('x-request-id')
    if (code !== undefined && !lines.some((line) => requestId !== undefined && line.includes(requestId)))
      deviate('the log lacks its request id')
  }
  expect(deviations).toEqual([])
  await victim.expectUnharmed()
  expect((await user.fetch('/api/fine')).text, 'the session lives on').toBe('all is well')
})

test('an answer longer than it says is cut to what it says, and poisons no connection', async () => {
  const deployment = await deployTrouble()
  const user = await deployment.user('ada')
  const connection = await deployment.connect()
  for (let round = 0; round < 3; round += 1) {
    connection.send(pageRequest(user, 'GET', '/api/long'))
    expect(await connection.response()).toMatchObject({ status: 200, text: 'well' })
    connection.send(pageRequest(user, 'GET', '/api/fine'))
    expect(await connection.response()).toMatchObject({ status: 200, text: 'all is well' })
  }
})
