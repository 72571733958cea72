import { expect, test } from 'vitest'
import { simulateInternet } from './internet.ts'
import { rawExchange, rawRequest } from './raw-client.ts'

// The checks after every case are worth nothing unless each of them can fail.

test('a secret in a page, in the address bar or in a log line is found', async () => {
  const internet = await simulateInternet({ safety: {} })
  const { app, provider, browser, logs } = internet
  const ada = browser()
  await ada.login(app, '/x?value=canary-in-the-address')
  internet.expectNothingSecret()
  for (const secret of ['<h1>The app</h1>', 'canary-in-the-address']) {
    provider.grants.remember(secret, 'access_token')
    expect(internet.searchForSecrets()).not.toEqual([])
    expect(() => internet.expectNothingSecret()).toThrow()
    provider.grants.issued.clear()
  }
  const cookie = ada.jar.get(app.sessionCookie)?.value ?? ''
  logs.logger.info({ cookie }, 'a log line with the session id')
  expect(internet.searchForSecrets()).toMatchObject([{ where: 'the log' }])
  ada.jar.seen.clear()
})

test('a stray cookie, an unproven call and a foreign redirect are found', async () => {
  const internet = await simulateInternet()
  const { app, upstream, browser } = internet
  const ada = browser()
  await ada.login(app)
  internet.expectSafe()
  await rawExchange(upstream.port, rawRequest('GET', '/v1/x'))
  expect(() => internet.expectSafe()).toThrow('without a token')
  expect(() => internet.expectSafe({ openPaths: ['/v1/'] })).not.toThrow()
  upstream.requests.length = 0
  upstream.once({ status: 302, headers: [['Location', 'https://evil.test/']] })
  await expect(ada.fetch('/api/x')).rejects.toThrow('nothing answers')
  expect(() => internet.expectSafe()).toThrow('redirects to somewhere else')
  const safe = { locations: ['https://evil.test'] }
  internet.expectSafe(safe)
  await rawExchange(upstream.port, rawRequest('GET', '/public/x', [`X: ${ada.jar.get(app.sessionCookie)?.value ?? ''}`]))
  expect(() => internet.expectSafe(safe)).toThrow('cookies that reached the upstream')
  await internet.close()
})

test('several nodes share one origin and one store', async () => {
  const internet = await simulateInternet({ nodes: 2 })
  const ada = internet.browser()
  await ada.login(internet.app)
  internet.reachBy(ada, 1)
  expect(await ada.session()).toMatchObject({ authenticated: true })
  expect(internet.nodes.map(({ port }) => port)).toHaveLength(2)
})
