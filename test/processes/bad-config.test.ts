import { expect, test } from 'vitest'
import { deploy } from './support/deployment.ts'
import { inTime } from './support/in-time.ts'
import { Victim } from './support/victim.ts'

test('a bad config is one error with every problem, exit code 2, and nobody listens', async () => {
  const deployment = await deploy()
  deployment.upstream.answer({ body: 'all is well' })
  const victim = new Victim(deployment, await deployment.user('ada'))
  const good = deployment.config()
  deployment.writeConfig('bad.json', {
    ...good,
    orign: 'https://app.test',
    provider: { ...good.provider, clientSecret: '${env:NOT_THERE}' },
    session: { ...good.session, secrets: ['too short'], idleTimeoutSeconds: -1 },
    routes: [{ path: '/api/', upstream: 'ftp://orders' }],
  })
  const bad = deployment.spawn('bad.json')
  expect(await inTime(bad.exited, 'the exit')).toEqual({ code: 2, signal: null })
  for (const path of [
    'orign',
    'provider.clientSecret',
    'session.secrets[0]',
    'session.idleTimeoutSeconds',
    'routes[0].upstream',
  ]) {
    expect(bad.stderr).toContain(path)
  }
  expect(bad.output).not.toContain('too short\n')
  expect(bad.lines()).toEqual([])

  const missing = deployment.spawn('missing.json')
  expect(await inTime(missing.exited, 'the exit')).toEqual({ code: 2, signal: null })
  expect(missing.stderr).toContain('missing.json')

  deployment.writeConfig('taken.json', { ...good, listen: { port: deployment.node().port } })
  const taken = deployment.spawn('taken.json')
  expect(await inTime(taken.exited, 'the exit')).toEqual({ code: 1, signal: null })
  expect(taken.stderr).toContain('something else does already')
  await victim.expectUnharmed()
})

test('a session of another installation is worth nothing here, and does no harm', async () => {
  const here = await deploy()
  const elsewhere = await deploy()
  const user = await elsewhere.user('ada')
  const stranger = here.browser({ copyOf: user })
  expect((await stranger.fetch('/api/home')).status).toBe(401)
  expect(await stranger.session()).toEqual({ authenticated: false })
  expect((await user.fetch('/api/home')).status).toBe(200)
})
