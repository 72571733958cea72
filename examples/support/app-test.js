import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { Browser } from './browser.js'
import { answers } from './processes.js'

/**
 * Starts an example with `npm start`, on free ports, and tries from outside what every one of them has to do.
 *
 * `api` is a path under which GET gives the caller's orders and POST takes one.
 */
export function testApp(folder, { api = '/api/orders' } = {}) {
  const app = { origin: '', ports: {}, browser: new Browser(), said: '' }
  let child

  before(async () => {
    app.ports = await freePorts('PORT', 'GATEWAY_PORT', 'PROVIDER_PORT', 'API_PORT', 'HOST_PORT')
    app.origin = `http://localhost:${app.ports.PORT}`
    // A group of its own: npm does not always pass a signal on to what it started.
    child = spawn('npm', ['start'], { cwd: folder, env: { ...process.env, ...app.ports }, detached: true })
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (app.said += chunk))
    const hasEnded = () => child.exitCode !== null
    await Promise.all([
      answers(`${app.origin}/bff/session`, hasEnded),
      answers(`http://127.0.0.1:${app.ports.PROVIDER_PORT}/.well-known/openid-configuration`, hasEnded),
      answers(`http://127.0.0.1:${app.ports.API_PORT}/orders`, hasEnded),
    ]).catch((error) => {
      throw new Error(`${error.message}\n${app.said}`)
    })
  })

  after(async () => {
    if (child?.pid === undefined || child.exitCode !== null) return
    const ended = once(child, 'close')
    process.kill(-1 * child.pid, 'SIGTERM')
    await ended
  })

  const json = async (path, init) => {
    const answer = await app.browser.fetch(app.origin + path, init)
    return { status: answer.status, body: answer.text === '' ? undefined : JSON.parse(answer.text) }
  }
  const order = (headers) => ({
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: '{"item":"espresso"}',
  })

  test('without a login the API is out of reach', async () => {
    assert.deepEqual(await json('/bff/session'), { status: 200, body: { authenticated: false } })
    const { status, body } = await json(api)
    assert.deepEqual([status, body.code, body.login], [401, 'session_required', '/bff/login'])
  })

  test('the page comes without a session', async () => {
    const page = await app.browser.navigate(`${app.origin}/`)
    assert.equal(page.status, 200)
    assert.match(page.text, /<h1>Orders<\/h1>/)
  })

  let session
  test('a login makes a session', async () => {
    const page = await app.browser.logIn(app.origin, 'ada', '/?after=login')
    assert.deepEqual([page.status, page.url], [200, `${app.origin}/?after=login`], page.text)
    session = (await json('/bff/session')).body
    assert.equal(session.user.sub, 'ada')
    assert.match(session.csrfToken, /^\S{20,}$/)
  })

  test('a call reaches the API with an access token that it accepts', async () => {
    assert.deepEqual(await json(api), { status: 200, body: { owner: 'ada', orders: [] } })
  })

  test('a change needs the CSRF token', async () => {
    const refused = await json(api, order({}))
    assert.deepEqual([refused.status, refused.body.code], [403, 'csrf_failed'])
    const taken = await json(api, order({ 'x-csrf-token': session.csrfToken }))
    assert.deepEqual(taken, { status: 201, body: { item: 'espresso' } })
    assert.deepEqual((await json(api)).body.orders, [{ item: 'espresso' }])
  })

  test('a page of a sibling domain gets nothing', async () => {
    const { status, body } = await json(api, { headers: { 'sec-fetch-site': 'same-site', origin: 'http://evil.localhost' } })
    assert.deepEqual([status, body.code], [403, 'csrf_failed'])
  })

  return {
    app,
    json,
    /** What comes last, as it ends the session. */
    testLogout() {
      test('a logout ends the session at once', async () => {
        const out = await json('/bff/logout', { method: 'POST', headers: { 'x-csrf-token': session.csrfToken } })
        assert.equal(out.status, 200)
        assert.match(out.body.logoutUrl, new RegExp(`^http://127\\.0\\.0\\.1:${app.ports.PROVIDER_PORT}/`))
        assert.deepEqual((await json('/bff/session')).body, { authenticated: false })
        assert.equal((await json(api)).status, 401)
      })

      test('no answer to the browser held a token', () => {
        assert.ok(app.browser.answers.length > 12)
        const seen = app.browser.answers.map(({ headers, text }) => JSON.stringify(headers) + text).join('\n')
        // A JWT begins so; the local provider's refresh tokens are named where they are given.
        assert.doesNotMatch(seen, /eyJ[\w-]{10,}\.|access_token|refresh_token|id_token/)
      })
    },
  }
}

/** Ports that are free now, by the names of the environment variables that hand them over. */
export async function freePorts(...names) {
  const servers = names.map(() => createServer())
  const ports = await Promise.all(
    servers.map(
      (server) => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(String(server.address().port)))),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return Object.fromEntries(names.map((name, index) => [name, ports[index]]))
}
