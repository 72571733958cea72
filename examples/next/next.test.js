import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { after, test } from 'node:test'
import { testApp } from '../support/app-test.js'
import { startTap } from './tap.js'

const folder = import.meta.dirname
const tokenSeconds = 3
const secrets = { CLIENT_SECRET: randomBytes(32).toString('base64url'), COATCHECK_SECRET: randomBytes(32).toString('base64url') }

// Between Coatcheck and the API, so that the test knows the tokens it searches for.
const tap = await startTap(() => Number(app.ports.API_PORT))
after(() => tap.close())
Object.assign(process.env, secrets, { API_URL: tap.url, TOKEN_SECONDS: String(tokenSeconds) })
const { app, json, testLogout } = testApp(folder)

const refreshes = () => app.said.split('\n').filter((line) => line.includes('"event":"refresh"')).length
const outlive = () => delay((tokenSeconds + 0.2) * 1000)

test('a page that needs a session lets nobody in without one, and a prefetch starts no login', async () => {
  const stranger = new app.browser.constructor()
  const load = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
  const page = await stranger.fetch(`${app.origin}/account`, { headers: load })
  assert.deepEqual(
    [page.status, new URL(page.headers.location, app.origin).href],
    [303, `${app.origin}/bff/login?returnTo=%2Faccount`],
  )
  const prefetch = await stranger.fetch(`${app.origin}/account`, { headers: { rsc: '1', 'next-router-prefetch': '1' } })
  assert.equal(prefetch.status, 401)
  assert.match((await app.browser.navigate(`${app.origin}/account`)).text, /You are (<!-- -->)?ada/)
})

test('a server component reads the session and calls the API', async () => {
  const page = await app.browser.navigate(`${app.origin}/`)
  assert.match(page.text, /Ada/)
  assert.match(page.text, /<li>espresso<\/li>/)
})

test('it survives that the token is renewed while it renders, and no cookie is written for it', async () => {
  const [before, token] = [refreshes(), tap.tokens.at(-1)]
  await outlive()
  const page = await app.browser.navigate(`${app.origin}/`)
  assert.match(page.text, /<li>espresso<\/li>/)
  assert.equal(page.headers['set-cookie'], undefined)
  assert.ok(refreshes() > before, 'a refresh is in the log')
  assert.notEqual(tap.tokens.at(-1), token)
})

/** Posts the form of the page as a browser without scripts does. */
async function submitOrder(item, change = (fields) => fields, headers = {}) {
  const page = await app.browser.navigate(`${app.origin}/`)
  const form = /<form[^>]*>(.*?)<\/form>/s.exec(page.text)[1]
  const inputs = [...form.matchAll(/<input[^>]*>/g)].map(([tag]) => [
    /name="([^"]*)"/.exec(tag)[1],
    /value="([^"]*)"/.exec(tag)?.[1] ?? item,
  ])
  const body = new FormData()
  for (const [name, value] of change(inputs)) body.append(name, value)
  const encoded = new Response(body)
  return app.browser.navigate(`${app.origin}/`, {
    method: 'POST',
    headers: {
      'content-type': encoded.headers.get('content-type'),
      'sec-fetch-site': 'same-origin',
      origin: app.origin,
      ...headers,
    },
    body: Buffer.from(await encoded.arrayBuffer()),
  })
}

test('a server action calls the API, also with a token that has to be renewed first', async () => {
  assert.match((await submitOrder('ristretto')).text, /<li>ristretto<\/li>/)
  await outlive()
  const before = refreshes()
  assert.match((await submitOrder('lungo')).text, /<li>lungo<\/li>/)
  assert.ok(refreshes() > before)
})

test('a server action that another page posts to is refused', async () => {
  const orders = (await json('/api/orders')).body.orders.length
  const forged = await submitOrder('forged', (fields) => fields.filter(([name]) => name !== '_csrf'))
  const foreign = await submitOrder('forged', (fields) => fields, { 'sec-fetch-site': 'same-site' })
  assert.deepEqual([forged.status, foreign.status], [500, 500])
  assert.match(app.said, /"event":"csrf_refused"/)
  assert.equal((await json('/api/orders')).body.orders.length, orders)
})

test('ten screens at once make one refresh', async () => {
  await outlive()
  const before = refreshes()
  const pages = await Promise.all(Array.from({ length: 10 }, () => app.browser.navigate(`${app.origin}/`)))
  assert.deepEqual(new Set(pages.map(({ status }) => status)), new Set([200]))
  assert.equal(refreshes() - before, 1)
})

/** A call of the page whose bodies are streams. */
async function openCall(path, method = 'GET') {
  const { csrfToken } = (await json('/bff/session')).body
  const request = httpRequest(app.origin + path, {
    method,
    agent: false,
    headers: {
      'sec-fetch-site': 'same-origin',
      'sec-fetch-mode': 'cors',
      cookie: app.browser.cookieOf('localhost'),
      'x-csrf-token': csrfToken,
    },
  })
  request.on('error', () => undefined)
  return request
}

test('an answer comes as it is made, and the API is told when the page goes', async () => {
  const request = await openCall('/api/tap/stream')
  request.end()
  const [response] = await once(request, 'response')
  const [first] = await once(response, 'data')
  assert.equal(String(first), 'data: one\n\n')
  const gone = tap.gone()
  request.destroy()
  await gone
})

test('an upload goes out as it comes', async () => {
  const request = await openCall('/api/tap/upload', 'POST')
  const arrived = tap.nextBytes()
  request.write('first')
  assert.equal(await arrived, 'first')
  request.end('last')
  const [response] = await once(request, 'response')
  assert.equal(String(Buffer.concat(await response.toArray())), 'firstlast')
})

test('status, repeated cookies and a compressed body come through; HEAD has no body', async () => {
  const answer = await app.browser.fetch(`${app.origin}/api/tap/odd`)
  assert.deepEqual([answer.status, answer.text], [202, 'compressed'])
  assert.deepEqual(
    answer.headers['set-cookie'].map((line) => line.split(';')[0]),
    ['theme=dark', 'lang=de'],
  )
  const head = await app.browser.fetch(`${app.origin}/api/orders`, { method: 'HEAD' })
  assert.deepEqual([head.status, head.text], [200, ''])
})

test('errors are problems, and the error paths of the callback are bare redirects', async () => {
  for (const [path, status, code] of [
    ['/api/a%2fb', 400, 'bad_request'],
    ['/bff/nothing', 404, 'not_found'],
  ]) {
    const answer = await json(path)
    assert.deepEqual([answer.status, answer.body.code], [status, code])
  }
  const stranger = new app.browser.constructor()
  const callback = await stranger.fetch(`${app.origin}/bff/callback?error=access_denied&state=x`)
  assert.deepEqual([callback.status, callback.text, callback.headers['content-security-policy']], [303, '', 'sandbox'])
})

test('the payload that the router asks for holds no token either', async () => {
  const payload = await app.browser.fetch(`${app.origin}/?_rsc`, { headers: { rsc: '1' } })
  assert.match(payload.headers['content-type'], /text\/x-component/)
  assert.match(payload.text, /lungo/)
})

test('nothing secret is in a bundle, a page or a payload', async () => {
  const files = readdirSync(join(folder, '.next/static'), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, '.next/static', name))
    .filter((path) => statSync(path).isFile())
  assert.ok(files.length > 5)
  const served = app.browser.answers.map(({ url, headers, text }) => [url, JSON.stringify(headers) + text])
  const places = [...files.map((path) => [path, readFileSync(path, 'latin1')]), ...served]
  assert.ok(tap.tokens.length > 5 && new Set(tap.tokens).size > 3)
  const texts = [
    ...new Set(tap.tokens),
    ...Object.values(secrets),
    'CLIENT_SECRET',
    'COATCHECK_SECRET',
    'createBff',
    'refresh_token',
  ]
  for (const [where, text] of places)
    for (const secret of texts) assert.ok(!text.includes(secret), `${secret.slice(0, 12)}... in ${where}`)
  assert.ok(app.browser.answers.length > 30)
})

testLogout()
